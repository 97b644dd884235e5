/** What several families of sockets are asked alike: turns, queues, marks, messages as they are. */
import assert from 'node:assert/strict';
import { payload, sameParts } from '../support/payload.ts';
import { command } from '../support/rawpeer.ts';
import { arrived, left } from '../support/scope.ts';
import { type AnyName, type CellSocket, holds, octets, octetsBound, type Tested } from './matrix.ts';

/** Sizes around the edges of framing and of our own paths. */
export const BODIES: readonly Buffer[][] = [
  [Buffer.alloc(0)],
  [payload(1, 1), Buffer.alloc(0), payload(255, 2)],
  [Buffer.alloc(0), payload(256, 3)],
  [payload(8192, 4), payload(65_536, 5)],
  Array.from({ length: 100 }, (_, index) => payload(index % 7, index)),
];

/** The last frame as text, without the object that comes with it from a draft socket. */
function bodyOf(parts: readonly unknown[]): string {
  return String(parts.filter(Buffer.isBuffer).at(-1));
}

/** A copy to be sent: libzmq masks what goes over ws where it lies, in the memory of the sender. */
export function fresh(parts: readonly Buffer[]): Buffer[] {
  return parts.map((part) => Buffer.from(part));
}

/** `from` sends what `to` receives, octet by octet. */
export async function passes(from: CellSocket, to: CellSocket, strip: number = 0): Promise<void> {
  for (const [index, parts] of BODIES.entries()) {
    await from.send(fresh(parts));
    sameParts((await to.receive()).slice(strip), parts, `message ${index}`);
  }
}

/** Each `count` values in a row are all different: nobody had two turns before another had one. */
export function inTurns(seen: readonly string[], count: number): void {
  for (let at = 0; at < seen.length; at += count) {
    const round = seen.slice(at, at + count);
    assert.equal(new Set(round).size, round.length, `turn ${at / count} of ${seen.join(' ')}`);
  }
}

export interface Kind {
  readonly clause: string;
  readonly tested: AnyName;
  readonly peer?: AnyName;
  /** The Socket-Type of a peer by hand. */
  readonly wireName?: string;
  /** Its messages have one frame. */
  readonly single?: boolean;
  /** In front of what a peer sends. */
  readonly envelope?: readonly string[];
  /** Done before there is a peer. */
  readonly early?: (tested: Tested) => Promise<void> | void;
  readonly receive?: (tested: Tested) => Promise<string>;
}

/** Three peers have three messages each waiting: they are received one of each at a time. */
export function receivesInTurns({ clause, tested, peer = tested, envelope = [], receive }: Kind): void {
  holds(clause, 'everywhere', async ({ tested: open, peer: other, join }) => {
    const socket = open(tested);
    const peers = [other(peer), other(peer), other(peer)];
    await join(socket, ...peers);
    for (const [index, each] of peers.entries()) {
      for (let count = 0; count < 3; count += 1) await each.send([...envelope, `peer ${index}`]);
    }
    await arrived(socket, 9);
    const seen: string[] = [];
    const next = receive ?? (async () => bodyOf(await socket.receive()));
    while (seen.length < 9) seen.push(await next(socket));
    assert.deepEqual(
      seen.toSorted(),
      ['0', '1', '2'].flatMap((index) => Array(3).fill(`peer ${index}`)),
    );
    inTurns(seen, 3);
  });
}

/** Nine messages go to three peers, three each, in turns. */
export function sendsInTurns({ clause, tested, peer = tested }: Kind): void {
  holds(clause, 'everywhere', async ({ tested: open, peer: other, join }) => {
    const socket = open(tested);
    const peers = [other(peer), other(peer), other(peer)];
    await join(socket, ...peers);
    for (let count = 0; count < 9; count += 1) await socket.send(`message ${count}`);
    const rounds = await Promise.all(
      peers.map(async (each) => {
        const numbers: number[] = [];
        while (numbers.length < 3) numbers.push(Number(bodyOf(await each.receive()).slice(8)));
        return numbers.map((number) => Math.floor(number / 3));
      }),
    );
    assert.deepEqual(rounds, [
      [0, 1, 2],
      [0, 1, 2],
      [0, 1, 2],
    ]);
  });
}

/** Sent after connect and before bind, received after it. */
export function queuesEarly({ clause, tested, peer = tested, single = false }: Kind): void {
  holds(clause, 'connected', async ({ tested: open, peer: other, transport }) => {
    const socket = open(tested);
    const endpoint = await transport.fixed();
    socket.connect(endpoint);
    for (let count = 0; count < 3; count += 1)
      await socket.send(single ? `early ${count}` : ['early', String(count)]);
    const late = other(peer);
    await late.bind(endpoint);
    for (let count = 0; count < 3; count += 1) {
      const got = (await late.receive()).filter(Buffer.isBuffer).map(String);
      assert.equal(got.join(' '), `early ${count}`);
    }
  });
}

/** As many messages as the mark says are taken while nobody is there; the next one is refused. */
export function keepsMark({ clause, tested }: Kind): void {
  holds(clause, 'connected', async ({ tested: open, transport }) => {
    const socket = open(tested, { sendHighWaterMark: 7, sendTimeout: 0 });
    socket.connect(await transport.fixed());
    for (let count = 0; count < 7; count += 1) await socket.send(String(count));
    await assert.rejects(socket.send('one too many'), { code: 'EAGAIN' });
  });
}

/** Without any peer a send is refused, and what was refused does not arrive later. */
export function waitsForRoom({ clause, tested, peer = tested }: Kind): void {
  holds(clause, 'everywhere', async ({ tested: open, peer: other, join }) => {
    const socket = open(tested, { sendTimeout: 1 });
    await assert.rejects(socket.send('refused'), { code: 'EAGAIN' });
    const there = other(peer);
    await join(socket, there);
    await socket.send('taken');
    assert.equal(bodyOf(await there.receive()), 'taken');
  });
}

const LARGE = payload(1024 * 1024);

/**
 * A peer that had connected and did not read takes what waited for it along; the next one gets what is new only.
 * Of who binds: what is queued for an endpoint that we connect to is kept for its next connection.
 */
export function discardsOfWhoLeft(
  { clause, tested, peer = tested, single = false }: Kind,
  address: readonly string[] = [],
): void {
  octetsBound(clause, async ({ tested: open, meet, transport }) => {
    const socket = open(tested, { sendHighWaterMark: 4, sendTimeout: 0 });
    const wireName = peer.toUpperCase();
    const first = await meet(socket, wireName, address[0] ?? '');
    first.socket.pause();
    await assert.rejects(
      async () => {
        for (let count = 0; count < 400 && socket.stats.dropped === 0; count += 1) {
          await socket.send(single ? LARGE : [...address, 'old', LARGE]);
        }
        if (socket.stats.dropped > 0) throw Object.assign(new Error('dropped'), { code: 'EAGAIN' });
      },
      { code: 'EAGAIN' },
    );
    first.close();
    await left(socket, transport, 0);
    const next = await meet(socket, wireName, address[0] ?? '');
    await socket.send(single ? 'new' : [...address, 'new']);
    assert.deepEqual((await next.readMessage()).map(String), ['new']);
  });
}

/** Three peers have three messages each waiting: they are received one of each at a time. */
export function receivesOctetsInTurns({ clause, tested, wireName = '', envelope = [], early }: Kind): void {
  octets(clause, async ({ tested: open, meet }) => {
    const socket = open(tested);
    await early?.(socket);
    const meeting = () => meet(socket, wireName);
    const peers = [await meeting(), await meeting(), await meeting()];
    for (const [index, each] of peers.entries()) {
      for (let count = 0; count < 3; count += 1) each.send(...envelope, `peer ${index}`);
    }
    await arrived(socket, 9);
    const seen: string[] = [];
    while (seen.length < 9) seen.push(String((await socket.receive())[0]));
    assert.deepEqual(new Set(seen).size, 3);
    inTurns(seen, 3);
  });
}

/** A message of several frames is dropped, what comes after it is received. */
export function discardsMultipart({ clause, tested, wireName = '', envelope = [], early }: Kind): void {
  octets(clause, async ({ tested: open, meet }) => {
    const socket = open(tested);
    await early?.(socket);
    const other = await meet(socket, wireName);
    other.send(...envelope, 'one', 'two');
    other.send(...envelope, '', '', '');
    other.send(...envelope, 'single');
    assert.equal(String((await socket.receive())[0]), 'single');
  });
}

/** A socket that only receives says so to who sends. */
export async function doesNotSend(socket: CellSocket): Promise<void> {
  await assert.rejects(socket.send('no'), { code: 'ENOTSUP' });
}

/** A subscription as ZMTP 3.1 sends it. */
export function subscribeCommand(topic: string): Buffer {
  return command('SUBSCRIBE', Buffer.from(topic));
}
