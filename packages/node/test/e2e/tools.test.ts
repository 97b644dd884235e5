/** The tools for a person at a terminal, each against libzmq, connecting and bound. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import * as zmq from 'zeromq';
import type { Running } from '../support/cli.ts';
import { cli, folder, jsonLines, start } from '../support/cli.ts';
import * as lib from '../support/libzmq.ts';
import { unusedEndpoint } from '../support/port.ts';

const FREE = 'tcp://127.0.0.1:0';
/** child.kill ends a process at once there; nothing arrives that it could answer. */
const noSignals = process.platform === 'win32' ? 'Windows has no signals between processes' : false;

async function boundTo(tool: Running): Promise<string> {
  const [, endpoint] = await tool.waitFor('stderr', /bound to (\S+)/);
  return endpoint as string;
}

async function pulled(
  t: TestContext,
  count: number,
  args: (endpoint: string) => string[],
  input = '',
): Promise<string[]> {
  const pull = lib.pullSocket(t);
  const endpoint = await lib.bindFree(pull);
  const sent = cli(args(endpoint), { input });
  const texts = await lib.receiveTexts(pull, count);
  const { code, stderr } = await sent;
  assert.equal(code, 0, stderr);
  return texts;
}

describe('zeroth push', () => {
  it('sends each argument as a message', async (t) => {
    assert.deepEqual(await pulled(t, 2, (to) => ['push', to, 'hello', 'wörld']), ['hello', 'wörld']);
  });

  it('sends the arguments as the frames of one message', async (t) => {
    assert.deepEqual(await pulled(t, 1, (to) => ['push', to, '--frames', 'a', '', 'c']), ['a||c']);
  });

  it('takes everything after -- as messages', async (t) => {
    assert.deepEqual(await pulled(t, 2, (to) => ['push', to, '--', '--bind', 'tcp://x']), [
      '--bind',
      'tcp://x',
    ]);
  });

  it('repeats its messages up to --count', async (t) => {
    assert.deepEqual(await pulled(t, 5, (to) => ['push', to, '-n', '5', 'a', 'b']), [
      'a',
      'b',
      'a',
      'b',
      'a',
    ]);
  });

  it('sends each line of standard input', async (t) => {
    assert.deepEqual(await pulled(t, 3, (to) => ['push', to], 'one\r\n\nthree'), ['one', '', 'three']);
    assert.deepEqual(await pulled(t, 3, (to) => ['push', to, 'zero', '--stdin', '-n', '3'], '1\n2\n3\n'), [
      'zero',
      '1',
      '2',
    ]);
  });

  it('sends files whole, and hex as bytes', async (t) => {
    const dir = await folder(t);
    const file = join(dir, 'data.bin');
    await writeFile(file, 'line 1\nline 2\n');
    assert.deepEqual(await pulled(t, 2, (to) => ['push', to, '-f', file, '-f', '-'], 'all\nof it'), [
      'line 1\nline 2\n',
      'all\nof it',
    ]);
    assert.deepEqual(await pulled(t, 1, (to) => ['push', to, '--hex', '68 65 6c6c6f']), ['hello']);
  });

  it('binds, and sends to who connects', async (t) => {
    const push = start(t, ['push', '--bind', FREE, 'x', '-n', '100', '-i', '1ms', '--timing']);
    const pull = lib.pullSocket(t);
    pull.connect(await boundTo(push));
    assert.equal((await lib.receiveTexts(pull, 100)).length, 100);
    const { code, stderr } = await push.ended;
    assert.equal(code, 0);
    assert.match(stderr, /^sent 100 messages, 100 B in [\d.]+ s: \d+ messages\/s/m);
  });

  it('says which port is in use with exit code 4', async (t) => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const { code, stderr } = await cli(['push', '--bind', `tcp://127.0.0.1:${port}`, 'x']);
    assert.equal(code, 4);
    assert.match(
      stderr,
      new RegExp(
        `^error \\[BIND_FAILED\\] cannot bind to tcp://127.0.0.1:${port}: .*EADDRINUSE.*\\n {2}-> .*${port}`,
      ),
    );
  });
});

describe('zeroth pull', () => {
  it('prints one line for each message, safe on a terminal', async (t) => {
    const push = lib.pushSocket(t);
    const endpoint = await lib.bindFree(push);
    const pull = start(t, ['pull', endpoint, '-n', '3']);
    await push.send('plain');
    await push.send(['two', 'frames']);
    await push.send(Buffer.from('\u001b[31mred\u0007\n\xff', 'latin1'));
    const { code, stdout } = await pull.ended;
    assert.equal(stdout, 'plain\ntwo\tframes\n\\x1b[31mred\\x07\\n\\xff\n');
    assert.equal(code, 0);
  });

  it('prints JSON that push --json reads back byte for byte', async (t) => {
    const messages = [['text', ''], [Buffer.from([0, 255, 10])], ['tab\t"quote"\n', 'ü', Buffer.alloc(3)]];
    const push = lib.pushSocket(t);
    const pull = start(t, ['pull', await lib.bindFree(push), '--json', '-n', '3']);
    for (const message of messages) await push.send(message);
    const { stdout } = await pull.ended;
    const [first, second] = jsonLines(stdout);
    assert.equal(first?.seq, 1);
    assert.deepEqual(first?.sizes, [4, 0]);
    assert.equal(first?.size, 4);
    assert.ok(!Number.isNaN(Date.parse(first?.time as string)));
    assert.deepEqual(second?.frames, [{ base64: 'AP8K' }]);

    const back = lib.pullSocket(t);
    const sent = cli(['push', await lib.bindFree(back), '--json'], { input: stdout });
    for (const message of messages) {
      const frames = message.map((frame) => Buffer.from(frame as string));
      assert.deepEqual(await back.receive(), frames);
    }
    assert.equal((await sent).code, 0);
  });

  it('prints hex, raw bytes, and into a file', async (t) => {
    const dir = await folder(t);
    const file = join(dir, 'out.txt');
    const cases: [args: string[], expected: string][] = [
      [['--hex'], '6869\t00ff\n'],
      [['--raw'], 'hi\u0000\ufffd'],
      [['--file', file], ''],
    ];
    for (const [args, expected] of cases) {
      const push = lib.pushSocket(t);
      const pull = start(t, ['pull', await lib.bindFree(push), '-n', '1', ...args]);
      await push.send(['hi', Buffer.from([0, 255])]);
      assert.equal((await pull.ended).stdout, expected);
    }
    assert.equal(await readFile(file, 'utf8'), 'hi\t\\x00\\xff\n');
  });

  it('binds, and takes from several who connect', async (t) => {
    const pull = start(t, ['pull', '--bind', FREE, '-n', '300', '--timing']);
    const endpoint = await boundTo(pull);
    const senders = Array.from({ length: 3 }, () => lib.pushSocket(t));
    for (const [index, push] of senders.entries()) {
      push.connect(endpoint);
      for (let n = 0; n < 100; n++) await push.send(`${index}:${n}`);
    }
    const { code, stdout, stderr } = await pull.ended;
    assert.equal(code, 0);
    const lines = stdout.trimEnd().split('\n');
    assert.equal(new Set(lines).size, 300);
    for (const index of [0, 1, 2]) {
      const own = lines.filter((line) => line.startsWith(`${index}:`));
      assert.deepEqual(
        own,
        Array.from({ length: 100 }, (_, n) => `${index}:${n}`),
      );
    }
    assert.match(stderr, /^received 300 messages, 1\.2 kB/m);
  });

  it('gives up with exit code 5 when nothing arrives', async () => {
    const { code, stderr } = await cli(['pull', '--bind', FREE, '-t', '100ms']);
    assert.equal(code, 5);
    assert.match(stderr, /^error \[TIMEOUT\] nothing arrived for 0\.1 s/m);
  });

  it('ends quietly when its reader is gone', async (t) => {
    const push = lib.pushSocket(t);
    const pull = start(t, ['pull', await lib.bindFree(push)]);
    await push.send('first');
    await pull.waitFor('stdout', /first/);
    pull.child.stdout.destroy();
    // The next line meets a closed pipe; later ones may find nobody, which is not what this is about.
    push.sendTimeout = 0;
    let over = false;
    void pull.ended.then(() => {
      over = true;
    });
    while (!over) {
      await push.send('more').catch(() => new Promise((resolve) => setImmediate(resolve)));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { code, stderr } = await pull.ended;
    assert.equal(stderr, '');
    assert.equal(code, 0);
  });

  it('sums up on Ctrl-C: the normal end without --count, 130 with it', { skip: noSignals }, async (t) => {
    for (const [args, expected] of [[[], 0] as const, [['-n', '5'], 130] as const]) {
      const push = lib.pushSocket(t);
      const pull = start(t, ['pull', await lib.bindFree(push), ...args]);
      await push.send('one');
      await pull.waitFor('stdout', /one/);
      const { code, stderr } = await pull.stop('SIGINT');
      assert.equal(stderr, 'received 1 message, 3 B in 0.000 s\n');
      assert.equal(code, expected);
    }
  });
});

describe('zeroth pub and sub', () => {
  it('pub waits for its subscriber and sends topic and message', async (t) => {
    const pub = start(t, ['pub', '--bind', FREE, 'sensor/1', '21.5', '22', '--wait', '20s']);
    const sub = lib.subscriberSocket(t, 'sensor/');
    sub.connect(await boundTo(pub));
    assert.deepEqual(await lib.receiveTexts(sub, 2), ['sensor/1|21.5', 'sensor/1|22']);
    assert.equal((await pub.ended).code, 0);
  });

  it('pub connects, with the lines of standard input and with free frames', async (t) => {
    const sub = lib.subscriberSocket(t, '');
    const endpoint = await lib.bindFree(sub);
    const lines = cli(['pub', endpoint, 'log'], { input: 'a\nb\n' });
    assert.deepEqual(await lib.receiveTexts(sub, 2), ['log|a', 'log|b']);
    assert.equal((await lines).code, 0);
    const frames = cli(['pub', endpoint, '--frames', 'only one frame']);
    assert.deepEqual(await lib.receiveTexts(sub, 1), ['only one frame']);
    assert.equal((await frames).code, 0);
  });

  it('pub loses nothing to a slow subscriber', async (t) => {
    const sub = lib.subscriberSocket(t, '');
    const sent = cli([
      'pub',
      await lib.bindFree(sub),
      't',
      'x'.repeat(1000),
      '-n',
      '20000',
      '--linger',
      '20s',
    ]);
    assert.equal((await lib.receiveTexts(sub, 20_000)).length, 20_000);
    assert.equal((await sent).code, 0);
  });

  it('pub says when nobody subscribed, and fails when nobody is there', async (t) => {
    const sub = lib.subscriberSocket(t, 'other');
    const ignored = await cli(['pub', await lib.bindFree(sub), 'topic', 'x', '--wait', '200ms']);
    assert.match(ignored.stderr, /^nobody has subscribed to "topic" within 0\.2 s/m);
    assert.equal(ignored.code, 0);
    const alone = await cli(['pub', await unusedEndpoint(), 'topic', 'x', '-t', '200ms']);
    assert.match(alone.stderr, /^error \[TIMEOUT\] nothing answers there within 0\.2 s/m);
    assert.equal(alone.code, 5);
  });

  it('sub takes what its topics are prefixes of', async (t) => {
    const pub = lib.publisherSocket(t);
    const sub = start(t, ['sub', await lib.bindFree(pub), 'a/', 'b', '-n', '3', '--json']);
    await lib.subscribed(pub, 'a/', 'b');
    for (const message of [
      ['a', 'no'],
      ['a/1', 'yes'],
      ['c', 'no'],
      ['b', 'yes'],
      ['bb', 'yes'],
    ])
      await pub.send(message);
    const { code, stdout } = await sub.ended;
    assert.deepEqual(
      jsonLines(stdout).map(({ frames }) => frames),
      [
        ['a/1', 'yes'],
        ['b', 'yes'],
        ['bb', 'yes'],
      ],
    );
    assert.equal(code, 0);
  });

  it('sub binds, and takes everything without a topic', async (t) => {
    const sub = start(t, ['sub', '--bind', FREE, '-n', '2']);
    const pub = lib.publisherSocket(t);
    pub.connect(await boundTo(sub));
    await lib.subscribed(pub, '');
    await pub.send('one');
    await pub.send(['two', '2']);
    assert.equal((await sub.ended).stdout, 'one\ntwo\t2\n');
  });
});

describe('zeroth req and rep', () => {
  it('req prints replies and round trip times', async (t) => {
    const rep = lib.replySocket(t);
    const asked = start(t, ['req', await lib.bindFree(rep), 'ping', '-n', '20', '--timing'], { input: '' });
    for (let n = 0; n < 20; n++) {
      const [request] = (await rep.receive()) as [Buffer];
      await rep.send([request, `pong ${n}`]);
    }
    const { code, stdout, stderr } = await asked.ended;
    assert.equal(code, 0);
    assert.equal(stdout, Array.from({ length: 20 }, (_, n) => `ping\tpong ${n}\n`).join(''));
    assert.match(stderr, /^exchanged 20 messages/m);
    assert.match(stderr, /^round trip ms: p50 [\d.]+ {2}p90 [\d.]+ {2}p99 [\d.]+ {2}max [\d.]+$/m);
  });

  it('req binds, has a routing id, and prints JSON', async (t) => {
    const asked = start(t, ['req', '--bind', FREE, '--routing-id', 'me', '--json', '--frames', 'a', 'b'], {
      input: '',
    });
    const [, endpoint] = await asked.waitFor('stderr', /"endpoint":"([^"]+)"/);
    const router = lib.closing(t, new zmq.Router({ receiveTimeout: 30_000 }));
    router.connect(endpoint as string);
    const request = await router.receive();
    assert.deepEqual(request.map(String), ['me', '', 'a', 'b']);
    await router.send(['me', '', Buffer.from([1, 254])]);
    const { code, stdout } = await asked.ended;
    const [line] = jsonLines(stdout);
    assert.deepEqual(line?.frames, [{ base64: 'Af4=' }]);
    assert.equal(typeof line?.roundTrip, 'number');
    assert.equal(code, 0);
  });

  it('req gives up with exit code 5 without a reply', async (t) => {
    const rep = lib.replySocket(t);
    // The same time is for the way there: it has to be enough on a busy machine, or the answer is another one.
    const { code, stderr } = await cli(['req', await lib.bindFree(rep), 'ping', '-t', '3s']);
    assert.equal(code, 5);
    assert.match(stderr, /^error \[TIMEOUT\] no reply within 3 s/m);
  });

  it('rep echoes, or says what it was told', async (t) => {
    for (const [args, expected] of [
      [[], ['ask', 'me']] as const,
      [
        ['so', 'be it'],
        ['so', 'be it'],
      ] as const,
    ]) {
      const rep = start(t, ['rep', '--bind', FREE, '-n', '2', ...args]);
      const req = lib.requestSocket(t);
      req.connect(await boundTo(rep));
      for (let n = 0; n < 2; n++) {
        await req.send(['ask', 'me']);
        assert.deepEqual((await req.receive()).map(String), expected);
      }
      const { code, stdout } = await rep.ended;
      assert.equal(stdout, 'ask\tme\nask\tme\n');
      assert.equal(code, 0);
    }
  });

  it('rep connects to be a worker', async (t) => {
    const dealer = lib.dealerSocket(t);
    const rep = start(t, ['rep', await lib.bindFree(dealer), '-n', '1', '--hex', '00ff']);
    await dealer.send(['', 'work']);
    assert.deepEqual(await dealer.receive(), [Buffer.alloc(0), Buffer.from([0, 255])]);
    assert.equal((await rep.ended).code, 0);
  });
});

describe('the tools with each other', () => {
  it('go through ipc', { skip: process.platform === 'win32' ? 'a pipe name there' : false }, async (t) => {
    const endpoint = `ipc://${join(await folder(t), 'socket')}`;
    const pull = start(t, ['pull', '--bind', endpoint, '-n', '2']);
    await boundTo(pull);
    assert.equal((await cli(['push', endpoint, 'a', 'b'])).code, 0);
    assert.equal((await pull.ended).stdout, 'a\nb\n');
  });

  it('connect to several endpoints', async (t) => {
    const [first, second] = [lib.pullSocket(t), lib.pullSocket(t)];
    const endpoints = [await lib.bindFree(first), await lib.bindFree(second)];
    const sent = cli(['push', ...endpoints, '-n', '200', 'x']);
    // Which of the two is ready first decides how many each gets; together they get all.
    let got = 0;
    const both = [first, second].map(async (pull) => {
      for await (const _ of pull) if (++got === 200) for (const socket of [first, second]) socket.close();
    });
    const { code, stderr } = await sent;
    assert.equal(code, 0, stderr);
    await Promise.all(both);
    assert.equal(got, 200);
  });
});
