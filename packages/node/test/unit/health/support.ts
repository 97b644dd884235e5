/** Peers as a socket would describe them. */
import type { PeerInfo } from '@zeroth/zmq';
import type { RoutePeer } from '../../../src/flow/status.ts';

export function infoOf(more: Partial<PeerInfo> = {}): PeerInfo {
  return {
    id: 1,
    endpoint: 'tcp://127.0.0.1:5555',
    remote: 'tcp://127.0.0.1:40000',
    local: 'tcp://127.0.0.1:5555',
    state: 'ready',
    socketType: 'PULL',
    routingId: null,
    userId: null,
    metadata: null,
    connectedAt: 1,
    messagesIn: 0,
    messagesOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    queuedIn: 0,
    queuedOut: 0,
    dropped: 0,
    heard: 0,
    unanswered: 0,
    isolated: false,
    stalled: false,
    untaken: 0,
    paused: false,
    heartbeats: true,
    reconnects: 0,
    highWaterMarkHits: 0,
    ...more,
  };
}

export function peerOf(info: PeerInfo, more: Partial<RoutePeer> = {}): RoutePeer {
  const route = { route: 'jobs', side: 'backend', pattern: 'pipeline' } as const;
  return { ...route, heartbeatInterval: 100, timeout: 0, info, ...more };
}
