/**
 * What an episode of the soak does: makes sockets of one kind, lets them talk over a fresh endpoint, closes them.
 *
 * Guarantees: whatever happens all sockets are closed; an episode that does not get its messages fails.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import * as zmq from '@zeroth/zmq';
import * as draft from '@zeroth/zmq/draft';
import { type CurveRole, curveOptions } from '../driver/curve.ts';
import type { CurveOptions } from '../driver/library.ts';

/** Where an episode takes place. */
export interface Place {
  readonly name: string;
  readonly curve: boolean;
  /** What each socket needs there. */
  readonly options?: object;
  /** A fresh endpoint to bind to. */
  endpoint(): string;
}

interface Options extends CurveOptions {
  linger: number;
  receiveTimeout: number;
  sendTimeout: number;
}

interface Closable {
  close(): void;
}

interface Binds {
  bind(endpoint: string): Promise<void>;
  connect(endpoint: string): void;
  readonly lastEndpoint: string | null;
}

type Opens<S> = new (options: never) => S;

/** Opens sockets, and closes all of them. */
export class Scene {
  readonly #place: Place;
  readonly #sockets: Closable[] = [];

  constructor(place: Place) {
    this.#place = place;
  }

  /** Messages that fit under the marks of both sides. */
  readonly count: number = 400;

  options(role: CurveRole): Options {
    const curve = curveOptions(this.#place.curve ? role : null);
    return { linger: 0, receiveTimeout: 20_000, sendTimeout: 20_000, ...this.#place.options, ...curve };
  }

  open<S extends Closable>(kind: Opens<S>, role: CurveRole, more: object = {}): S {
    const make = kind as unknown as new (options: object) => S;
    // Radio does not receive, Dish does not send: each takes its own.
    const { receiveTimeout, sendTimeout, ...options } = this.options(role);
    const socket = new make({ ...options, ...more });
    if ('receiveTimeout' in socket) socket.receiveTimeout = receiveTimeout;
    if ('sendTimeout' in socket) socket.sendTimeout = sendTimeout;
    this.#sockets.push(socket);
    return socket;
  }

  async join(server: Binds, client: Binds): Promise<string> {
    const endpoint = await this.bind(server);
    client.connect(endpoint);
    return endpoint;
  }

  async bind(server: Binds): Promise<string> {
    const endpoint = this.#place.endpoint();
    await server.bind(endpoint);
    return server.lastEndpoint ?? endpoint;
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
  }
}

function body(i: number): Buffer {
  // Short ones, ones beyond a header's octet, and some that go by reference.
  return Buffer.alloc(i % 50 === 0 ? 20_000 : i % 7 === 0 ? 700 : 40, i);
}

type Sends = { send(message: Buffer): Promise<void> };
type Receives = { receive(): Promise<unknown> };

async function flow(from: Sends, to: Receives, count: number): Promise<void> {
  const sending = (async () => {
    for (let i = 0; i < count; i++) await from.send(body(i));
  })();
  // Settled below; when the receiver fails first nobody else would look at it.
  sending.catch(() => {});
  for (let i = 0; i < count; i++) await to.receive();
  await sending;
}

/** So few messages may wait on either side that both stop and go on again and again. */
const NARROW = { sendHighWaterMark: 8, receiveHighWaterMark: 1 };

/** As `flow`, with bursts that come while nobody receives: the first stops the reading, the next one waits for it. */
async function stopAndGo(from: Sends, to: Receives, rounds: number): Promise<void> {
  const BURST = 8;
  const burst = async (): Promise<void> => {
    await Promise.all(Array.from({ length: BURST }, (_, i) => from.send(body(i + 1))));
    await delay(2);
  };
  for (let round = 0; round < rounds; round++) {
    for (const bursts of [2, 1]) {
      const sending = (async () => {
        for (let i = 0; i < bursts; i++) await burst();
      })();
      sending.catch(() => {});
      // Over inproc nothing is on its way: the last of it is let go when there is room.
      await Promise.race([sending, delay(10)]);
      for (let i = 0; i < bursts * BURST; i++) await to.receive();
      await sending;
    }
  }
}

export const EPISODES: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  async pipeline(scene) {
    const pull = scene.open(zmq.Pull, 'server');
    const push = scene.open(zmq.Push, 'client');
    await scene.join(pull, push);
    await flow(push, pull, scene.count);
  },
  async pubsub(scene) {
    const pub = scene.open(zmq.XPublisher, 'server');
    const sub = scene.open(zmq.Subscriber, 'client');
    sub.subscribe('');
    await scene.join(pub, sub);
    await pub.receive();
    await flow(pub, sub, scene.count);
    sub.unsubscribe('');
    await pub.receive();
  },
  async xpubsub(scene) {
    const pub = scene.open(zmq.XPublisher, 'server');
    const sub = scene.open(zmq.XSubscriber, 'client');
    await scene.join(pub, sub);
    await sub.send('\u0001');
    await pub.receive();
    await flow(pub, sub, scene.count);
  },
  async reqrep(scene) {
    const rep = scene.open(zmq.Reply, 'server');
    const req = scene.open(zmq.Request, 'client');
    await scene.join(rep, req);
    for (let i = 0; i < scene.count / 10; i++) {
      await req.send(body(i));
      await rep.send((await rep.receive())[0] ?? '');
      await req.receive();
    }
  },
  async routing(scene) {
    const router = scene.open(zmq.Router, 'server');
    const dealer = scene.open(zmq.Dealer, 'client');
    await scene.join(router, dealer);
    for (let i = 0; i < scene.count; i++) await dealer.send(body(i));
    for (let i = 0; i < scene.count; i++) await router.send(await router.receive());
    for (let i = 0; i < scene.count; i++) await dealer.receive();
  },
  async pair(scene) {
    const [one, two] = [scene.open(zmq.Pair, 'server'), scene.open(zmq.Pair, 'client')];
    await scene.join(one, two);
    await flow(one, two, scene.count);
    await flow(two, one, scene.count);
  },
  async stopandgo(scene) {
    const [one, two] = [scene.open(zmq.Pair, 'server', NARROW), scene.open(zmq.Pair, 'client', NARROW)];
    await scene.join(one, two);
    await Promise.all([stopAndGo(one, two, 20), stopAndGo(two, one, 20)]);
  },
  async clientserver(scene) {
    const server = scene.open(draft.Server, 'server');
    const client = scene.open(draft.Client, 'client');
    await scene.join(server, client);
    for (let i = 0; i < scene.count; i++) await client.send(body(i));
    for (let i = 0; i < scene.count; i++) {
      const [message, from] = await server.receive();
      await server.send(message, from);
    }
    for (let i = 0; i < scene.count; i++) await client.receive();
  },
  async scattergather(scene) {
    const gather = scene.open(draft.Gather, 'server');
    const scatter = scene.open(draft.Scatter, 'client');
    await scene.join(gather, scatter);
    await flow(scatter, gather, scene.count);
  },
  async radiodish(scene) {
    const radio = scene.open(draft.Radio, 'server');
    const dish = scene.open(draft.Dish, 'client');
    dish.join('all');
    await scene.join(radio, dish);
    const heard = dish.receive();
    let over = false;
    const done = heard.then(
      () => {},
      () => {},
    );
    void done.then(() => {
      over = true;
    });
    // A radio does not say who joined: it calls until it is heard.
    while (!over) {
      await radio.send('hello', { group: 'all' });
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await heard;
  },
  async channel(scene) {
    const [one, two] = [scene.open(draft.Channel, 'server'), scene.open(draft.Channel, 'client')];
    await scene.join(one, two);
    await flow(one, two, scene.count);
    await flow(two, one, scene.count);
  },
  async peer(scene) {
    const [one, two] = [scene.open(draft.Peer, 'server'), scene.open(draft.Peer, 'client')];
    const endpoint = await scene.bind(one);
    const routingId = two.connectPeer(endpoint);
    for (let i = 0; i < scene.count; i++) await two.send(body(i), { routingId });
    for (let i = 0; i < scene.count; i++) {
      const [message, from] = await one.receive();
      await one.send(message, from);
    }
    for (let i = 0; i < scene.count; i++) await two.receive();
  },
};

/** STREAM and a socket of Node's own, over tcp. */
export async function streamEpisode(): Promise<void> {
  const stream = new zmq.Stream({ linger: 0, receiveTimeout: 20_000 });
  try {
    await stream.bind('tcp://127.0.0.1:*');
    const { hostname, port } = new URL(stream.lastEndpoint?.replace('tcp', 'http') ?? '');
    const socket = connect(Number(port), hostname);
    const closed = once(socket, 'close');
    socket.resume();
    const [id = ''] = await stream.receive();
    for (let i = 0; i < 20; i++) {
      socket.write(body(1));
      await stream.receive();
      await stream.send([id, body(2)]);
    }
    socket.end();
    await closed;
  } finally {
    stream.close();
  }
}
