import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PeerInfo } from '@zeroth/zmq';
import type { PeerEvent, RoutePeer } from '../../../src/flow/status.ts';
import { Peers } from '../../../src/health/peers.ts';
import type { Verdict } from '../../../src/health/types.ts';
import { infoOf, peerOf } from './support.ts';

const MISSED = 3;

/** A route of which the isolated peers are known, with a clock of its own. */
class Setup {
  readonly isolated: Set<number> = new Set();
  readonly changes: string[] = [];
  readonly said: Map<string, Verdict> = new Map();
  readonly peers: Peers;
  now = 1_000_000;

  constructor() {
    this.peers = new Peers({
      node: {
        isolate: (_route, _side, peer, on) => {
          if (on) this.isolated.add(peer);
          else this.isolated.delete(peer);
          return true;
        },
      },
      said: (service, instance) => this.said.get(`${service}/${instance}`) ?? null,
      changed: (peer, change) => this.changes.push(`${peer.info.id} ${change}`),
    });
  }

  look(infos: readonly Partial<PeerInfo>[], elapsed = 50, more: Partial<RoutePeer> = {}): void {
    this.now += elapsed;
    const peers = infos.map((info) =>
      peerOf(infoOf({ isolated: this.isolated.has(info.id ?? 1), ...info }), more),
    );
    this.peers.look(peers, 'mute', { elapsed, missed: MISSED, now: this.now });
  }

  pass(ms: number, infos: readonly Partial<PeerInfo>[], more: Partial<RoutePeer> = {}): void {
    for (let left = ms; left > 0; left -= 50) this.look(infos, 50, more);
  }

  statuses(): string[] {
    return this.peers.all().map(({ id, status }) => `${id} ${status}`);
  }
}

function gone(info: PeerInfo, error: Error | null): PeerEvent {
  return {
    route: 'jobs',
    side: 'backend',
    type: 'gone',
    peer: info,
    address: info.endpoint,
    error,
  } as PeerEvent;
}

describe('peers', () => {
  it('isolates the silent one alone, and lets it in when it is heard', () => {
    const setup = new Setup();
    let heard = 0;
    setup.look([{ id: 1 }, { id: 2 }]);
    for (let step = 0; step < 6; step++) setup.look([{ id: 1 }, { id: 2, heard: ++heard }]);
    assert.deepEqual(setup.statuses(), ['1 silent', '2 healthy']);
    assert.deepEqual([...setup.isolated], [1]);
    setup.look([{ id: 1, heard: 1 }, { id: 2 }]);
    assert.deepEqual([...setup.isolated], []);
    assert.deepEqual(setup.changes, ['1 silent', '1 back']);
  });

  it('isolates all of them when all are silent', () => {
    const setup = new Setup();
    setup.pass(400, [{ id: 1 }, { id: 2 }]);
    assert.deepEqual([...setup.isolated], [1, 2]);
  });

  it('isolates nobody where the node does not choose', () => {
    const setup = new Setup();
    setup.pass(400, [{ id: 1 }], { pattern: 'pubsub' });
    setup.pass(400, [{ id: 2 }], { side: 'frontend' });
    assert.deepEqual(setup.changes, ['1 silent', '2 silent']);
    assert.deepEqual([...setup.isolated], []);
  });

  it('takes the worse of what the connection tells and what the registry says', () => {
    const setup = new Setup();
    const info = { id: 1, routingId: Buffer.from('billing-1') };
    let heard = 0;
    const verdicts: string[] = [];
    for (const said of ['healthy', 'degraded', 'unhealthy', 'healthy'] as const) {
      setup.said.set('jobs/billing-1', said);
      setup.look([{ ...info, heard: ++heard }]);
      verdicts.push(`${setup.peers.all()[0]?.verdict} ${setup.isolated.size}`);
    }
    assert.deepEqual(verdicts, ['healthy 0', 'degraded 0', 'unhealthy 1', 'healthy 0']);
    setup.pass(400, [{ ...info, heard }]);
    assert.equal(setup.peers.all()[0]?.verdict, 'unhealthy');
  });

  it('knows at once who is gone and why, and forgets it when it is back or after five minutes', () => {
    const setup = new Setup();
    const info = infoOf({ id: 1, routingId: Buffer.from('worker') });
    setup.look([info]);
    setup.peers.event(gone(info, new Error('reset by the peer')), setup.now);
    assert.deepEqual(
      setup.peers.all().map(({ status, reason, routingId }) => ({ status, reason, routingId })),
      [{ status: 'gone', reason: 'reset by the peer', routingId: 'worker' }],
    );
    setup.look([{ ...info, id: 2, remote: 'tcp://127.0.0.1:40001' }]);
    assert.deepEqual(setup.statuses(), ['2 healthy']);
    setup.look([]);
    assert.deepEqual(setup.statuses(), ['2 gone']);
    setup.look([], 5 * 60_000);
    assert.deepEqual(setup.statuses(), []);
  });

  it('remembers a thousand that are gone, the latest', () => {
    const setup = new Setup();
    for (let id = 1; id <= 1500; id++)
      setup.peers.event(gone(infoOf({ id, remote: `tcp://10.0.0.1:${id}` }), null), setup.now);
    setup.look([]);
    const all = setup.peers.all();
    assert.equal(all.length, 1000);
    assert.deepEqual([all[0]?.id, all[999]?.id], [501, 1500]);
    setup.peers.keep(new Set(['others']));
    assert.equal(setup.peers.all().length, 0);
  });

  it('calls an endpoint that it connects to gone until it is there, and says why', () => {
    const setup = new Setup();
    const info = {
      id: 7,
      state: 'waiting',
      connectedAt: null,
      remote: 'tcp://10.0.0.1:9',
      endpoint: 'tcp://10.0.0.1:9',
    } as const;
    setup.look([info]);
    const event = {
      ...gone(infoOf(info), new Error('connection refused')),
      type: 'unreachable',
      peer: null,
    } as const;
    setup.peers.event(event, setup.now);
    const [peer] = setup.peers.all();
    assert.deepEqual([peer?.status, peer?.reason], ['gone', 'connection refused']);
    setup.look([{ ...info, state: 'ready', connectedAt: 5 }]);
    assert.deepEqual(setup.statuses(), ['7 healthy']);
    setup.peers.event(gone(infoOf({ ...info, state: 'ready' }), new Error('cut')), setup.now);
    setup.look([info]);
    assert.deepEqual(setup.statuses(), ['7 gone']);
    assert.equal(setup.peers.all()[0]?.reason, 'cut');
  });
});
