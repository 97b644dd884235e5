/** What a page is: limits, backpressure, errors, ends. The other side is of this package. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import * as draft from '../../src/draft.ts';
import * as main from '../../src/index.ts';
import * as run from '../../src/run.ts';
import { until } from '../support/deadline.ts';
import { noBrowser, Pages, type Tab } from '../support/page.ts';
import { arrived, type Scope, scope } from '../support/scope.ts';

const bundle = (name: string): URL => new URL(`../../../dist/bundle/${name}`, import.meta.url);

/** Where no page can look: nothing listens there. */
const NOWHERE = 'ws://127.0.0.1:1';

describe('the bundle', () => {
  it('imports nothing but libsodium, when it is asked for, and has the licence of what is in it', async () => {
    for (const name of ['browser.js', 'browser.min.js']) {
      const text = await readFile(bundle(name), 'utf8');
      // Strings and comments may speak of modules; the build itself has looked at the imports (scripts/browser.mjs).
      assert.doesNotMatch(text, /^import\b|\brequire\(|from ?["']node:/m);
      const imports = [...text.matchAll(/\bimport\((["'`])(.*?)\1\)/g)].map(([, , from]) => from);
      assert.deepEqual([...new Set(imports)], ['libsodium']);
      assert.match(text, /^\/\*![\s\S]*Feross Aboukhadijeh[\s\S]*LICENSES\.txt/);
    }
    // In full: their licences ask for that.
    const licences = await readFile(bundle('LICENSES.txt'), 'utf8');
    for (const name of ['base64-js', 'buffer', 'ieee754'])
      assert.match(licences, new RegExp(`^${name} \\d.*: (MIT|BSD-3-Clause)$`, 'm'));
    assert.match(licences, /Permission is hereby granted/);
    assert.match(licences, /Redistributions in binary form must reproduce/);
  });

  it('is as large as docs/browser.md and the README say, within 5 %', async () => {
    // In units of 1000 octets, minified and compressed.
    const size = gzipSync(await readFile(bundle('browser.min.js')), { level: 9 }).length / 1000;
    const found: string[] = [];
    for (const name of ['docs/browser.md', 'README.md']) {
      const page = await readFile(new URL(`../../../../../${name}`, import.meta.url), 'utf8');
      for (const [, said] of page.matchAll(/<!-- browser-size -->(\d+(?:\.\d+)?) KB/g)) {
        found.push(name);
        const wrong = `${name} says ${said} KB, it is ${size} KB`;
        assert.ok(Math.abs(Number(said) - size) <= size * 0.05, wrong);
      }
    }
    assert.ok(found.includes('docs/browser.md'), `it is "<!-- browser-size -->${Math.round(size)} KB"`);
  });
});

describe('a web page', { skip: noBrowser }, () => {
  let pages: Pages;
  before(async () => {
    pages = await Pages.start();
  });
  after(() => pages.close());

  async function open(here: Scope, options: Parameters<Pages['open']>[0] = {}): Promise<Tab> {
    const tab = await pages.open(options);
    here.after(() => tab.close());
    here.after(() => assert.deepEqual(tab.complaints, []));
    return tab;
  }

  it('has what the other doors have, but STREAM and DGRAM, which are not for WebSocket', async (t) => {
    const tab = await open(scope(t));
    const there = await tab.run((zmq) => Object.keys(zmq).sort());
    const here = new Set(['Buffer', ...Object.keys(main), ...Object.keys(run), ...Object.keys(draft)]);
    here.delete('Stream');
    here.delete('Datagram');
    assert.deepEqual(there, [...here].sort());
  });

  it('leaves nothing open after close()', async (t) => {
    const here = scope(t);
    const server = here.open(main.Reply);
    await server.bind('ws://127.0.0.1:*');
    const tab = await open(here);
    const left = tab.run(
      async ({ Request }, url, nowhere) => {
        const page = globalThis as unknown as Record<string, (...args: unknown[]) => unknown>;
        const timers = new Set<unknown>();
        for (const kind of ['Timeout', 'Interval']) {
          const [set, clear] = [page[`set${kind}`]!, page[`clear${kind}`]!];
          page[`set${kind}`] = (task, time) => {
            const id = set(() => {
              if (kind === 'Timeout') timers.delete(id);
              (task as () => void)();
            }, time);
            timers.add(id);
            return id;
          };
          page[`clear${kind}`] = (id) => {
            timers.delete(id);
            clear(id);
          };
        }
        const opened: { readyState: number; addEventListener(type: string, done: () => void): void }[] = [];
        const Original = page.WebSocket as unknown as new (...args: unknown[]) => (typeof opened)[0];
        page.WebSocket = class extends Original {
          constructor(...args: unknown[]) {
            super(...args);
            opened.push(this);
          }
        } as never;
        const request = new Request({ receiveTimeout: 20_000, heartbeatInterval: 100, linger: 0 });
        request.connect(url);
        request.connect(nowhere);
        await request.send('x');
        await request.receive();
        const end = new Promise((resolve) => request.events.on('end', resolve));
        request.close();
        await end;
        for (const socket of opened)
          if (socket.readyState !== 3)
            await new Promise<void>((resolve) => socket.addEventListener('close', resolve));
        return { opened: opened.length >= 2, timers: timers.size, closed: request.closed };
      },
      server.lastEndpoint as string,
      NOWHERE,
    );
    await server.send(await server.receive());
    assert.deepEqual(await left, { opened: true, timers: 0, closed: true });
    await until(() => server.peers().length === 0, 'the server sees the page go');
  });

  it('waits to send while the server does not read, and loses nothing', async (t) => {
    const here = scope(t);
    const server = here.open(main.Pull, { receiveHighWaterMark: 10 });
    await server.bind('ws://127.0.0.1:*');
    const tab = await open(here);
    const url = server.lastEndpoint as string;
    const sent = await tab.run(async ({ Push }, endpoint) => {
      const push = new Push({ sendHighWaterMark: 10 });
      (globalThis as unknown as { push: unknown }).push = push;
      push.connect(endpoint);
      await push.send('0');
      const body = new Uint8Array(65_000);
      let count = 1;
      // Until the system, the browser and the queue are full, and stay so for a while.
      for (let full = 0; full < 25 && count < 5000; ) {
        if (push.trySend([`${count}`, body])) {
          count++;
          full = 0;
        } else {
          full++;
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
      return count;
    }, url);
    assert.ok(sent > 10 && sent < 5000, `held up after ${sent} messages`);
    const rest = tab.run(async (_zmq) => {
      const { push } = globalThis as unknown as { push: main.Push };
      await push.send('last');
      await push.drain();
    });
    for (let i = 0; i < sent; i++) assert.equal(String((await server.receive())[0]), `${i}`);
    assert.equal(String((await server.receive())[0]), 'last');
    await rest;
  });

  it('keeps what comes while nobody receives, in order', async (t) => {
    const here = scope(t);
    const server = here.open(main.Push, { sendTimeout: 30_000 });
    await server.bind('ws://127.0.0.1:*');
    const tab = await open(here);
    await tab.run(async ({ Pull }, endpoint) => {
      const pull = new Pull({ receiveHighWaterMark: 5, receiveTimeout: 20_000 });
      (globalThis as unknown as { pull: unknown }).pull = pull;
      const ready = new Promise((resolve) => pull.events.on('peer:ready', resolve));
      pull.connect(endpoint);
      await ready;
    }, server.lastEndpoint as string);
    for (let i = 0; i < 3000; i++) await server.send(`${i}`);
    await server.drain();
    const wrong = await tab.run(async () => {
      const { pull } = globalThis as unknown as { pull: main.Pull };
      for (let i = 0; i < 3000; i++) {
        const [number] = await pull.receive();
        if (String(number) !== `${i}`) return `${number} in place of ${i}`;
      }
      pull.close();
      return null;
    });
    assert.equal(wrong, null);
  });

  it('parts from a peer when more than 64 MiB wait that nobody receives', async (t) => {
    const here = scope(t);
    const server = here.open(main.Push);
    await server.bind('ws://127.0.0.1:*');
    const tab = await open(here);
    const parting = tab.run(async ({ Pull }, endpoint) => {
      const pull = new Pull({ receiveHighWaterMark: 1, reconnectInterval: -1 });
      const gone = new Promise<string>((resolve) => {
        pull.events.on('peer:gone', ({ error }) => resolve(`${error?.code} ${error?.detail}`));
      });
      pull.connect(endpoint);
      const why = await gone;
      pull.close();
      return why;
    }, server.lastEndpoint as string);
    const body = Buffer.alloc(1 << 20);
    for (let i = 0; i < 80; i++) await server.send(body);
    assert.match(await parting, /^ERR_WEBSOCKET .*can't stop reading/);
  });

  it('tells what happens to a connection', async (t) => {
    const here = scope(t);
    const server = here.open(main.Pair);
    await server.bind('ws://127.0.0.1:*');
    const tab = await open(here);
    const seen = tab.run(async ({ Pair }, endpoint) => {
      const pair = new Pair({ reconnectInterval: -1 });
      const types: string[] = [];
      const over = (async () => {
        for await (const event of pair.events) types.push(event.type);
      })();
      pair.connect(endpoint);
      await pair.receive();
      while (!types.includes('disconnect')) await new Promise((resolve) => setTimeout(resolve, 5));
      pair.close();
      await over;
      return types;
    }, server.lastEndpoint as string);
    await server.send('hello');
    await server.drain();
    assert.deepEqual(await seen, [
      'connect:delay',
      'connect',
      'handshake',
      'peer:ready',
      'disconnect',
      'peer:gone',
      'end',
    ]);
  });

  it('gives up waiting when an AbortSignal says so', async (t) => {
    const tab = await open(scope(t));
    const outcome = await tab.run(async ({ Push, Pull }, nowhere) => {
      const pull = new Pull();
      const push = new Push({ immediate: true });
      pull.connect(nowhere);
      push.connect(nowhere);
      const reasons: string[] = [];
      for (const wait of [
        (signal: AbortSignal) => pull.receive({ signal }),
        (signal: AbortSignal) => push.send('x', { signal }),
      ]) {
        const controller = new AbortController();
        const waiting = wait(controller.signal);
        controller.abort(new Error('enough'));
        await Promise.resolve(waiting).catch((error: Error) => reasons.push(error.message));
      }
      pull.close();
      push.close();
      return reasons;
    }, NOWHERE);
    assert.deepEqual(outcome, ['enough', 'enough']);
  });

  it('has no tcp and no ipc, and can not be bound to, and says what there is', async (t) => {
    const tab = await open(scope(t));
    const errors = await tab.run(async ({ Dealer, ZmqError }) => {
      const dealer = new Dealer();
      const caught: string[] = [];
      for (const attempt of [
        () => dealer.connect('tcp://127.0.0.1:5555'),
        () => dealer.connect('ipc://x'),
        () => dealer.bind('ws://127.0.0.1:5555'),
        () => dealer.bindSync('tcp://127.0.0.1:5555'),
        () => dealer.connect('http://127.0.0.1'),
        () => dealer.connect('ws://127.0.0.1:5555/a b'),
      ]) {
        try {
          await attempt();
        } catch (error) {
          if (error instanceof ZmqError) caught.push(`${error.code} ${error.detail}`);
        }
      }
      dealer.close();
      return caught;
    });
    assert.deepEqual(
      errors.map((error) => error.split(' ')[0]),
      ['ENOTSUP', 'ENOTSUP', 'ENOTSUP', 'ENOTSUP', 'EPROTONOSUPPORT', 'EINVAL'],
    );
    assert.match(errors[0]!, /a web page has no tcp.*ws:\/\//);
    assert.match(errors[2]!, /bind in a process/);
  });

  it('tells that nobody is there, and tries again', async (t) => {
    const tab = await open(scope(t));
    const [code, detail, retried] = await tab.run(async ({ Push }, nowhere) => {
      const push = new Push({ reconnectInterval: 1, linger: 0 });
      const error = await new Promise<{ code: string; detail?: string | undefined }>((resolve) => {
        push.events.on('peer:unreachable', (event) => resolve(event.error));
        push.connect(nowhere);
      });
      const again = new Promise((resolve) => push.events.on('peer:unreachable', () => resolve(true)));
      const result = [error.code, error.detail, await again] as const;
      push.close();
      return result;
    }, NOWHERE);
    assert.equal(code, 'ECONNREFUSED');
    assert.match(detail ?? '', /wsOrigins/);
    assert.equal(retried, true);
  });

  it('is let in by its origin', async (t) => {
    const here = scope(t);
    const attempt = async (wsOrigins: string | null, host?: string): Promise<string> => {
      const server = here.open(main.Reply, { wsOrigins });
      await server.bind('ws://127.0.0.1:*');
      const tab = await open(here, host === undefined ? {} : { host });
      const outcome = await tab.run(async ({ Request }, endpoint) => {
        const request = new Request({ linger: 0, reconnectInterval: -1 });
        const first = new Promise<string>((resolve) => {
          for (const type of ['peer:ready', 'peer:unreachable'] as const)
            request.events.on(type, () => resolve(type));
        });
        request.connect(endpoint);
        const type = await first;
        request.close();
        return type;
      }, server.lastEndpoint as string);
      return outcome;
    };
    const origin = `http://app.localhost:${new URL(pages.origin).port}`;
    assert.equal(await attempt(null), 'peer:ready', 'a page of the same host');
    assert.equal(await attempt(null, 'localhost'), 'peer:ready', 'by its other name');
    assert.equal(await attempt(null, 'app.localhost'), 'peer:unreachable', 'a page of another');
    assert.equal(
      await attempt('https://example.com', 'app.localhost'),
      'peer:unreachable',
      'one not in the list',
    );
    assert.equal(await attempt(`https://example.com ${origin}`, 'app.localhost'), 'peer:ready', 'one in it');
    assert.equal(await attempt('*', 'app.localhost'), 'peer:ready', 'anybody');
  });

  it('shows who it is, with PLAIN', async (t) => {
    const here = scope(t);
    const context = new main.Context();
    context.zapHandler = ({ username, password }) => ({
      status: password === 'secret' ? 200 : 400,
      userId: `${username}`,
    });
    const server = here.open(main.Reply, { context, plainServer: true });
    await server.bind('ws://127.0.0.1:*');
    const tab = await open(here);
    const answers = tab.run(async ({ Request }, endpoint) => {
      const plainUsername = 'page';
      const stranger = new Request({ plainUsername, plainPassword: 'wrong', linger: 0 });
      const status = new Promise<string>((resolve) => {
        stranger.events.on('handshake:error:auth', ({ error }) => resolve(`${error.status}`));
      });
      stranger.connect(endpoint);
      const refused = await status;
      stranger.close();
      const request = new Request({ plainUsername, plainPassword: 'secret', receiveTimeout: 20_000 });
      request.connect(endpoint);
      await request.send('x');
      const [answer] = await request.receive();
      request.close();
      return [refused, `${answer}`];
    }, server.lastEndpoint as string);
    assert.equal(String(await server.receive()), 'x');
    assert.equal(server.peers()[0]?.userId, 'page');
    await server.send('let in');
    assert.deepEqual(await answers, ['400', 'let in']);
  });

  it('encrypts with CURVE, when it can load libsodium', async (t) => {
    const here = scope(t);
    const keys = main.curveKeyPair();
    const page = main.curveKeyPair();
    const context = new main.Context();
    context.zapHandler = ({ publicKey }) => ({ status: publicKey === page.publicKey ? 200 : 400 });
    const server = here.open(main.Reply, { context, curveServer: true, curveSecretKey: keys.secretKey });
    await server.bind('ws://127.0.0.1:*');
    const tab = await open(here);
    const echoed = tab.run(
      async ({ Request, curveKeyPair }, endpoint, curveServerKey, pair) => {
        const before = curveKeyPair();
        const request = new Request({
          curveServerKey,
          curvePublicKey: pair.publicKey,
          curveSecretKey: pair.secretKey,
          receiveTimeout: 20_000,
        });
        request.connect(endpoint);
        await request.send([new Uint8Array(100_000).fill(7), 'ä']);
        const [body, text] = await request.receive();
        // Before libsodium was there, and now that it is.
        const made = curveKeyPair();
        const both = [before, made].map(({ publicKey }) => publicKey.length).join();
        request.connect(`${endpoint}again`);
        request.curvePublicKey = made.publicKey;
        let mixed = '';
        try {
          request.connect(`${endpoint}mixed`);
        } catch (error) {
          mixed = (error as { code: string }).code;
        }
        request.close();
        return [body!.length, body!.every((octet) => octet === 7), `${text}`, both, mixed];
      },
      server.lastEndpoint as string,
      keys.publicKey,
      page,
    );
    await server.send(await server.receive());
    assert.deepEqual(await echoed, [100_000, true, 'ä', '40,40', 'EINVAL']);
  });

  it('joins its own sockets over inproc', async (t) => {
    const tab = await open(scope(t));
    const echoed = await tab.run(async ({ Reply, Request }) => {
      const reply = new Reply();
      await reply.bind('inproc://echo');
      const request = new Request();
      request.connect('inproc://echo');
      await request.send('äöü');
      await reply.send(await reply.receive());
      const [frame] = await request.receive();
      request.close();
      reply.close();
      return `${frame}`;
    });
    assert.equal(echoed, 'äöü');
  });

  it('may do it all in a worker', async (t) => {
    const here = scope(t);
    const server = here.open(main.Reply);
    await server.bind('ws://127.0.0.1:*');
    const tab = await open(here);
    const answer = tab.run(
      async (_zmq, endpoint, from) => {
        const source = `
          import { Request } from ${JSON.stringify(from)};
          const request = new Request();
          request.connect(${JSON.stringify(endpoint)});
          await request.send('from a worker');
          postMessage(String((await request.receive())[0]));
          request.close();
        `;
        const page = globalThis as unknown as {
          Worker: new (url: string, options: object) => { onmessage: (event: { data: string }) => void };
        };
        const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
        const worker = new page.Worker(url, { type: 'module' });
        return new Promise<string>((resolve) => {
          worker.onmessage = ({ data }) => resolve(data);
        });
      },
      server.lastEndpoint as string,
      `${pages.origin}/zmq/browser.min.js`,
    );
    const [question] = await server.receive();
    await server.send(`reply ${question}`);
    assert.equal(await answer, 'reply from a worker');
  });

  it('has a Buffer that does what that of Node does', async (t) => {
    const tab = await open(scope(t));
    const texts = ['', 'a', 'äöü', '€', '😀', '\ufeffmark', 'x'.repeat(5000)];
    const results = await tab.run(({ Buffer: Bytes }, given) => {
      const all: unknown[] = [];
      for (const text of given) {
        const bytes = Bytes.from(text);
        const written = Bytes.alloc(8);
        const plain = new Uint8Array(8);
        all.push([
          bytes.length,
          Bytes.byteLength(text),
          bytes.toString(),
          bytes.toString('hex'),
          bytes.toString('latin1', 1, 3),
          bytes.toString('utf8', 1, 4),
          `${bytes.subarray(0, 2)}`,
          bytes.subarray(1) instanceof Bytes,
          Bytes.isBuffer(bytes.subarray(1)),
          written.write(text, 1),
          written.write(text, 3, 2),
          written.toString('hex'),
          Bytes.concat([bytes, Bytes.from([1, 2])]).toString('base64'),
          bytes.equals(Bytes.from(text, 'utf-8')),
          Bytes.compare(bytes, Bytes.from('b')),
          bytes.indexOf('a'),
          bytes.equals(new Uint8Array(bytes)),
          bytes.indexOf(Uint8Array.of(0xa4, 0xc3)),
          bytes.copy(plain, 1, 0, 4),
          [...plain],
        ]);
      }
      return all;
    }, texts);
    const expected = texts.map((text) => {
      const bytes = Buffer.from(text);
      const written = Buffer.alloc(8);
      const plain = new Uint8Array(8);
      return [
        bytes.length,
        Buffer.byteLength(text),
        bytes.toString(),
        bytes.toString('hex'),
        bytes.toString('latin1', 1, 3),
        bytes.toString('utf8', 1, 4),
        `${bytes.subarray(0, 2)}`,
        bytes.subarray(1) instanceof Buffer,
        Buffer.isBuffer(bytes.subarray(1)),
        written.write(text, 1),
        written.write(text, 3, 2),
        written.toString('hex'),
        Buffer.concat([bytes, Buffer.from([1, 2])]).toString('base64'),
        bytes.equals(Buffer.from(text, 'utf-8')),
        Buffer.compare(bytes, Buffer.from('b')),
        bytes.indexOf('a'),
        bytes.equals(new Uint8Array(bytes)),
        bytes.indexOf(Uint8Array.of(0xa4, 0xc3)),
        bytes.copy(plain, 1, 0, 4),
        [...plain],
      ];
    });
    assert.deepEqual(results, expected);
  });

  it('is as fast as this (no limit, for the log)', {
    skip: process.env.PAGE_SPEED === undefined,
  }, async (t) => {
    const here = scope(t);
    const count = 50_000;
    for (const size of [64, 1024]) {
      const pull = here.open(main.Pull, { receiveTimeout: 60_000 });
      await pull.bind('ws://127.0.0.1:*');
      const tab = await open(here);
      const sent = tab.run(
        async ({ Push }, endpoint, octets, messages) => {
          const push = new Push();
          push.connect(endpoint);
          const body = new Uint8Array(octets);
          for (let i = 0; i < messages; i++) await push.send(body);
          await push.drain();
        },
        pull.lastEndpoint as string,
        size,
        count,
      );
      await arrived(pull, 1);
      const start = performance.now();
      for (let i = 0; i < count; i++) await pull.receive();
      console.log(`${size} B from the page: ${Math.round((count / (performance.now() - start)) * 1000)}/s`);
      await sent;
      const push = here.open(main.Push, { sendTimeout: 60_000 });
      await push.bind('ws://127.0.0.1:*');
      const rate = tab.run(
        async ({ Pull }, endpoint, messages) => {
          const incoming = new Pull();
          incoming.connect(endpoint);
          await incoming.receive();
          const begun = performance.now();
          for (let i = 1; i < messages; i++) await incoming.receive();
          return (messages / (performance.now() - begun)) * 1000;
        },
        push.lastEndpoint as string,
        count,
      );
      for (let i = 0; i < count; i++) await push.send(Buffer.alloc(size));
      console.log(`${size} B to the page: ${Math.round(await rate)}/s`);
    }
  });
});
