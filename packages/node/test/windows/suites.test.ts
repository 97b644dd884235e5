/**
 * Other tests of this repository, run by the node.exe of Windows: what they prove of sockets, files and pipes on Unix they
 * prove here. Those that can't hold under Windows are named, with the reason.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { facts, node, run, windows } from './support/machine.ts';

const FOLDERS = [
  'packages/zmq/.out/test/unit/transport',
  'packages/zmq/.out/test/behaviour',
  'packages/node/.out/test/unit/store',
] as const;

/** What is the same everywhere is not tried again. */
const FILES = [
  'packages/node/.out/test/unit/flow/apply-streams',
  'packages/node/.out/test/unit/flow/durable',
  'packages/node/.out/test/unit/control/watch',
];

/**
 * `follow`: its folder is removed while a file in it is open, which Windows does not do. `memory`: what V8 holds is the
 * same everywhere, and its millions of messages take minutes under Wine.
 */
const NOT_HERE: readonly string[] = ['follow.test.js', 'memory.test.js'];

function files(): readonly string[] {
  const found = FOLDERS.flatMap((folder) =>
    readdirSync(join(facts.repository, folder))
      .filter((name) => name.endsWith('.test.js') && !NOT_HERE.includes(name))
      .map((name) => `${folder}/${name}`),
  );
  return [...found, ...FILES.map((path) => `${path}.test.js`)];
}

/** Tests that are left out, by a part of the path of their file. */
const LEFT_OUT: Readonly<Record<string, readonly string[]>> = {
  // A named pipe can't be closed on one side: the other side hears of an end where TCP goes on (docs/windows.md).
  // Wine is late to say that a pipe has a server already.
  'transport/connection': [
    'connections over ipc end one side, and go on reading',
    'connections over ipc refuse an address in use',
  ],
  'behaviour/retire': ['retire over ipc'],
  'behaviour/additions': ['additions over ipc a mandatory send that waits for a full peer fails'],
  // Wine binds a datagram socket to any address.
  'behaviour/udp': ['refuses an address of another machine'],
  // Under Wine a program that was started from Unix has no parent that runs.
  'store/lock': ['stays with a process that runs', 'is taken over from one who died while taking over'],
  // Windows removes no folder that is watched, nor replaces a file that is read at that moment: who writes it tries again.
  'control/watch': ['gone, and back', 'replaced by a rename, again and again'],
};

describe('suites under Windows', { concurrency: 2 }, () => {
  for (const path of files()) {
    const skipped = Object.entries(LEFT_OUT).find(([part]) => path.includes(part))?.[1] ?? [];
    it(path.replace('.out/', '').replace(/\.js$/, '.ts'), async () => {
      const skips = skipped.map((test) => `--test-skip-pattern=${test}`);
      const script = windows(join(facts.repository, path));
      const { code, stdout, stderr } = await run([node, '--test-reporter=tap', ...skips, script], {
        patience: 120_000,
      });
      const failures = stdout.match(/^ *not ok[\s\S]*?^ *\.\.\.$/gm) ?? [];
      assert.equal(code, 0, `${failures.join('\n').slice(0, 4000)}\n${stderr.slice(-2000)}`);
      assert.match(stdout, /^ok /m);
    });
  }
});
