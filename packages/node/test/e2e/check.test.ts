/** `zeroth check`, `init` and `schema` as a person calls them. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { cli, folder } from '../support/cli.ts';

const BAD = `node: { name: plant-7 }
routes:
  telemetry:
    pattern: pubsub
    frontend: { bind: tcp://*:5555 }
    backend: { bnd: tcp://*:5556 }
  orders:
    pattern: reqreply
    frontend: { bind: tcp://*:99999 }
    backend: { bind: tcp://*:5558 }
`;

describe('zeroth check', () => {
  it('accepts what init writes', async (t) => {
    const cwd = await folder(t);
    const made = await cli(['init'], { cwd });
    assert.equal(made.code, 0, made.stderr);
    assert.match(made.stdout, /zeroth run zeroth\.yaml/);
    const checked = await cli(['check', 'zeroth.yaml'], { cwd });
    assert.equal(checked.stdout, 'zeroth.yaml: ok, 3 routes, 1 stream\n');
    assert.equal(checked.code, 0);
  });

  it('names file, line, key, value, what is allowed and the nearest key', async (t) => {
    const cwd = await folder(t);
    await writeFile(join(cwd, 'bad.yaml'), BAD);
    const { code, stdout } = await cli(['check', 'bad.yaml'], { cwd });
    assert.equal(code, 3);
    assert.match(
      stdout,
      /^bad\.yaml:6:16 .*routes\.telemetry\.backend\.bnd: unknown key.*Did you mean "bind"\?.*Allowed: bind, connect/m,
    );
    assert.match(
      stdout,
      /^bad\.yaml:8:14 .*routes\.orders\.pattern: .*reqreply.*Allowed: pubsub, reqrep, pipeline/m,
    );
    assert.match(stdout, /^bad\.yaml:9:23 .*routes\.orders\.frontend\.bind: .*99999/m);
  });

  it('takes the text of a configuration centre, for each node that it names', async (t) => {
    const cwd = await folder(t);
    const shared = `routes:
  orders:
    pattern: reqrep
    frontend: { bind: tcp://*:5557 }
    backend: { bind: tcp://*:5558 }
`;
    const check = async (nodes: string) => {
      await writeFile(join(cwd, 'centre.yaml'), `${shared}${nodes}`);
      return cli(['check', 'centre.yaml'], { cwd });
    };
    const good = await check('nodes: { press-4: { log: { level: debug } }, press-5: }\n');
    assert.deepEqual([good.code, good.stdout], [0, 'centre.yaml: ok, for a configuration centre, 2 nodes\n']);
    const none = await check('nodes:\n');
    assert.equal(none.stdout, 'centre.yaml: ok, for a configuration centre, 0 nodes\n');
    const bad = await check(
      'log: { level: nothing }\nnodes:\n  press-4: { log: { lvel: debug } }\n  press-5: { routes: { orders: { timeout: 5 } } }\n',
    );
    assert.equal(bad.code, 3);
    for (const line of [
      /^centre\.yaml:6:15 {2}log\.level/m,
      /^centre\.yaml:8:21 {2}log\.lvel: unknown key/m,
      /^centre\.yaml:9:43 {2}routes\.orders\.timeout: a duration needs a unit/m,
    ])
      assert.match(bad.stdout, line);
    assert.match(bad.stdout, /^centre\.yaml: 3 problems$/m);
  });

  it('prints JSON for programs', async (t) => {
    const cwd = await folder(t);
    await writeFile(join(cwd, 'bad.yaml'), BAD);
    const { code, stdout } = await cli(['check', '--json', 'bad.yaml'], { cwd });
    assert.equal(code, 3);
    const report = JSON.parse(stdout) as { ok: boolean; problems: Record<string, unknown>[] };
    assert.equal(report.ok, false);
    const unknown = report.problems.find(({ code: problem }) => problem === 'CONFIG_UNKNOWN_KEY');
    assert.equal(unknown?.file, 'bad.yaml');
    assert.equal(unknown?.line, 6);
    assert.equal(unknown?.key, 'routes.telemetry.backend.bnd');
    assert.equal(unknown?.suggestion, 'bind');
  });

  it('says that a file is missing', async () => {
    const { code, stdout } = await cli(['check', 'no-such-file.yaml']);
    assert.equal(code, 3);
    assert.match(stdout, /no-such-file\.yaml.*does not exist/);
  });

  it('run refuses the same file with the same words and exit code 3', async (t) => {
    const cwd = await folder(t);
    await writeFile(join(cwd, 'bad.yaml'), BAD);
    const { code, stdout, stderr } = await cli(['run', 'bad.yaml'], { cwd });
    assert.equal(code, 3);
    assert.equal(stdout, '');
    assert.match(stderr, /^bad\.yaml:6:16 .*Did you mean "bind"\?/m);
    assert.match(stderr, /^error \[CONFIG_INVALID\] bad\.yaml has \d+ problems/m);
  });
});

describe('zeroth init', () => {
  it('does not overwrite without --force', async (t) => {
    const cwd = await folder(t);
    const file = join(cwd, 'mine.yaml');
    await writeFile(file, 'precious');
    const refused = await cli(['init', 'mine.yaml'], { cwd });
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /^error \[FILE_EXISTS\] mine\.yaml is there already\n {2}-> .*--force/);
    assert.equal(await readFile(file, 'utf8'), 'precious');
    assert.equal((await cli(['init', 'mine.yaml', '--force'], { cwd })).code, 0);
    assert.match(await readFile(file, 'utf8'), /^routes:/m);
  });

  it('says why it cannot write', async (t) => {
    const cwd = await folder(t);
    const { code, stderr } = await cli(['init', join('no', 'such', 'folder.yaml')], { cwd });
    assert.equal(code, 1);
    assert.match(stderr, /^error \[FILE_FAILED\] cannot write .*ENOENT/);
  });
});

describe('zeroth schema', () => {
  it('prints a JSON Schema that knows the keys', async () => {
    const { code, stdout } = await cli(['schema']);
    assert.equal(code, 0);
    const schema = JSON.parse(stdout) as { properties: Record<string, unknown> };
    assert.deepEqual(Object.keys(schema.properties).sort(), [
      'admin',
      'health',
      'log',
      'node',
      'routes',
      'sessions',
      'source',
      'streams',
      'telemetry',
    ]);
  });
});

describe('zeroth', () => {
  it('prints its version', async () => {
    const { version } = JSON.parse(
      await readFile(new URL('../../../package.json', import.meta.url), 'utf8'),
    ) as { version: string };
    for (const flag of ['--version', '-V']) {
      const { code, stdout } = await cli([flag]);
      assert.equal(stdout, `${version}\n`);
      assert.equal(code, 0);
    }
  });

  it('lists the commands and the exit codes', async () => {
    const { code, stdout } = await cli(['--help']);
    assert.equal(code, 0);
    for (const word of [
      'run',
      'init',
      'check',
      'schema',
      'push',
      'pull',
      'pub',
      'sub',
      'req',
      'rep',
      'Exit codes',
    ]) {
      assert.match(stdout, new RegExp(`\\b${word}\\b`));
    }
  });

  it('fits the help of each command on one screen', async () => {
    for (const name of ['run', 'init', 'check', 'schema', 'push', 'pull', 'pub', 'sub', 'req', 'rep']) {
      const { code, stdout } = await cli([name, '--help']);
      assert.equal(code, 0);
      const lines = stdout.trimEnd().split('\n');
      assert.ok(lines.length <= 40, `${name} --help has ${lines.length} lines`);
      for (const line of lines) assert.ok(line.length <= 100, `${name} --help: ${line}`);
      assert.match(stdout, /^Examples:$/m);
      assert.equal((await cli(['help', name])).stdout, stdout);
    }
  });

  it('answers a wrong command line with exit code 2 and the way out', async () => {
    const cases: [args: string[], words: RegExp][] = [
      [['psh'], /^error \[USAGE\] unknown command 'psh' \(Did you mean push\?\)\n {2}-> zeroth --help/],
      [
        ['push', '--cuont', '3', 'tcp://127.0.0.1:1'],
        /^error \[USAGE\] unknown option '--cuont' \(Did you mean --count\?\)\n {2}-> zeroth push --help$/m,
      ],
      [['push'], /^error \[USAGE\] push needs an endpoint\n {2}-> for example: zeroth push tcp:/],
      [
        ['push', '5560', 'x'],
        /^error \[USAGE\] the first argument is an endpoint.*\n {2}-> did you mean tcp:\/\/127\.0\.0\.1:5560\?/,
      ],
      [['push', 'localhost:5560'], /did you mean tcp:\/\/localhost:5560\?/],
      [['push', 'tcp://127.0.0.1:1', '-n', '0', 'x'], /--count takes a whole number from 1 on, not 0/],
      [
        ['push', 'tcp://127.0.0.1:1', '-t', '5', 'x'],
        /--timeout takes a duration, not 5\n {2}-> did you mean 5s\?/,
      ],
      [['push', 'tcp://127.0.0.1:1', '-x', 'zz'], /^error \[INPUT_INVALID\] not hex: zz/],
      [['pub', 'tcp://127.0.0.1:1'], /^error \[USAGE\] pub needs a topic/],
      [['pull', 'inproc://x'], /inproc stays inside one process/],
      [['pull', 'tcp:/127.0.0.1:5561'], /did you mean tcp:\/\/127\.0\.0\.1:5561\?/],
      [['pull', 'http://127.0.0.1:1'], /unknown transport "http"\n {2}-> an endpoint is tcp:.* or ipc:/],
      [['pull', 'tcp://127.0.0.1'], /^error \[USAGE\] not an endpoint: tcp:.*: the port is missing/],
      [['req', 'tcp://127.0.0.1:1', 'tcp://*:2', 'x'], /did you mean tcp:\/\/127\.0\.0\.1:2\?/],
      [['rep'], /for example: zeroth rep tcp:\/\/127\.0\.0\.1:5558$/m],
      [['help', 'nope'], /^error \[USAGE\] there is no command nope\n {2}-> zeroth --help/],
      [
        ['push', 'tcp://127.0.0.1:1', '-f', 'absent'],
        /^error \[FILE_FAILED\] cannot read absent: no such file or directory \(ENOENT\)$/m,
      ],
      [['check'], /missing required argument 'FILE'/],
    ];
    for (const [args, words] of cases) {
      const { code, stdout, stderr } = await cli(args);
      assert.match(stderr, words);
      assert.equal(code, 2, args.join(' '));
      assert.equal(stdout, '');
    }
    assert.equal((await cli([])).code, 2);
  });

  it('reports errors as JSON where --json was asked for', async () => {
    const { code, stderr } = await cli(['pull', '--json', '5561']);
    assert.equal(code, 2);
    const { error } = JSON.parse(stderr) as { error: { code: string; message: string; hint: string } };
    assert.equal(error.code, 'USAGE');
    assert.match(error.hint, /tcp:\/\/127\.0\.0\.1:5561/);
  });
});
