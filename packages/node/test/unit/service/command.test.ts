import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandLine, commandLines, must, runCommand } from '../../../src/service/command.ts';

const skip = process.platform === 'win32' ? 'commands of Unix' : false;
const failed = (message: RegExp): object => ({ code: 'SERVICE_FAILED', message });

test('a command answers with its code and its words', { skip }, async () => {
  assert.deepEqual(await runCommand('sh', ['-c', 'echo out; echo err >&2; exit 3']), {
    code: 3,
    stdout: 'out\n',
    stderr: 'err\n',
  });
  await assert.rejects(
    runCommand('zeroth-no-such-command', []),
    failed(/zeroth-no-such-command: there is no such command/),
  );
});

test('what fails says the line, the code and the words', { skip }, async () => {
  await assert.rejects(
    must(runCommand, ['sh', '-c', 'echo no >&2; exit 5']),
    failed(/^sh -c 'echo no.*failed with code 5: no$/),
  );
  assert.equal((await must(runCommand, ['sh', '-c', 'exit 5'], [5])).code, 5);
});

test('a line can be typed as it is shown', { skip }, async () => {
  const words = ['a b', "it's", '$HOME', '', '*', 'plain-1.2/x'];
  const { stdout } = await runCommand('sh', ['-c', `printf '%s\\n' ${commandLine(words)}`]);
  assert.deepEqual(stdout.split('\n').slice(0, -1), words);
});

test('lines come as they are written, until somebody has enough', { skip, timeout: 30_000 }, async () => {
  const endless = ['sh', '-c', 'echo one; echo two; exec sleep 1000'] as const;
  const controller = new AbortController();
  const lines: string[] = [];
  for await (const line of commandLines(endless, controller.signal)) {
    lines.push(line);
    if (lines.length === 2) controller.abort();
  }
  assert.deepEqual(lines, ['one', 'two']);
  for await (const line of commandLines(endless, new AbortController().signal)) {
    assert.equal(line, 'one');
    break;
  }
});

test('a command that fails after its lines is an error', { skip }, async () => {
  const lines: string[] = [];
  const read = async (words: readonly [string, ...string[]]): Promise<void> => {
    for await (const line of commandLines(words, new AbortController().signal)) lines.push(line);
  };
  await assert.rejects(read(['sh', '-c', 'echo one; echo broken >&2; exit 4']), failed(/code 4: broken/));
  assert.deepEqual(lines, ['one']);
  await assert.rejects(read(['zeroth-no-such-command']), failed(/there is no such command/));
});
