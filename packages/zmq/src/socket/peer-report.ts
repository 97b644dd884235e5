/** What a socket reports of the connections of one session: who came, who was not let in, who is gone and why. */
import { ZmqError } from '../errors.ts';
import type { Pipe } from '../patterns/pipe.ts';
import type { Connection } from '../transport/transport.ts';
import type { Event, PeerInfo } from './events.ts';

const PROTOCOL_CODES = /^ERR_(?:ZAP_|ZMTP_(?!HANDSHAKE_TIMEOUT|PEER_ERROR))/;

/** What the session knows of a peer, beside its pipe and its connection. */
type Facts = Pick<
  PeerInfo,
  'state' | 'connectedAt' | 'unanswered' | 'heartbeats' | 'reconnects' | 'userId' | 'metadata'
>;

export class PeerReport {
  /** The peer was reported as ready. */
  announced = false;
  readonly endpoint: string;
  readonly #owner: { emit(event: Event): void };

  constructor(owner: { emit(event: Event): void }, endpoint: string) {
    this.#owner = owner;
    this.endpoint = endpoint;
  }

  /** zeromq.js reports nothing of inproc peers; our own events go for every transport. */
  emit(event: Event): void {
    if (event.type.startsWith('peer:') || !this.endpoint.startsWith('inproc:')) this.#owner.emit(event);
  }

  info(pipe: Pipe, connection: Connection | null, facts: Facts): PeerInfo {
    const { identity, inbox, outbox, routingId } = pipe;
    // Named one by one: health asks for all peers again and again, and a spread is slow.
    return {
      state: facts.state,
      connectedAt: facts.connectedAt,
      unanswered: facts.unanswered,
      heartbeats: facts.heartbeats,
      reconnects: facts.reconnects,
      userId: facts.userId,
      metadata: facts.metadata,
      id: pipe.id,
      endpoint: this.endpoint,
      remote: connection?.remote ?? this.endpoint,
      local: connection?.local ?? null,
      socketType: identity?.socketType ?? null,
      routingId: routingId.length > 0 ? routingId : (identity?.routingId ?? null),
      messagesIn: pipe.receivedMessages,
      messagesOut: outbox.sentMessages,
      bytesIn: pipe.receivedBytes,
      bytesOut: outbox.sentBytes,
      queuedIn: inbox.queued,
      queuedOut: outbox.queued,
      dropped: pipe.dropped,
      heard: pipe.heard,
      isolated: pipe.isolated,
      stalled: outbox.stalled,
      untaken: connection?.untaken ?? 0,
      paused: pipe.paused,
      highWaterMarkHits: outbox.fullCount + pipe.stopCount,
    };
  }

  ready(peer: PeerInfo): void {
    this.announced = true;
    this.emit({ type: 'peer:ready', address: this.endpoint, peer });
  }

  /** The connection is over: of a peer that was there, or of one that was not let in. */
  over(remote: string, peer: PeerInfo, reason: ZmqError | null, finishing: boolean): void {
    const address = this.endpoint;
    if (this.announced) {
      this.announced = false;
      this.emit({ type: 'disconnect', address });
      const event = { type: 'peer:gone', address, peer } as const;
      this.emit(reason === null ? event : { ...event, error: reason });
      return;
    }
    const detail = finishing
      ? 'the socket was closed during the handshake'
      : 'the peer closed during the handshake';
    const error = reason ?? new ZmqError('ECONNRESET', { detail, address: remote });
    // The status comes with the code.
    this.emit({ type: kindOf(error), address, error } as Event);
    this.emit({ type: 'peer:refused', address: remote, error });
    this.emit({ type: 'disconnect', address });
  }
}

/** Under which name zeromq.js reports it. */
function kindOf({ code }: ZmqError): `handshake:error:${'auth' | 'protocol' | 'other'}` {
  if (code === 'ERR_AUTHENTICATION') return 'handshake:error:auth';
  return PROTOCOL_CODES.test(code) ? 'handshake:error:protocol' : 'handshake:error:other';
}
