/**
 * PUB and SUB, paced so that nothing is dropped: the publisher never has more than `window` messages that the
 * subscribers have not acknowledged over a PUSH to PULL connection of their own. A figure is therefore what the
 * subscribers received, and a message that gets lost stalls the run instead of flattering it.
 *
 * A message is "t00042." + a flag + filler. Flag P is a probe: the publisher sends each topic again and again until the
 * subscribers have seen all of them and say so; only then do D messages flow. The same as bench/c/pubsub.c.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Driver } from './common.ts';
import { attach, Meter, sayReady, sayResult } from './common.ts';
import type { Receiver } from './library.ts';

const FLAG = 7;
const PROBE = 0x50;
const EMPTY = Buffer.alloc(0);

function topic(t: number): string {
  return `t${String(t).padStart(5, '0')}.`;
}

function bodies(topics: number, size: number, flag: string): Buffer[] {
  return Array.from({ length: topics }, (_, t) => Buffer.from((topic(t) + flag).padEnd(size, '.'), 'latin1'));
}

/** Credits travel in tenths of the window. */
function stepOf(window: number): number {
  return Math.max(1, Math.floor(window / 10));
}

export const pub: Driver = async ({ lib, endpoint, size, bind, hwm, topics, window, acks }) => {
  const count = Math.max(1, topics);
  const probes = bodies(count, size, 'P');
  const data = bodies(count, size, 'D');
  const step = stepOf(window);
  const socket = new lib.Publisher({ linger: 0, ...(hwm === null ? {} : { sendHighWaterMark: hwm }) });
  const credits = new lib.Pull({});
  const at = await attach(socket, endpoint, bind ?? true);
  sayReady(at, await attach(credits, acks ?? 'tcp://127.0.0.1:*', true));

  const go = credits.receive().then(() => true);
  do for (const body of probes) await socket.send(body);
  while (!(await Promise.race([go, delay(50, false)])));

  for (let credit = window, t = 0; ; credit--) {
    if (credit === 0) {
      await credits.receive();
      credit = step;
    }
    await socket.send(data[t] ?? EMPTY);
    if (++t === count) t = 0;
  }
};

export const sub: Driver = async (options) => {
  const { lib, endpoint, bind, hwm, topics, subs, window, acks } = options;
  if (acks === null) throw new Error('sub needs --acks ENDPOINT');
  const credits = new lib.Push({ linger: 0 });
  const meter = new Meter(options);
  const unseen = new Set(topics > 0 ? Array.from({ length: topics }, (_, t) => topic(t)) : [topic(0)]);
  const step = stepOf(window);
  let unacked = 0;
  let over = false;
  credits.connect(acks);

  const read = async (socket: Receiver): Promise<void> => {
    for await (const [body] of socket) {
      if (over || body === undefined) return;
      if (body[FLAG] === PROBE) {
        if (unseen.delete(body.toString('latin1', 0, FLAG)) && unseen.size === 0) await credits.send(EMPTY);
        continue;
      }
      if (++unacked === step) {
        unacked = 0;
        await credits.send(EMPTY);
      }
      over = meter.add(body.length);
      if (over) return;
    }
  };
  const sockets = await Promise.all(
    Array.from({ length: subs }, async (_, s) => {
      const socket = new lib.Subscriber(hwm === null ? {} : { receiveHighWaterMark: hwm });
      await attach(socket, endpoint, bind ?? false);
      if (topics === 0) socket.subscribe('');
      for (let t = s; t < topics; t += subs) socket.subscribe(topic(t));
      return socket;
    }),
  );
  sayReady(endpoint);
  await Promise.race(sockets.map(read));
  sayResult(meter.result());
};
