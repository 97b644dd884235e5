import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PeerInfo } from '@zeroth/zmq';
import fc from 'fast-check';
import type { RoutePeer } from '../../../src/flow/status.ts';
import type { Sample } from '../../../src/health/kernel.ts';
import { type Change, Peer } from '../../../src/health/peer.ts';
import { infoOf, peerOf } from './support.ts';

const MISSED = 3;

/** A peer under watch, looked at every 50 ms of a clock of its own. */
class Watched {
  readonly peer: Peer;
  info: PeerInfo;
  readonly changes: Change[] = [];
  readonly #more: Partial<RoutePeer>;
  #now = 0;

  constructor(info: Partial<PeerInfo> = {}, more: Partial<RoutePeer> = {}) {
    this.info = infoOf(info);
    this.#more = more;
    this.peer = new Peer(peerOf(this.info, more), 0);
  }

  look(change: Partial<PeerInfo> = {}, kernel: Sample | null = null, elapsed = 50): string {
    this.info = { ...this.info, ...change };
    this.#now += elapsed;
    const { bytesOut, stalled } = this.info;
    const system = kernel === null ? 'mute' : { ...kernel, least: bytesOut, most: bytesOut, stalled };
    const moment = { elapsed, missed: MISSED, now: this.#now, system } as const;
    const changed = this.peer.look(peerOf(this.info, this.#more), moment);
    if (changed !== null) this.changes.push(changed);
    return this.peer.status;
  }

  /** So many milliseconds in which nothing changes. */
  pass(ms: number): string {
    for (let left = ms; left > 0; left -= 50) this.look();
    return this.peer.status;
  }
}

function signs(more: Partial<Sample> = {}): Sample {
  const nothing = { unacknowledged: 0, timer: 'none', retransmissions: 0, unread: null } as const;
  return { ...nothing, least: 0, most: 0, stalled: false, ...more };
}

describe('silence', () => {
  it('is told after three intervals, not before, and ends with the first sign', () => {
    const watched = new Watched();
    assert.equal(watched.look({ heard: 1 }), 'healthy');
    assert.equal(watched.pass(250), 'healthy');
    assert.equal(watched.look(), 'silent');
    assert.match(watched.peer.reason ?? '', /nothing was heard of it for 3 heartbeats \(300 ms\)/);
    assert.equal(watched.peer.verdict, 'unhealthy');
    assert.equal(watched.look({ heard: 2 }), 'healthy');
    assert.equal(watched.peer.reason, null);
    assert.deepEqual(watched.changes, ['silent', 'back']);
  });

  it('is told within three intervals, where looks are in time', () => {
    const watched = new Watched();
    for (let quiet = 25; quiet <= 250; quiet += 25) assert.equal(watched.look({}, null, 25), 'healthy');
    assert.equal(watched.look({}, null, 25), 'silent');
  });

  it('is not told of a peer that is not pinged, and not of one that we do not read from', () => {
    for (const info of [{ heartbeats: false }, { paused: true }]) {
      assert.equal(new Watched(info).pass(10_000), 'healthy', JSON.stringify(info));
    }
    assert.equal(new Watched({}, { heartbeatInterval: 0 }).pass(10_000), 'healthy');
  });

  it('begins anew with another connection', () => {
    const watched = new Watched();
    watched.pass(200);
    assert.equal(watched.look({ connectedAt: 2 }), 'healthy');
    assert.equal(watched.pass(250), 'healthy');
    assert.equal(watched.pass(50), 'silent');
  });

  it('is not broken by what the system takes for a frozen program', () => {
    const watched = new Watched();
    for (let bytesOut = 0; bytesOut < 700; bytesOut += 100)
      watched.look({ bytesOut }, signs({ unacknowledged: bytesOut % 200 }));
    assert.equal(watched.peer.status, 'silent');
  });

  it('is not broken by what waits at a frozen program of this machine, acknowledged or not', () => {
    const watched = new Watched();
    for (let octets = 100; octets < 2000; octets += 100)
      watched.look({ bytesOut: octets }, signs({ unread: octets, unacknowledged: octets % 200 }));
    assert.equal(watched.peer.status, 'silent');
  });

  it('is not broken by a program of this machine that reads the pings and says nothing', () => {
    const watched = new Watched();
    for (let step = 0; step < 7; step++)
      watched.look({ bytesOut: step * 11 }, signs({ unread: (step % 2) * 11 }));
    assert.equal(watched.peer.status, 'silent');
  });

  it('is broken by octets that are taken out of full buffers', () => {
    const written = new Watched({ stalled: true, queuedOut: 9 });
    for (let bytesOut = 0; bytesOut < 2000; bytesOut += 100) written.look({ bytesOut });
    assert.equal(written.peer.status, 'slow');

    const acknowledged = new Watched({ stalled: true, queuedOut: 9 });
    for (let step = 0; step < 20; step++)
      acknowledged.look({}, signs({ unacknowledged: 500_000 - step, timer: 'probe' }));
    assert.equal(acknowledged.peer.status, 'slow');

    const read = new Watched();
    for (let step = 0; step < 20; step++)
      read.look({ bytesOut: step * 1000 }, signs({ unread: 5000 + step * 999, unacknowledged: 0 }));
    assert.equal(read.peer.status, 'healthy');

    const backlog = new Watched();
    for (let step = 0; step < 20; step++)
      backlog.look({ bytesOut: step * 1000 }, signs({ unacknowledged: 300_000 - step }));
    assert.equal(backlog.peer.status, 'healthy');
  });

  it('waits for the system where it tells what a peer takes, and not for ever', () => {
    const peer = new Peer(peerOf(infoOf()), 0);
    let now = 0;
    const look = (system: Sample | null): string => {
      now += 50;
      peer.look(peerOf(infoOf()), { elapsed: 50, missed: MISSED, now, system });
      return peer.status;
    };
    while (now < 500) assert.equal(look(null), 'healthy');
    assert.equal(look(signs()), 'healthy', 'nothing to compare it with');
    assert.equal(look(null), 'silent', 'twice the limit');
    while (now < 2000) assert.equal(look(null), 'silent', 'until there is a sign');
    const other = new Peer(peerOf(infoOf()), 0);
    for (now = 0; now < 300; ) {
      now += 50;
      const system = now >= 150 ? signs() : null;
      other.look(peerOf(infoOf()), { elapsed: 50, missed: MISSED, now, system });
    }
    assert.equal(other.status, 'silent');
  });

  it('says whether the network or the program is silent, where the system tells', () => {
    const cases: readonly [Sample, string | null][] = [
      [signs({ unacknowledged: 11, timer: 'retransmit', retransmissions: 2 }), 'network'],
      [signs({ unacknowledged: 90_000, timer: 'probe' }), 'program'],
      [signs(), 'program'],
      // Just sent: nothing is known yet.
      [signs({ unacknowledged: 11, timer: 'retransmit' }), null],
    ];
    for (const [kernel, evidence] of cases) {
      const watched = new Watched();
      watched.pass(200);
      watched.look({}, kernel);
      watched.look({}, kernel);
      assert.equal(watched.peer.status, 'silent');
      assert.equal(watched.peer.evidence, evidence, JSON.stringify(kernel));
    }
  });

  it('is also having requests and answering none', () => {
    const watched = new Watched({}, { pattern: 'reqrep', timeout: 500 });
    let heard = 0;
    const pass = (ms: number, change: Partial<PeerInfo> = {}): string => {
      for (let left = ms; left > 0; left -= 50) watched.look({ heard: ++heard, ...change });
      return watched.peer.status;
    };
    assert.equal(pass(1000), 'healthy', 'it has none');
    assert.equal(pass(450, { unanswered: 2, messagesOut: 2 }), 'healthy');
    assert.equal(pass(50, { unanswered: 1, messagesIn: 1 }), 'healthy', 'an answer');
    assert.equal(pass(450), 'healthy');
    assert.equal(pass(50), 'silent');
    assert.match(watched.peer.reason ?? '', /answered none of them for 500 ms \(timeout\)/);
    assert.equal(pass(1000), 'silent', 'heartbeats are no answers');
    assert.equal(pass(50, { unanswered: 0, messagesIn: 2 }), 'healthy');
  });
});

describe('slowness', () => {
  it('is told of what waits longer than the limit, and taken back when a queue is gone in time', () => {
    const watched = new Watched({ queuedOut: 1000 });
    let messagesOut = 0;
    /** Takes so many messages for each look, of a queue that stays full. */
    const pass = (ms: number, each: number): string => {
      for (let left = ms; left > 0; left -= 50) {
        messagesOut += each;
        watched.look({ heard: messagesOut, messagesOut });
      }
      return watched.peer.status;
    };
    assert.equal(pass(5000, 1000), 'healthy', 'a full queue that moves is none');
    assert.equal(pass(400, 1), 'slow');
    assert.match(watched.peer.reason ?? '', /longer than 300 ms/);
    assert.equal(watched.peer.verdict, 'degraded');
    assert.equal(pass(3000, 100), 'slow', 'a thousand in half a second');
    assert.equal(pass(2000, 500), 'healthy');
    assert.deepEqual(watched.changes, ['slow', 'back']);
  });

  it('is not told of a peer without a queue, and counts thirty seconds where there are no heartbeats', () => {
    const idle = new Watched();
    for (let heard = 1; heard < 100; heard++) idle.look({ heard });
    assert.equal(idle.peer.status, 'healthy');
    const stuck = new Watched({ queuedOut: 1 }, { heartbeatInterval: 0 });
    assert.equal(stuck.pass(30_000), 'healthy');
    assert.equal(stuck.pass(50), 'slow');
  });
});

/** One peer that is pinged and looked at by one event loop, which is held up now and then. */
interface Schedule {
  /** Shares of an interval after which the pings are answered. */
  readonly answers: readonly number[];
  /** Milliseconds that the turns of the loop take. */
  readonly turns: readonly number[];
  readonly interval: number;
  /** Milliseconds after which no more pings are answered. */
  readonly frozen: number;
}

/** Runs until `until`; calls `looked` after each look with the milliseconds since the start. */
function simulate(
  schedule: Schedule,
  until: number,
  missed: number,
  looked: (status: string, now: number) => void,
): void {
  const { answers, turns, interval, frozen } = schedule;
  const pace = Math.max(25, Math.min(1000, interval / 4));
  const route = { heartbeatInterval: interval };
  let info = infoOf();
  const peer = new Peer(peerOf(info, route), 0);
  const arriving: number[] = [];
  let [now, ping, look, lastLook, pings, turn] = [0, interval, pace, 0, 0, 0];
  while (now < until) {
    now = Math.max(now, Math.min(ping, look, arriving[0] ?? Number.POSITIVE_INFINITY));
    // Timers come first, in the order in which they are due; what has arrived is read after them.
    for (const first of ping <= look ? ['ping', 'look'] : ['look', 'ping']) {
      if (first === 'ping' && ping <= now) {
        const answer = now + (answers[pings++ % answers.length] as number) * interval;
        if (answer < frozen) arriving.push(Math.max(answer, arriving.at(-1) ?? 0));
        ping = now + interval;
      } else if (first === 'look' && look <= now) {
        const elapsed = Math.min(now - lastLook, pace * 1.5);
        peer.look(peerOf(info, route), { elapsed, missed, now, system: 'mute' });
        lastLook = now;
        look = now + pace;
        looked(peer.status, now);
      }
    }
    for (; (arriving[0] ?? now + 1) <= now; arriving.shift()) info = { ...info, heard: info.heard + 1 };
    now += turns[turn++ % turns.length] as number;
  }
}

const intervals = fc.integer({ min: 50, max: 10_000 });
const answers = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 20 });
const held = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 60_000 }));

describe('over any schedule', () => {
  it('a peer that answers within an interval is never silent, however long the loop is held up', () => {
    const turns = fc.array(held, { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.record({ answers, turns, interval: intervals }), (schedule) => {
        simulate(
          { ...schedule, frozen: Number.POSITIVE_INFINITY },
          200 * schedule.interval,
          MISSED,
          (status, now) => assert.notEqual(status, 'silent', `at ${now}`),
        );
      }),
      { numRuns: 2000 },
    );
  });

  it('a peer that answers none from some moment on is silent within three intervals and a look', () => {
    fc.assert(
      fc.property(
        answers,
        intervals,
        fc.double({ min: 0, max: 20, noNaN: true }),
        (shares, interval, when) => {
          const frozen = when * interval;
          const judged = Math.max(100, interval);
          const look = Math.min(1000, judged / 4);
          let told: number | null = null;
          simulate(
            { answers: shares, turns: [0], interval, frozen },
            frozen + 10 * Math.max(100, interval),
            MISSED,
            (status, now) => {
              if (status === 'silent') told ??= now;
            },
          );
          assert.ok(told !== null && told <= frozen + 3 * judged + look, `${told} after ${frozen}`);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
