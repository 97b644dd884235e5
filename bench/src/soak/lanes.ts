/**
 * Connections that stay for the whole soak and break all the time: a proxy between the two resets them.
 *
 * Guarantees: what gets lost with a connection is no failure here; a lane on which nothing arrives any more is one.
 */
import { once } from 'node:events';
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import * as zmq from '@zeroth/zmq';
import { curveOptions } from '../driver/curve.ts';

export interface Lane {
  readonly name: string;
  /** Messages that arrived. */
  received: number;
  /** Connections that the proxy broke. */
  readonly cuts: () => number;
  /** Its sockets, for a look at their listeners. */
  readonly sockets: readonly object[];
  pause(on: boolean): void;
  end(): Promise<void>;
}

class Cutter {
  cuts = 0;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();

  constructor(port: number) {
    this.#server = createServer((near) => {
      const far = dial(port, '127.0.0.1');
      const pair = [near, far] as const;
      this.#pairs.add(pair);
      const gone = (): void => {
        this.#pairs.delete(pair);
        near.destroy();
        far.destroy();
      };
      for (const end of pair) end.on('error', gone).on('close', gone);
      near.pipe(far);
      far.pipe(near);
    });
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as { port: number }).port;
  }

  cut(): void {
    for (const [near, far] of this.#pairs) {
      this.cuts++;
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  async end(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cut();
    await closed;
  }
}

interface Ends {
  readonly bind: {
    bind(endpoint: string): Promise<void>;
    readonly lastEndpoint: string | null;
    close(): void;
  };
  readonly connect: { connect(endpoint: string): void; close(): void };
  /** One burst. */
  send(): Promise<void>;
  readonly from: { receive(): Promise<unknown> };
}

type Kind = 'pipeline' | 'pubsub' | 'routing';

function endsOf(kind: Kind, curve: boolean): Ends {
  const common = { linger: 0, sendTimeout: 2000, reconnectInterval: 20, heartbeatInterval: 1000 };
  const server = { ...common, ...curveOptions(curve ? 'server' : null) };
  const client = { ...common, ...curveOptions(curve ? 'client' : null) };
  const { sendTimeout: _none, ...receiver } = client;
  const burst = (send: () => Promise<void>) => async (): Promise<void> => {
    for (let i = 0; i < 100; i++) await send();
  };
  const body = Buffer.alloc(100, 'x');
  if (kind === 'pipeline') {
    const { sendTimeout: _nor, ...puller } = server;
    const [pull, push] = [new zmq.Pull(puller), new zmq.Push(client)];
    return { bind: pull, connect: push, from: pull, send: burst(() => push.send(body)) };
  }
  if (kind === 'pubsub') {
    const [pub, sub] = [new zmq.Publisher(server), new zmq.Subscriber(receiver)];
    sub.subscribe('');
    return { bind: pub, connect: sub, from: sub, send: burst(() => pub.send(body)) };
  }
  const [router, dealer] = [new zmq.Router(server), new zmq.Dealer(client)];
  void (async () => {
    for await (const message of router) await router.send(message);
  })().catch(() => {});
  return { bind: router, connect: dealer, from: dealer, send: burst(() => dealer.send(body)) };
}

export async function startLane(kind: Kind, transport: 'tcp' | 'ws', curve: boolean): Promise<Lane> {
  const ends = endsOf(kind, curve);
  await ends.bind.bind(`${transport}://127.0.0.1:*`);
  const { port } = new URL(ends.bind.lastEndpoint?.replace(/^\w+/, 'http') ?? '');
  const cutter = new Cutter(Number(port));
  ends.connect.connect(`${transport}://127.0.0.1:${await cutter.listen()}`);
  let ended = false;
  let paused = false;
  const lane: Lane = {
    name: `${kind} ${transport} ${curve ? 'CURVE' : 'NULL'}`,
    received: 0,
    cuts: () => cutter.cuts,
    sockets: [ends.bind, ends.connect],
    pause: (on) => {
      paused = on;
    },
    end: async () => {
      ended = true;
      ends.connect.close();
      ends.bind.close();
      await cutter.end();
      await Promise.all(loops);
    },
  };
  const loops = [
    (async () => {
      for (let bursts = 0; !ended; bursts++) {
        // No room for a while, or closed: the next burst, or the end.
        if (!paused) await ends.send().catch(() => {});
        await delay(10);
        if (bursts % 100 === 99) cutter.cut();
      }
    })(),
    (async () => {
      for (;;) {
        try {
          await ends.from.receive();
        } catch {
          return;
        }
        lane.received++;
      }
    })(),
  ];
  return lane;
}
