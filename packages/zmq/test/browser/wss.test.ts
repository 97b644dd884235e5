/** A web page over wss: large and small messages, a receiver that stops, a server that comes back, who does not fit. */
import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import * as main from '../../src/index.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../support/certificate.ts';
import { until } from '../support/deadline.ts';
import { type EventLog, watch } from '../support/events.ts';
import { noBrowser, Pages, type Tab } from '../support/page.ts';
import { freePort } from '../support/port.ts';
import { type AnySocket, scope } from '../support/scope.ts';

const KEYS = { wssKeyPem: TEST_KEY, wssCertPem: TEST_CERTIFICATE };

describe('a web page over wss', { skip: noBrowser }, () => {
  let pages: Pages;
  before(async () => {
    pages = await Pages.start(TEST_CERTIFICATE);
  });
  after(() => pages.close());

  /** A socket that is bound, and a page. */
  async function start<S extends AnySocket, O extends object>(
    t: TestContext,
    Socket: new (options?: O) => S,
    options: NoInfer<O>,
    from: Pages = pages,
    endpoint = 'wss://127.0.0.1:*/zmq',
  ): Promise<{ server: S; url: string; tab: Tab; log: EventLog }> {
    const here = scope(t);
    const server = here.open(Socket, { ...KEYS, ...options });
    const log = watch(server);
    await server.bind(endpoint);
    const tab = await from.open();
    here.after(() => tab.close());
    here.after(() => assert.deepEqual(tab.complaints, []));
    return { server, url: server.lastEndpoint as string, tab, log };
  }

  it('messages of every size, both ways', async (t) => {
    const { server, url, tab } = await start(t, main.Reply, {});
    const sizes = [0, 1, 125, 126, 8192, 16_384, 65_535, 65_536, 1 << 20, 2 << 20];
    const wrong = tab.run(
      async ({ Request }, endpoint, wanted) => {
        const request = new Request({ receiveTimeout: 20_000 });
        request.connect(endpoint);
        const all: number[] = [];
        for (const size of wanted) {
          const body = new Uint8Array(size).map((_, at) => (at * 31) & 0xff);
          await request.send([body, 'end']);
          const [back, end] = await request.receive();
          const same = back!.length === size && body.every((octet, at) => back![at] === octet);
          if (!same || String(end) !== 'end') all.push(size);
        }
        request.close();
        return all;
      },
      url,
      sizes,
    );
    for (const _ of sizes) await server.send(await server.receive());
    assert.deepEqual(await wrong, []);
  });

  it('a page that receives one at a time gets everything, in order', async (t) => {
    const { server, url, tab } = await start(t, main.Push, { sendTimeout: 30_000 });
    const outcome = tab.run(async ({ Pull }, endpoint) => {
      const pull = new Pull({ receiveHighWaterMark: 1, receiveTimeout: 20_000 });
      pull.connect(endpoint);
      for (let i = 0; i < 3000; i++) {
        const [number] = await pull.receive();
        if (String(number) !== `${i}`) return `${number} in place of ${i}`;
        if (i % 1000 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      }
      pull.close();
      return 'in order';
    }, url);
    const [small, large] = [Buffer.alloc(20), Buffer.alloc(40_000)];
    for (let i = 0; i < 3000; i++) await server.send([`${i}`, i % 50 === 0 ? large : small]);
    assert.equal(await outcome, 'in order');
  });

  it('a server that does not read holds up the page, and gets everything', async (t) => {
    const { server, url, tab } = await start(t, main.Pull, { receiveHighWaterMark: 1 });
    const held = await tab.run(async ({ Push }, endpoint) => {
      const push = new Push({ sendHighWaterMark: 2 });
      (globalThis as unknown as { push: unknown }).push = push;
      push.connect(endpoint);
      await push.send(['0', '']);
      const body = new Uint8Array(60_000);
      let count = 1;
      // Until the system, the browser and the queue are full, and stay so for a while.
      for (let full = 0; full < 15 && count < 3000; ) {
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
    assert.ok(held > 2 && held < 3000, `held up after ${held} messages`);
    const drained = tab.run(() => (globalThis as unknown as { push: main.Push }).push.drain());
    for (let i = 0; i < held; i++) assert.equal(String((await server.receive())[0]), `${i}`);
    assert.deepEqual(await drained, { undelivered: 0 });
  });

  it('comes back to a server that went away in the middle', async (t) => {
    // Nobody takes its port meanwhile.
    const fixed = `wss://127.0.0.1:${await freePort('127.0.0.1')}/zmq`;
    const { server, url, tab } = await start(t, main.Reply, {}, pages, fixed);
    const replies = tab.run(async ({ Request }, endpoint) => {
      const request = new Request({ receiveTimeout: 20_000, reconnectInterval: 10 });
      const gone = new Promise((resolve) => request.events.on('peer:gone', resolve));
      request.connect(endpoint);
      await request.send('first');
      const all = [String(await request.receive())];
      await gone;
      await request.send('second');
      all.push(String(await request.receive()));
      request.close();
      return all;
    }, url);
    await server.send(await server.receive());
    await server.drain();
    const next = scope(t).open(main.Reply, KEYS);
    await next.bind(url);
    await next.send(await next.receive());
    assert.deepEqual(await replies, ['first', 'second']);
  });

  it('PLAIN and CURVE over it', async (t) => {
    const keys = main.curveKeyPair();
    const context = new main.Context();
    context.zapHandler = ({ mechanism, password }) => ({
      status: mechanism === 'CURVE' || password === 'secret' ? 200 : 400,
    });
    const plain = await start(t, main.Reply, { context, plainServer: true });
    const curve = await start(t, main.Reply, {
      context,
      curveServer: true,
      curveSecretKey: keys.secretKey,
    });
    for (const [{ server, url, tab }, options] of [
      [plain, { plainUsername: 'page', plainPassword: 'secret' }],
      [
        curve,
        {
          curveServerKey: keys.publicKey,
          curvePublicKey: keys.publicKey,
          curveSecretKey: keys.secretKey,
        },
      ],
    ] as const) {
      const echoed = tab.run(
        async ({ Request }, endpoint, given) => {
          const request = new Request({ ...given, receiveTimeout: 20_000 });
          request.connect(endpoint);
          await request.send('who?');
          const [answer] = await request.receive();
          request.close();
          return `${answer}`;
        },
        url,
        options,
      );
      await server.send(await server.receive());
      assert.equal(await echoed, 'who?');
    }
  });

  /** What the page is told of an attempt, and how long it waits after each of the first attempts. */
  function attempt(tab: Tab, url: string, options: object = {}): Promise<[string, string, number[]]> {
    return tab.run(
      async ({ Push }, endpoint, given) => {
        const push = new Push({ ...given, linger: 0, reconnectInterval: 5, reconnectJitter: 0 });
        const pauses: number[] = [];
        const waited = new Promise<void>((resolve) => {
          push.events.on('connect:retry', ({ interval }) => {
            if (pauses.push(interval) === 3) resolve();
          });
        });
        const failed = new Promise<{ code: string; detail?: string | undefined }>((resolve) => {
          push.events.on('peer:unreachable', ({ error }) => resolve(error));
        });
        push.connect(endpoint);
        const { code, detail } = await failed;
        await waited;
        push.close();
        return [code, `${detail}`, pauses];
      },
      url,
      options,
    );
  }

  it('a browser that does not trust the certificate: both sides say so, and the pauses grow', async (t) => {
    const strict = await Pages.start();
    t.after(() => strict.close());
    const { url, tab, log } = await start(t, main.Pull, {}, strict);
    const [code, detail, pauses] = await attempt(tab, url);
    assert.equal(code, 'ECONNREFUSED');
    assert.match(detail, /does not trust its certificate.*peer:refused/);
    assert.deepEqual(pauses, [5, 10, 20]);
    const { error } = await log.next('peer:refused');
    assert.match((error as main.ZmqError).detail ?? '', /does not trust the certificate \([^/\n]*\)$/);
  });

  it('another mechanism: the page is told what it may be, the server what it was', async (t) => {
    const keys = main.curveKeyPair();
    const { url, tab, log } = await start(t, main.Pull, {
      curveServer: true,
      curveSecretKey: keys.secretKey,
    });
    const [code, detail, pauses] = await attempt(tab, url, { plainUsername: 'page' });
    assert.equal(code, 'ECONNREFUSED');
    assert.match(detail, /another mechanism than PLAIN/);
    assert.deepEqual(pauses, [5, 10, 20]);
    const { error } = await log.next('peer:refused');
    assert.equal(error?.code, 'ERR_ZMTP_MECHANISM_MISMATCH');
    await until(() => log.count('peer:refused') >= 3, 'the other attempts');
  });
});
