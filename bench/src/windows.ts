/**
 * Two sides of one measurement that take turns within seconds, for differences that are smaller than what one process
 * and the next differ by: what a look at the node costs.
 *
 * Guarantees: both sides are there all the time, and one of them works; they take turns as A B B A, so that a drift of
 * the machine hits both alike; what is counted begins after a turn has settled.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Stage } from './children.ts';
import { within } from './children.ts';
import type { Command } from './servers.ts';
import type { Outcome, Work } from './works.ts';

/** Counts of a receiver, as its lines tell them: [milliseconds since 1970, messages]. */
type Counts = (readonly [number, number])[];

export interface Lane {
  readonly counts: Counts;
  /** Process id of the sender, which is held while the other side works. */
  readonly sender: number;
}

export interface Turn {
  readonly lane: Lane;
  /** What is done beside the traffic; returns how to stop it. */
  begin(): Promise<() => void | Promise<void>>;
}

export interface TurnTiming {
  /** Seconds of a turn that count. */
  readonly time: number;
  /** Turns of each side; a multiple of 2. */
  readonly turns: number;
}

const WARM = 1000;
const SETTLE = 250;

/** PUSH, `front`, `back`, PULL: both in one process each. */
export async function startLane(
  stage: Stage,
  peer: Command,
  front: string,
  back: string,
  size: number,
): Promise<Lane> {
  const counts: Counts = [];
  let ready = (): void => {};
  const listening = new Promise<void>((resolve) => {
    ready = resolve;
  });
  const receiver = [...peer, 'pull-counts', back, String(size), '--connect', '--child'];
  const { ended } = stage.launch(receiver, (line) => {
    const [word, at, count] = line.split(' ');
    if (word === 'READY') ready();
    if (word === 'COUNT') counts.push([Number(at), Number(count)]);
  });
  await within(20, 'pull-counts', Promise.race([listening, ended]));
  const sender = await stage.start([...peer, 'push', front, String(size), '--batch']);
  return { counts, sender: sender.pid };
}

/** Messages a second of both sides. */
export async function takeTurns(
  ours: Turn,
  theirs: Turn,
  { time, turns }: TurnTiming,
): Promise<[number, number]> {
  const sides = [ours, theirs] as const;
  const sums = sides.map(() => ({ messages: 0, seconds: 0 }));
  const hold = (turn: Turn, on: boolean): void => {
    if (ours.lane !== theirs.lane) process.kill(turn.lane.sender, on ? 'SIGSTOP' : 'SIGCONT');
  };
  for (const turn of sides) {
    hold(turn === ours ? theirs : ours, true);
    hold(turn, false);
    await delay(WARM);
  }
  for (let i = 0; i < 2 * turns; i++) {
    const at = (i + (i >> 1)) % 2;
    const turn = sides[at] as Turn;
    hold(sides[1 - at] as Turn, true);
    hold(turn, false);
    const end = await turn.begin();
    await delay(SETTLE);
    const from = Date.now();
    await delay(time * 1000);
    const to = Date.now();
    await end();
    const part = turn.lane.counts.filter(([when]) => when >= from && when <= to);
    const [first, last] = [part[0], part.at(-1)];
    if (first === undefined || last === undefined || first === last) throw new Error('no messages in a turn');
    const sum = sums[at] as { messages: number; seconds: number };
    sum.messages += last[1] - first[1];
    sum.seconds += (last[0] - first[0]) / 1000;
  }
  const [our = 0, their = 0] = sums.map(({ messages, seconds }) => messages / seconds);
  return [our, their];
}

/**
 * Both sides of a row out of one measurement: that of ours has both figures, that of theirs hands on the second one.
 * Theirs alone (the self-check) are two sides that do the same.
 */
export function together(measure: (stage: Stage, same: boolean) => Promise<[number, number]>): {
  readonly ours: Work;
  readonly theirs: Work;
} {
  let kept: number | null = null;
  const take = async (stage: Stage, same: boolean): Promise<Outcome> => {
    const [ours, theirs] = await measure(stage, same);
    kept = theirs;
    return { value: ours, p99: null };
  };
  return {
    ours: (stage) => take(stage, false),
    theirs: async (stage) => {
      if (kept === null) return take(stage, true);
      const value = kept;
      kept = null;
      return { value, p99: null };
    },
  };
}
