/**
 * Turns the events of a socket into log lines: a line per connect, disconnect, refused peer and drop burst.
 *
 * Guarantees: an endpoint that can't be reached is told once until it was reached;
 * what a peer chose (its routing id, its error text) stands in fields only, where the log escapes it.
 */
import type { PeerInfo, Socket } from '@zeroth/zmq';
import type { Log } from '../log/log.ts';
import { wordsOf } from './errors.ts';
import type { PeerEvent } from './status.ts';

/** What of an event is not known before it happens. */
export type Told = Omit<PeerEvent, 'route' | 'side'>;

/** Starts to log what happens on `socket`, and tells `told` of peers that are lost. `log` carries the route and the side. */
export function watchSocket(socket: Socket, log: Log, told: (event: Told) => void): void {
  const events = socket.events;
  const unreachable = new Set<string>();

  events.on('accept', ({ address }) => log.event('accept', { address }));
  events.on('connect', ({ address }) => {
    unreachable.delete(address);
    log.event('connect', { address });
  });
  events.on('connect:retry', ({ address, interval }) => {
    const first = !unreachable.has(address);
    unreachable.add(address);
    log.event(first ? 'connect:retry' : 'connect:retry:again', { address, retryIn: interval });
  });
  events.on('accept:error', ({ address, error }) => {
    log.event('accept:error', { address, ...errorFields(error) });
  });
  events.on('peer:ready', ({ address, peer }) => {
    unreachable.delete(address);
    log.event('peer:ready', peerFields(peer));
  });
  events.on('peer:unreachable', ({ address, error }) =>
    told({ type: 'unreachable', peer: null, address, error }),
  );
  events.on('peer:gone', ({ address, peer, error = null }) => {
    told({ type: 'gone', peer, address, error });
    const { messagesIn, messagesOut, dropped, queuedOut } = peer;
    const counts = { messagesIn, messagesOut, dropped, undelivered: queuedOut };
    // A connection that breaks is everyday; a peer that breaks the protocol, or its limits, is not.
    const event = error?.code.startsWith('ERR_') === true ? 'peer:failed' : 'peer:gone';
    log.event(event, { ...peerFields(peer), ...counts, ...errorFields(error) });
  });
  events.on('peer:refused', ({ address, error }) => {
    told({ type: 'refused', peer: null, address, error });
    log.event('peer:refused', { remote: address, ...errorFields(error) });
  });
  events.on('drop', ({ address, count, reason }) => {
    log.event('drop', { endpoint: address, count, reason });
  });
}

function peerFields(peer: PeerInfo): object {
  const id = peer.routingId;
  return {
    remote: peer.remote,
    socketType: peer.socketType,
    endpoint: peer.endpoint,
    // A routing id that begins with 0 was made up by our ROUTER (RFC 28): it tells nobody anything.
    ...(id === null || id.length === 0 || id[0] === 0 ? {} : { routingId: printable(id) }),
  };
}

/** Text where it is text, hex otherwise: routing ids are bytes that the peer chose. */
function printable(bytes: Buffer): string {
  const text = bytes.toString('latin1');
  return /^[\x20-\x7e]+$/.test(text) ? text : `0x${bytes.toString('hex')}`;
}

function errorFields(error: unknown): object {
  if (!(error instanceof Error)) return {};
  const { code } = error as Error & { code?: string };
  return { code, reason: wordsOf(error) };
}
