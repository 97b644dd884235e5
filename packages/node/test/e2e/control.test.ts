/** The commands that talk to a running node, as processes: reload, set, unset, config, status, and what they refuse. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { truncate, writeFile } from 'node:fs/promises';
import { createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { cli, folder, MAIN, start } from '../support/cli.ts';
import { address, controlled, flowing, ROUTES } from '../support/controlled.ts';
import { request } from '../support/http.ts';

const TOKEN = 'the-token-of-this-test-0123456789';
const noSignals = process.platform === 'win32' ? 'Windows has no signals between processes' : false;

const noTerminal =
  spawnSync('script', ['--version'], { stdio: 'ignore' }).status === 0 ? false : 'there is no script(1)';

describe('a changed file', () => {
  it('is loaded by itself, and by SIGHUP', { skip: noSignals }, async (t) => {
    const watching = await controlled(t, '', 'watch: true');
    const flow = await flowing(t, watching);
    await watching.write(`log: { level: debug }\n${ROUTES}`);
    const applied = await watching.line('config:applied');
    assert.deepEqual([applied.version, applied.via], [2, 'file']);
    await flow();
    const deaf = await controlled(t);
    await deaf.write(`log: { level: debug }\n${ROUTES}`);
    deaf.process.child.kill('SIGHUP');
    const asked = await deaf.line('config:applied');
    assert.deepEqual([asked.via, asked.who], ['signal', 'SIGHUP']);
    assert.equal((await deaf.process.stop()).code, 0);
  });
});

describe('zeroth reload', () => {
  it('applies what changed, keeps the rest, and says what it did', async (t) => {
    const node = await controlled(t);
    const flow = await flowing(t, node);
    await flow();
    await node.write(
      `${ROUTES}  more: { pattern: pubsub, frontend: { bind: "tcp://127.0.0.1:0" }, backend: { bind: "tcp://127.0.0.1:0" } }\n`,
    );
    const diff = await node.run('config', 'diff');
    assert.equal(diff.code, 9, diff.stderr);
    assert.match(diff.stdout, /^\+ routes\.more: \{ pattern: pubsub/m);
    const { code, stdout, stderr } = await node.run('reload');
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^reloaded: version 2 in \d+ ms\n\+ routes\.more: /);
    await flow();
    const again = await node.run('reload', '--json');
    assert.deepEqual(JSON.parse(again.stdout).changes, []);
    assert.equal((await node.run('config', 'diff')).code, 0);
    assert.match((await node.line('config:applied')).who as string, /^zeroth\//);
  });

  const big = `#${'x'.repeat(1023)}\n`.repeat(100 * 1024);
  const bad: readonly (readonly [what: string, text: string, message: RegExp])[] = [
    ['an empty file', '', /CONFIG_EMPTY/],
    [
      'a file that is truncated while it is written',
      `node: { name: x }\n${ROUTES.slice(0, 90)}`,
      /zeroth\.yaml:\d+:\d+ /,
    ],
    ['a file of 100 MB', big, /CONFIG_FILE_TOO_LARGE/],
    ['a cycle of anchors', `routes: &a\n  jobs: *a\n`, /zeroth\.yaml:2:\d+ .*CONFIG_ALIAS_CYCLE/],
    [
      'a key twice',
      `${ROUTES}log: { level: info }\nlog: { level: debug }\n`,
      /zeroth\.yaml:5:1 .*CONFIG_DUPLICATE_KEY/,
    ],
    ['a wrong type', `log: 3\n${ROUTES}`, /zeroth\.yaml:1:6 .*log: expected a mapping.*CONFIG_WRONG_TYPE/],
    ['an unknown key', `log: { levle: info }\n${ROUTES}`, /zeroth\.yaml:1:8 .*levle.*Did you mean "level"/],
    [
      'a port twice',
      'routes:\n  a: { pattern: pubsub, frontend: { bind: "tcp://*:7001" }, backend: { bind: "tcp://*:7001" } }\n',
      /zeroth\.yaml:2:\d+ .*CONFIG_ENDPOINT_TWICE/,
    ],
  ];
  it('refuses what is bad, with file, line and key, and messages still flow', async (t) => {
    const node = await controlled(t);
    const flow = await flowing(t, node);
    for (const [what, text, message] of bad) {
      await writeFile(node.file, text);
      const { code, stdout, stderr } = await node.run('reload');
      assert.equal(code, 3, `${what}: ${stdout}${stderr}`);
      assert.match(stderr, message, what);
      assert.match(stderr, /the node runs as before/);
      await flow();
    }
    await truncate(node.file, 0);
    const json = await node.run('reload', '--json');
    assert.equal(json.code, 3);
    const { error } = JSON.parse(json.stderr);
    assert.deepEqual([error.code, error.problems[0].code], ['CONFIG_INVALID', 'CONFIG_EMPTY']);
    // What was refused is seen, and gone with the next good one.
    const degraded = await node.run('status', '--json');
    assert.equal(degraded.code, 7);
    await node.write(ROUTES);
    assert.equal((await node.run('reload')).code, 0);
    assert.equal((await node.run('status', '--json')).code, 0);
    await flow();
  });

  it('refuses what the node can not take, with the reason', async (t) => {
    const node = await controlled(t);
    const other = await controlled(t);
    const flow = await flowing(t, node);
    const taken = address(other, 'jobs', 'frontend');
    await node.write(
      ROUTES.replace('frontend: { bind: "tcp://127.0.0.1:0" }', `frontend: { bind: "${taken}" }`),
    );
    const { code, stderr } = await node.run('reload');
    assert.equal(code, 4, stderr);
    assert.match(stderr, /\[RELOAD_FAILED\].*jobs/s);
    await flow();
  });
});

describe('zeroth set', () => {
  it('changes a key at once, for a while, with a line for the audit', async (t) => {
    const node = await controlled(t);
    const value = async (): Promise<string> =>
      (await node.run('config', 'show', 'routes.orders.timeout')).stdout;
    const set = await node.run('set', 'routes.orders.timeout', '3s', '--for', '1s');
    assert.equal(set.code, 0, set.stderr);
    assert.match(set.stdout, /^set for 1s: .*\n~ routes\.orders\.timeout: 0s -> 3s\n$/);
    const audit = await node.line('config:set');
    assert.deepEqual([audit.key, audit.value, audit.via], ['routes.orders.timeout', '3s', 'socket']);
    await node.line('config:expired', ({ key }) => key === 'routes.orders.timeout');
    assert.match(await value(), /timeout: 0s/);
    assert.equal((await node.run('set', 'routes.orders.timeout', '4s')).code, 0);
    assert.match(await value(), /timeout: 4s/);
    assert.match((await node.run('status')).stdout, /set by hand: routes\.orders\.timeout: 4s$/m);
    assert.equal((await node.run('unset', 'routes.orders.timeout')).code, 0);
    assert.match(await value(), /timeout: 0s/);
  });

  it('refuses what the file may not have either', async (t) => {
    const node = await controlled(t);
    for (const [key, value, message] of [
      ['routes.orders.timeout', 'soon', /duration/],
      ['routes.orders.timeuot', '3s', /timeout/],
      ['routes.nothing.timeout', '3s', /nothing/],
      ['log.level', 'loud', /debug/],
    ] as const) {
      const { code, stderr } = await node.run('set', key, value);
      assert.ok(code === 3 || code === 2, `${key}: ${code} ${stderr}`);
      assert.match(stderr, message);
    }
    assert.equal((await node.run('set', 'log.level')).code, 2);
    assert.equal((await node.run('set', 'log.level', 'debug', '--for', '0')).code, 2);
    assert.equal((await node.run('unset', 'log.level')).code, 2);
  });

  it('shows no secret to anybody', async (t) => {
    const node = await controlled(t, `admin: { token: ${TOKEN} }\n`);
    const next = 'another-secret-of-this-test-0123456789';
    const outputs = [
      await node.run('set', 'admin.token', next),
      await node.run('status'),
      await node.run('status', '--json'),
      await node.run('config', 'show'),
      await node.run('config', 'show', '--json'),
      await node.run('unset', 'admin.token'),
      await node.run('set', 'admin.token', 'short'),
    ];
    await node.write(`admin: { token: ${next} }\n${ROUTES}`);
    outputs.push(
      await node.run('config', 'diff'),
      await node.run('reload', '--json'),
      await node.run('config', 'history'),
    );
    const all = outputs.map(({ stdout, stderr }) => stdout + stderr).join('') + node.process.stderr;
    assert.ok(!all.includes(next));
    assert.ok(!all.includes(TOKEN));
    assert.match(all, /\[redacted\]/);
  });
});

describe('zeroth config', () => {
  it('lists what ran, and goes back', async (t) => {
    const node = await controlled(t);
    await node.write(
      `${ROUTES}  more: { pattern: pubsub, frontend: { bind: "tcp://127.0.0.1:0" }, backend: { bind: "tcp://127.0.0.1:0" } }\n`,
    );
    assert.equal((await node.run('reload')).code, 0);
    const back = await node.run('config', 'rollback');
    assert.equal(back.code, 0, back.stderr);
    assert.match(back.stdout, /^rolled back: version 3 .*\n- routes\.more: /);
    const history = JSON.parse((await node.run('config', 'history', '--json')).stdout).versions;
    assert.deepEqual(
      history.map(({ version, current }: { version: number; current: boolean }) => [version, current]),
      [
        [1, false],
        [2, false],
        [3, true],
      ],
    );
    assert.equal((await node.run('config', 'rollback', '2')).code, 0);
    assert.match(
      (await node.run('config', 'show', 'routes.more.pattern')).stdout,
      /routes\.more\.pattern: pubsub/,
    );
    assert.equal((await node.run('config', 'rollback', 'x')).code, 2);
    assert.notEqual((await node.run('config', 'rollback', '99')).code, 0);
    assert.equal((await node.run('config', 'show', 'nothing')).code, 2);
  });
});

describe('zeroth status', () => {
  it('fits on one screen, and is for machines as well', async (t) => {
    const node = await controlled(t, 'streams: { events: }\nsessions: { bind: "tcp://127.0.0.1:0" }\n');
    const flow = await flowing(t, node);
    await flow();
    const { code, stdout, stderr } = await node.run('status');
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`^${node.name} is up: zeroth \\d`));
    assert.match(stdout, /^config version 1 from .*zeroth\.yaml, applied .* by start/m);
    assert.match(stdout, /^jobs +pipeline +running +1 .* 1\/1$/m);
    assert.match(stdout, /^events +0 /m);
    assert.ok(!stdout.includes('\u001b'));
    assert.ok(stdout.split('\n').length < 24);
    const json = JSON.parse((await node.run('status', '--json')).stdout);
    assert.equal(json.routes.find(({ name }: { name: string }) => name === 'jobs').toBack.messages, 1);
  });

  it('finds the node by itself, asks which, and says what to do without one', async (t) => {
    const env = { ZEROTH_RUNTIME_DIR: await folder(t) };
    const alone = await cli(['status'], { env });
    assert.equal(alone.code, 4);
    assert.match(alone.stderr, /\[NODE_NOT_FOUND\] no node .*\n {2}-> start one: zeroth run/);
    const files: string[] = [];
    for (const name of ['first', 'second']) {
      const file = join(await folder(t), 'zeroth.yaml');
      await writeFile(file, `node: { name: ${name}, dataDir: ./data }\n${ROUTES}`);
      files.push(file);
    }
    const first = start(t, ['run', files[0] as string], { env });
    await first.waitFor('stderr', /"event":"ready"/);
    assert.equal((await cli(['status'], { env })).code, 0);
    const second = start(t, ['run', files[1] as string], { env });
    await second.waitFor('stderr', /"event":"ready"/);
    const several = await cli(['status'], { env });
    assert.equal(several.code, 2);
    assert.match(several.stderr, /several nodes run here: (first, second|second, first)\n.*--node/);
    assert.match((await cli(['status', '--node', 'second'], { env })).stdout, /^second is up/);
    const unknown = await cli(['status', '--node', 'third'], { env });
    assert.equal(unknown.code, 4);
    assert.match(unknown.stderr, /no node third/);
    // What a killed node leaves behind is no node.
    first.child.kill('SIGKILL');
    await first.ended;
    assert.match((await cli(['status'], { env })).stdout, /^second is up/);
  });
});

describe('--url', () => {
  it('needs the token, which never stands on the command line', async (t) => {
    const node = await controlled(t, `admin: { bind: "tcp://127.0.0.1:0", token: ${TOKEN} }\n`);
    const [url] = (await node.line('ready')).admin as string[];
    const at = (...args: readonly string[]): readonly string[] => [...args, '--url', url as string];
    const env = { ZEROTH_TOKEN: TOKEN };
    assert.equal((await cli(at('status'), { env })).code, 0);
    const file = join(node.dir, 'token');
    await writeFile(file, `${TOKEN}\n`);
    assert.equal((await cli(at('status', '--token-file', file))).code, 0);
    assert.equal((await cli(at('set', 'log.level', 'debug'), { env })).code, 0);
    assert.equal((await node.line('config:set')).who, '127.0.0.1');
    for (const wrong of [{}, { ZEROTH_TOKEN: 'wrong' }]) {
      const refused = await cli(at('reload'), { env: wrong });
      assert.equal(refused.code, 4);
      assert.match(refused.stderr, /\[ADMIN_UNAUTHORIZED\].*\n.*--token-file FILE/);
    }
    assert.equal((await cli(at('status', '--token', TOKEN))).code, 2);
    assert.equal((await cli(['status', '--node', node.name, '--token-file', file])).code, 2);
    assert.equal((await cli(at('status', '--token-file', join(node.dir, 'gone')))).code, 2);
    assert.ok(!node.process.stderr.includes(TOKEN));
    const health = await request(t, url as string, '/health');
    assert.deepEqual(health.json, { status: 'up' });
  });

  it('says what is wrong with it, and when nobody or somebody else answers', async (t) => {
    for (const url of [
      'localhost:5580',
      'https://localhost:5580',
      'http://localhost:5580/v1',
      'http://u:p@localhost',
    ])
      assert.equal((await cli(['status', '--url', url])).code, 2, url);
    const nobody = await cli(['status', '--url', 'http://127.0.0.1:1']);
    assert.equal(nobody.code, 4);
    assert.match(nobody.stderr, /\[NODE_UNREACHABLE\].*ECONNREFUSED/);
    assert.equal(nobody.stderr.split('ECONNREFUSED').length, 2, 'the reason stands there once');
    const short = await cli(['status', '--url', 'http://127.0.0.1:1', '-j']);
    assert.equal(JSON.parse(short.stderr).error.code, 'NODE_UNREACHABLE');
    const { createServer } = await import('node:http');
    const server = createServer((_request, response) => response.end('<h1>hello</h1>')).listen(
      0,
      '127.0.0.1',
    );
    await new Promise((resolve) => server.once('listening', resolve));
    t.after(() => server.close());
    const { port } = server.address() as { port: number };
    const other = await cli(['status', '--url', `http://127.0.0.1:${port}`]);
    assert.equal(other.code, 4);
    assert.match(other.stderr, /is not a Zeroth node/);
    const greeting = createTcpServer((socket) => socket.end('hello')).listen(0, '127.0.0.1');
    await new Promise((resolve) => greeting.once('listening', resolve));
    t.after(() => greeting.close());
    const { port: noHttp } = greeting.address() as { port: number };
    const noise = await cli(['status', '--url', `http://127.0.0.1:${noHttp}`]);
    assert.match(noise.stderr, /is not a Zeroth node/);
  });
});

describe('zeroth run on a terminal that is closed', { skip: noTerminal }, () => {
  it('stops in good order, and does not take the signal for a reload', async (t) => {
    const dir = await folder(t);
    await writeFile(join(dir, 'zeroth.yaml'), `node: { name: left }\n${ROUTES}`);
    const env: NodeJS.ProcessEnv = { ...process.env, ZEROTH_RUNTIME_DIR: join(dir, 'run') };
    for (const name of ['NODE_TEST_CONTEXT', 'NODE_OPTIONS']) delete env[name];
    const line = `exec '${process.execPath}' '${MAIN}' run zeroth.yaml`;
    const terminal = spawn('script', ['-qfec', line, '/dev/null'], { env, cwd: dir });
    let text = '';
    terminal.stdout.setEncoding('utf8').on('data', (data: string) => (text += data));
    t.after(() => terminal.kill('SIGKILL'));
    while (!text.includes('Ctrl-C stops it')) await new Promise((resolve) => setTimeout(resolve, 20));
    const sockets = (): string[] => readdirSync(join(dir, 'run'));
    assert.equal(sockets().length, 1);
    terminal.kill('SIGKILL');
    // Only a node that stops in good order removes it.
    while (sockets().length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  });
});

describe('zeroth stream purge', () => {
  it('is done by the node that has the folder', async (t) => {
    const node = await controlled(t, 'streams: { events: }\nsessions: { bind: "tcp://127.0.0.1:0" }\n');
    const purge = await cli(['stream', 'purge', 'events', '--config', node.file, '--before', 'all', '--yes']);
    assert.equal(purge.code, 0, purge.stderr);
    assert.match(purge.stdout, /nothing was removed/);
    assert.equal((await node.run('status', '--json')).code, 0);
  });
});

describe('--help', () => {
  for (const command of [
    'status',
    'top',
    'reload',
    'set',
    'unset',
    'config',
    'config diff',
    'config rollback',
  ])
    it(`of ${command} has examples`, async () => {
      const { code, stdout } = await cli([...command.split(' '), '--help']);
      assert.equal(code, 0);
      assert.match(stdout, /Examples:\n {2}zeroth \w/);
      assert.ok(stdout.split('\n').every((line) => line.length <= 120));
    });
});
