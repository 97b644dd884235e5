/**
 * Programs of two sockets that send to each other, with a proxy between them or not, made up at random: what is sent, how
 * and with what pauses it is sent and received, and with what marks. `play` runs one. Everything that was sent has to
 * arrive, in order and once; and while work is left something has to happen: a stall is what these programs look for.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import * as zmq from '../../src/index.ts';
import { MIB, payload } from './payload.ts';
import { type TestTransport, transports } from './transports.ts';

type Pause = number;
interface SendStep {
  /** How many of `send` are not waited for one by one; 0: `trySend` and `waitWritable`. */
  readonly at: number;
  /** Below 0: none, 0: a turn of the event loop, else milliseconds. */
  readonly pause: Pause;
}
interface ReceiveStep {
  readonly how: 'receive' | 'batch' | 'try' | 'iterate';
  readonly take: number;
  readonly pause: Pause;
}
/** What goes in one direction. The lists are gone through again and again. */
interface Lane {
  readonly count: number;
  readonly messages: readonly (readonly number[])[];
  readonly send: readonly SendStep[];
  readonly receive: readonly ReceiveStep[];
  readonly sendMark: number;
  readonly receiveMark: number;
  /** The mark of the receiver after a while; below 0: as it was. */
  readonly nextMark: number;
}
interface Program {
  readonly transport: string;
  readonly mechanism: 'NULL' | 'PLAIN' | 'CURVE';
  readonly shape: keyof typeof SHAPES;
  readonly there: Lane;
  readonly back: Lane;
  /** The first socket binds. */
  readonly first: boolean;
  readonly proxyMark: number;
  readonly proxyPauses: boolean;
  readonly heartbeats: boolean;
  readonly drains: boolean;
}

type Ends =
  | zmq.Push
  | zmq.Pull
  | zmq.Dealer
  | zmq.Router
  | zmq.Pair
  | zmq.XPublisher
  | zmq.XSubscriber
  | zmq.Subscriber;
type New = new (options: object) => Ends;
interface Shape {
  readonly a: New;
  readonly b: New;
  readonly through?: readonly [New, New];
  readonly twoWay: boolean;
  /** `b` sends to, and receives from, a routing id in front. */
  readonly addressed?: boolean;
  /** `b` subscribes, and `a` waits for room with all. */
  readonly publishes?: boolean;
}

const SHAPES = {
  pipeline: { a: zmq.Push, b: zmq.Pull, twoWay: false },
  pair: { a: zmq.Pair, b: zmq.Pair, twoWay: true },
  dealers: { a: zmq.Dealer, b: zmq.Dealer, twoWay: true },
  router: { a: zmq.Dealer, b: zmq.Router, twoWay: true, addressed: true },
  streamer: { a: zmq.Push, b: zmq.Pull, through: [zmq.Pull, zmq.Push], twoWay: false },
  broker: { a: zmq.Dealer, b: zmq.Dealer, through: [zmq.Router, zmq.Dealer], twoWay: true, addressed: true },
  publisher: { a: zmq.XPublisher, b: zmq.Subscriber, twoWay: false, publishes: true },
  forwarder: {
    a: zmq.XPublisher,
    b: zmq.Subscriber,
    through: [zmq.XSubscriber, zmq.XPublisher],
    twoWay: false,
    publishes: true,
  },
  bridge: { a: zmq.Pair, b: zmq.Dealer, through: [zmq.Pair, zmq.Dealer], twoWay: true },
} as const satisfies Record<string, Shape>;

const anyMark = fc.constantFrom(1, 2, 3, 1000, 0);
const anyPause: fc.Arbitrary<Pause> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(-1) },
  { weight: 3, arbitrary: fc.constant(0) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 12 }) },
);
const anySize = fc.oneof(
  { weight: 10, arbitrary: fc.nat(30) },
  { weight: 3, arbitrary: fc.constantFrom(0, 1, 124, 125, 126, 254, 255, 256, 1024, 1025) },
  { weight: 3, arbitrary: fc.nat(5000) },
  { weight: 3, arbitrary: fc.constantFrom(8191, 8192, 16_383, 16_384, 32_768, 65_535, 65_536, 131_072) },
  { weight: 2, arbitrary: fc.nat(200_000) },
  { weight: 1, arbitrary: fc.integer({ min: 200_000, max: 4 * MIB }) },
);
const some = <T>(arbitrary: fc.Arbitrary<T>, most: number): fc.Arbitrary<T[]> =>
  fc.array(arbitrary, { minLength: 1, maxLength: most });

/** What a program may take: octets in each direction, and milliseconds of all its pauses, about. */
interface Budget {
  readonly octets: number;
  readonly time: number;
}

/** Milliseconds of pauses for each message, where a turn has so many messages. */
function idle<S extends { readonly pause: Pause }>(
  steps: readonly S[],
  messages: (step: S) => number,
): number {
  const time = steps.reduce((sum, { pause }) => sum + (pause > 0 ? pause + 1 : 0.1), 0);
  return time / steps.reduce((sum, step) => sum + messages(step), 0);
}

function anyLane(budget: Budget): fc.Arbitrary<Lane> {
  return fc
    .record({
      count: fc.oneof(fc.nat(12), fc.nat(200), fc.nat(4000)),
      messages: some(
        fc.oneof(
          anySize.map((size) => [size]),
          some(anySize, 4),
        ),
        10,
      ),
      send: some(fc.record({ at: fc.oneof(fc.nat(3), fc.nat(3), fc.nat(600)), pause: anyPause }), 6),
      receive: some(
        fc.record({
          how: fc.constantFrom('receive', 'batch', 'try', 'iterate'),
          take: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 2000 })),
          pause: anyPause,
        }),
        6,
      ),
      sendMark: anyMark,
      receiveMark: anyMark,
      nextMark: fc.oneof(fc.constant(-1), anyMark),
    })
    .map((lane) => {
      const each = lane.messages.map((sizes) => sizes.reduce((sum, size) => sum + size + 20, 0));
      const mean = each.reduce((sum, size) => sum + size, 0) / each.length;
      const most = lane.sendMark === 0 ? Number.POSITIVE_INFINITY : lane.sendMark;
      const sending = idle(lane.send, ({ at }) => Math.max(1, Math.min(at, most)));
      const receiving = idle(lane.receive, ({ how, take }) => (how === 'batch' ? 1 : take));
      const count = Math.min(
        lane.count,
        Math.ceil(budget.octets / mean),
        Math.ceil(budget.time / Math.max(sending, receiving)),
      );
      return { ...lane, count: Math.max(1, count) } as Lane;
    });
}

export function anyProgram(budget: Budget): fc.Arbitrary<Program> {
  return fc.record({
    transport: fc.constantFrom(...transports.map(({ name }) => name)),
    mechanism: fc.constantFrom('NULL', 'PLAIN', 'CURVE'),
    shape: fc.constantFrom(...(Object.keys(SHAPES) as (keyof typeof SHAPES)[])),
    there: anyLane(budget),
    back: anyLane(budget),
    first: fc.boolean(),
    proxyMark: anyMark,
    proxyPauses: fc.boolean(),
    heartbeats: fc.boolean(),
    drains: fc.boolean(),
  });
}

const SERVER = zmq.curveKeyPair();
const CLIENT = zmq.curveKeyPair();
const SECURITY = {
  NULL: { server: {}, client: {} },
  PLAIN: { server: { plainServer: true }, client: { plainUsername: 'user', plainPassword: 'word' } },
  CURVE: {
    server: { curveServer: true, curveSecretKey: SERVER.secretKey },
    client: {
      curveServerKey: SERVER.publicKey,
      curvePublicKey: CLIENT.publicKey,
      curveSecretKey: CLIENT.secretKey,
    },
  },
};
const ID = 'a';
// PLAIN has to be told whom to let in.
const context = new zmq.Context({
  zapHandler: () => ({ status: 200 }),
});

const octets = payload(6 * MIB, 3);

/** The frames of message `index` of a lane. */
function messageOf(lane: Lane, salt: number, index: number): Buffer[] {
  return lane.messages[index % lane.messages.length]!.map((size, frame) => {
    const from = (salt * 7919 + index * 31 + frame * 977) % MIB;
    return octets.subarray(from, from + size);
  });
}

function after(pause: Pause): Promise<void> | undefined {
  if (pause < 0) return undefined;
  return new Promise((resolve) => {
    if (pause === 0) setImmediate(resolve);
    else setTimeout(resolve, pause);
  });
}

/** Counts what happens. */
class Pulse {
  beats = 0;
  readonly counts: Record<string, number> = {};

  beat(what: string): void {
    this.beats++;
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  /** Rejects when nothing was counted for `patience` ms. Looks are counted, so that a busy machine is no stall. */
  watch(patience: number, state: () => unknown): { stalled: Promise<never>; stop: () => void } {
    const LOOKS = 20;
    let last = -1;
    let still = 0;
    let timer: NodeJS.Timeout | undefined;
    const stalled = new Promise<never>((_resolve, reject) => {
      timer = setInterval(() => {
        still = this.beats === last ? still + 1 : 0;
        last = this.beats;
        if (still >= LOOKS) reject(new Error(`nothing happens: ${JSON.stringify(state())}`));
      }, patience / LOOKS);
    });
    return { stalled, stop: () => clearInterval(timer) };
  }
}

async function sendAll(
  socket: zmq.Push,
  lane: Lane,
  salt: number,
  prefix: string[],
  beat: () => void,
): Promise<void> {
  const most = lane.sendMark === 0 ? Number.POSITIVE_INFINITY : lane.sendMark;
  for (let index = 0, turn = 0; index < lane.count; turn++) {
    const { at, pause } = lane.send[turn % lane.send.length]!;
    const next = (): (Buffer | string)[] => [...prefix, ...messageOf(lane, salt, index++)];
    if (at === 0) {
      const message = next();
      while (!socket.trySend(message)) await socket.waitWritable();
      beat();
    } else {
      const sends: Promise<void>[] = [];
      while (sends.length < Math.min(at, most) && index < lane.count) {
        sends.push(socket.send(next()).then(beat));
      }
      await Promise.all(sends);
    }
    await after(pause);
  }
}

async function receiveAll(
  socket: zmq.Pull,
  lane: Lane,
  salt: number,
  prefix: string[],
  beat: () => void,
): Promise<void> {
  let index = 0;
  const got = (frames: readonly Buffer[]): void => {
    beat();
    const body = frames.slice(prefix.length);
    const wanted = messageOf(lane, salt, index);
    const sizes = (list: readonly Buffer[]): string => list.map(({ length }) => length).join();
    assert.deepEqual(frames.slice(0, prefix.length).map(String), prefix);
    assert.equal(sizes(body), sizes(wanted), `sizes of message ${index} of ${lane.count}`);
    for (const [at, each] of wanted.entries())
      assert.ok(each.equals(body[at]!), `frame ${at} of message ${index} is another`);
    index++;
    if (lane.nextMark >= 0 && index === lane.count >> 1) socket.receiveHighWaterMark = lane.nextMark;
  };
  for (let turn = 0; index < lane.count; turn++) {
    const { how, take, pause } = lane.receive[turn % lane.receive.length]!;
    const end = Math.min(index + take, lane.count);
    if (how === 'batch') for (const message of await socket.receiveBatch(end - index)) got(message);
    else if (how === 'iterate') {
      for await (const message of socket) {
        got(message);
        if (index === end) break;
      }
    } else
      while (index < end) {
        const message = how === 'try' ? socket.tryReceive() : await socket.receive();
        if (message !== null) got(message);
        else await after(0);
      }
    await after(pause);
  }
}

/** Runs a program. @throws when something is lost, changed or doubled, or when nothing happens for `patience` ms. */
export async function play(program: Program, patience: number): Promise<void> {
  const { there, back, mechanism, proxyMark } = program;
  const transport: TestTransport = transports.find(({ name }) => name === program.transport)!;
  const shape: Shape = SHAPES[program.shape];
  // Within a process nobody asks who is there.
  const { server, client } = SECURITY[transport.wire ? mechanism : 'NULL'];
  const pulse = new Pulse();
  const open = <S extends Ends>(
    Type: new (options: object) => S,
    binds: boolean,
    sendMark: number,
    receiveMark: number,
  ): S =>
    new Type({
      context,
      ...transport.options,
      ...(binds ? server : client),
      ...(Type === (zmq.Router as unknown) ? { mandatory: true } : {}),
      ...(Type === (zmq.XPublisher as unknown) ? { noDrop: true } : {}),
      ...(program.heartbeats ? { heartbeatInterval: 4, heartbeatTimeout: 60_000 } : {}),
      ...(Type === (zmq.Pull as unknown) || Type === (zmq.Subscriber as unknown)
        ? {}
        : { sendHighWaterMark: sendMark }),
      ...(Type === (zmq.Push as unknown) ? {} : { receiveHighWaterMark: receiveMark }),
    });
  const bound = shape.through === undefined ? program.first : false;
  const a = open(shape.a, bound, there.sendMark, back.receiveMark);
  const b = open(shape.b, shape.through === undefined && !bound, back.sendMark, there.receiveMark);
  if (shape.addressed) (a as zmq.Dealer).routingId = ID;
  const middle = shape.through?.map((Type) => open(Type as New, true, proxyMark, proxyMark));
  const all = [a, b, ...(middle ?? [])];
  const join = async (binder: Ends, connector: Ends): Promise<void> => {
    await binder.bind(transport.endpoint());
    connector.connect(binder.lastEndpoint!);
    while (![binder, connector].every((each) => each.peers().some(({ state }) => state === 'ready')))
      await after(1);
  };
  const state = (): unknown => ({
    counts: pulse.counts,
    stats: all.map((each) => (each.closed ? 'closed' : each.stats)),
    peers: all.map((each) => (each.closed ? 'closed' : each.peers().map((peer) => peer.state))),
  });
  const { stalled, stop } = pulse.watch(patience, state);
  let over = false;
  const running = async (): Promise<void> => {
    let proxy: zmq.Proxy | null = null;
    let proxied: Promise<void> = Promise.resolve();
    if (middle === undefined) await (bound ? join(a, b) : join(b, a));
    else {
      await join(middle[0]!, a);
      await join(middle[1]!, b);
      proxy = new zmq.Proxy(middle[0]!, middle[1]!);
      proxied = proxy.run();
    }
    if (shape.publishes) {
      (b as zmq.Subscriber).subscribe('');
      await (a as zmq.XPublisher).receive();
    }
    const addressed = shape.addressed ? [ID] : [];
    const end = async (socket: Ends): Promise<void> => {
      if (!program.drains) socket.close();
      else assert.deepEqual(await socket.drain({ timeout: -1 }), { undelivered: 0 });
      pulse.beat('closed');
    };
    const sides: Promise<unknown>[] = [
      sendAll(a as zmq.Push, there, 1, [], () => pulse.beat('sent there')),
      receiveAll(b as zmq.Pull, there, 1, addressed, () => pulse.beat('got there')),
    ];
    if (shape.twoWay) {
      sides.push(sendAll(b as zmq.Push, back, 2, addressed, () => pulse.beat('sent back')));
      sides.push(receiveAll(a as zmq.Pull, back, 2, [], () => pulse.beat('got back')));
    }
    const nudge = async (): Promise<void> => {
      while (program.proxyPauses && proxy !== null && !over) {
        proxy.pause();
        await after(3);
        if (!over) proxy.resume();
        await after(0);
      }
    };
    const nudging = nudge();
    // Whoever has sent and received everything closes, whatever the other does: what it sent still arrives.
    await Promise.all([
      Promise.all([sides[0], sides[3]]).then(() => end(a)),
      Promise.all([sides[1], sides[2]]).then(() => end(b)),
    ]);
    over = true;
    await nudging;
    proxy?.resume();
    if (proxy !== null) {
      if (program.drains) assert.deepEqual(await proxy.drain({ timeout: -1 }), { undelivered: 0 });
      else proxy.terminate();
      await proxied;
    }
  };
  try {
    await Promise.race([running(), stalled]);
  } finally {
    over = true;
    stop();
    for (const each of all) {
      if (!each.closed) each.linger = 0;
      each.close();
    }
  }
}
