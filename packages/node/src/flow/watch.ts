/**
 * Turns the events of a socket into log lines: a line per connect, disconnect, refused peer and drop burst.
 *
 * Guarantees: a storm is folded (see fold.ts); an endpoint that can't be reached is told once until it was reached;
 * what a peer chose (its routing id, its error text) stands in fields only, where the log escapes it.
 */
import type { PeerInfo, Socket } from '@zeroth/zmq';
import type { Fold } from '../log/fold.ts';
import type { Log, LogLine } from '../log/log.ts';
import { wordsOf } from './errors.ts';
import type { PeerEvent } from './status.ts';

/** What of an event is not known before it happens. */
export type Told = Omit<PeerEvent, 'route' | 'side'>;

/**
 * Starts to log what happens on `socket`, and tells `told` of peers that are lost. `log` carries the route and the side;
 * `prefix` keeps their folds apart.
 */
export function watchSocket(
  socket: Socket,
  log: Log,
  fold: Fold,
  prefix: string,
  told: (event: Told) => void,
): void {
  const events = socket.events;
  const unreachable = new Set<string>();

  const tell = (
    line: LogLine,
    event: string,
    message: string,
    fields: object,
    { kind = event, weight = 1 }: { kind?: string; weight?: number } = {},
  ): void => {
    fold.note(
      `${prefix}/${kind}`,
      () => line.call(log, { event, ...fields }, message),
      (folded) => {
        const count = event === 'drop' ? { count: folded.weight } : {};
        line.call(log, { event, folded: folded.events, ...count }, `${message} (more of the same, folded)`);
      },
      weight,
    );
  };

  events.on('accept', ({ address }) => tell(log.debug, 'accept', 'connection accepted', { address }));
  events.on('connect', ({ address }) => {
    unreachable.delete(address);
    tell(log.debug, 'connect', 'connection made', { address });
  });
  events.on('connect:retry', ({ address, interval }) => {
    const first = !unreachable.has(address);
    unreachable.add(address);
    const fields = { address, retryIn: interval };
    if (first)
      tell(log.warn, 'connect:retry', 'cannot reach the endpoint, trying again until it answers', fields);
    else tell(log.debug, 'connect:retry:again', 'still cannot reach the endpoint', fields);
  });
  events.on('accept:error', ({ address, error }) => {
    tell(log.error, 'accept:error', 'cannot accept a connection', { address, ...errorFields(error) });
  });
  events.on('peer:ready', ({ address, peer }) => {
    unreachable.delete(address);
    tell(log.info, 'peer:ready', 'peer connected', peerFields(peer));
  });
  events.on('peer:unreachable', ({ address, error }) =>
    told({ type: 'unreachable', peer: null, address, error }),
  );
  events.on('peer:gone', ({ address, peer, error = null }) => {
    told({ type: 'gone', peer, address, error });
    const { messagesIn, messagesOut, dropped, queuedOut } = peer;
    const counts = { messagesIn, messagesOut, dropped, undelivered: queuedOut };
    // A connection that breaks is everyday; a peer that breaks the protocol, or its limits, is not.
    const line = error?.code.startsWith('ERR_') === true ? log.warn : log.info;
    const event = line === log.warn ? 'peer:gone:error' : 'peer:gone';
    const fields = { ...peerFields(peer), ...counts, ...errorFields(error) };
    tell(line, 'peer:gone', 'peer disconnected', fields, { kind: event });
  });
  events.on('peer:refused', ({ address, error }) => {
    told({ type: 'refused', peer: null, address, error });
    tell(log.warn, 'peer:refused', 'peer refused', { remote: address, ...errorFields(error) });
  });
  events.on('drop', ({ address, count, reason }) => {
    tell(log.warn, 'drop', 'messages dropped', { endpoint: address, count, reason }, { weight: count });
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
