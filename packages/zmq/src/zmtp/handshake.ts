/**
 * The first stage of a connection: greeting, then the commands of the mechanism until both sides know each other. The
 * peer engine drops it, with all that it has learned and made, when traffic begins.
 */
import { ZmqError } from '../errors.ts';
import { type Command, ERROR, printable } from './command.ts';
import { encodeGreeting, GREETING_VERSION_END, GreetingReader } from './greeting.ts';
import { asLibzmq, fromLibzmq } from './mechanism/libzmq-error.ts';
import { type Cipher, type Mechanism, unexpected, type Verdict } from './mechanism/mechanism.ts';
import type { PeerEvents, PeerIdentity, PeerOptions } from './peer.ts';
import { compatible, partners, type WireSocketType } from './sockets.ts';

export class Handshake {
  readonly #socketType: WireSocketType;
  readonly #mechanism: Mechanism;
  readonly #negotiated: boolean;
  readonly #events: Pick<PeerEvents, 'output' | 'authenticate'>;
  readonly #hello: Buffer;
  readonly #greeting = new GreetingReader();
  #minor = 1;
  /** The peer may be libzmq, whose ERROR of PLAIN has another form. */
  #libzmq = false;
  /** Somebody was asked about the peer. */
  #asked = false;
  #closed = false;
  /** The greeting is over: commands may come. */
  greeted = false;
  /** The peer, as soon as the handshake is complete. */
  peer: PeerIdentity | null = null;

  constructor(options: PeerOptions, events: Pick<PeerEvents, 'output' | 'authenticate'>) {
    this.#socketType = options.socketType;
    this.#mechanism = options.mechanism;
    this.#negotiated = options.negotiated === true;
    this.#events = events;
    this.#hello = encodeGreeting(options.mechanism.name, options.mechanism.asServer);
  }

  /** What traffic is encrypted with, if it is. */
  get cipher(): Cipher | null {
    return this.#mechanism.cipher;
  }

  open(): void {
    if (this.#negotiated) {
      this.#minor = 0;
      this.greeted = true;
      this.#shakeHands();
      return;
    }
    // The rest follows when the peer's version is known (RFC 37, Version Negotiation). libzmq sends its mechanism then,
    // and closes without a word when it sees a wrong one first: in this order we can tell what was wrong.
    this.#events.output(this.#hello.subarray(0, GREETING_VERSION_END));
  }

  /** Returns how many octets of `chunk` belong to the greeting. */
  receiveGreeting(chunk: Uint8Array): number {
    const knew = this.#greeting.versionKnown;
    const taken = this.#greeting.push(chunk);
    if (!knew && this.#greeting.versionKnown) this.#events.output(this.#hello.subarray(GREETING_VERSION_END));
    if (this.#greeting.done) {
      const { mechanism, minor, asServer, padded } = this.#greeting.result();
      const { name: ours, asServer: serves } = this.#mechanism;
      if (mechanism !== ours) {
        const detail = `the peer wants ${mechanism}, this socket ${ours}: give both the same security options`;
        throw new ZmqError('ERR_ZMTP_MECHANISM_MISMATCH', { detail });
      }
      // libzmq announces 0 in either role, so that only this much can be told.
      if (serves && asServer) {
        const detail = `both sides are ${ours} servers: one of them has to be the client`;
        throw new ZmqError('ERR_ZMTP_MECHANISM_MISMATCH', { detail });
      }
      this.#minor = Math.min(minor, 1);
      this.#libzmq = padded && ours === 'PLAIN';
      this.greeted = true;
      this.#shakeHands();
    }
    return taken;
  }

  receive(command: Command): void {
    if (command.name === ERROR) throw this.#refused(command);
    this.#mechanism.receive(command);
    this.#shakeHands();
  }

  /** For what is no command: the one of libzmq that is none. Over a WebSocket there was no greeting to know it by. */
  misspelt(body: Buffer): Command | null {
    const may = this.#libzmq || (this.#negotiated && this.#mechanism.name === 'PLAIN');
    return may ? fromLibzmq(body) : null;
  }

  decide(verdict: Verdict): void {
    this.#mechanism.decide(verdict);
    this.#shakeHands();
    const { status } = verdict;
    if (status === 200) return;
    const detail = `the peer was not let in: the answer of who was asked about it is ${status}`;
    throw new ZmqError('ERR_AUTHENTICATION', { detail, status });
  }

  /** Wipes keys, those of the cipher too. */
  close(): void {
    this.#closed = true;
    this.#mechanism.close();
  }

  #shakeHands(): void {
    const mechanism = this.#mechanism;
    for (let bytes = mechanism.next(); bytes !== null; bytes = mechanism.next())
      this.#events.output(this.#libzmq ? asLibzmq(bytes) : bytes);
    const { metadata, credentials } = mechanism;
    if (credentials !== null && !this.#asked) {
      this.#asked = true;
      this.#events.authenticate(credentials);
      return;
    }
    if (metadata === null || this.#closed) return;
    const socketType = metadata.get('socket-type')?.toString('latin1') ?? '';
    const ours = this.#socketType;
    if (!compatible(ours, socketType)) {
      const theirs =
        socketType === '' ? 'a peer without a Socket-Type' : `a ${printable(socketType.slice(0, 32))}`;
      const detail = `${theirs} connected to a ${ours}, which talks to ${partners(ours).join(', ')}`;
      throw new ZmqError('ERR_ZMTP_SOCKET_TYPE', { detail });
    }
    const routingId = metadata.get('identity') ?? Buffer.alloc(0);
    // RFC 28, The ROUTER Socket Type: at most 255 octets; a first octet of zero is reserved for generated ids.
    if (routingId.length > 255) {
      throw new ZmqError('ERR_ZMTP_INVALID_METADATA', {
        detail: `an Identity of ${routingId.length} octets; at most 255`,
      });
    }
    // Copied: the property is a view into a chunk that would be kept alive for as long as the peer.
    this.peer = { socketType, routingId: Buffer.from(routingId), minor: this.#minor, metadata };
  }

  #refused(command: Command): ZmqError {
    const { name, asServer } = this.#mechanism;
    // RFC 24, RFC 26: the server says it. From a client it would be a stranger who makes up a verdict.
    if (asServer) return unexpected(command, `a command of a ${name} client`);
    const { data } = command;
    if (data.length < 1 || data.length < 1 + data[0]!) {
      return new ZmqError('ERR_ZMTP_MALFORMED_COMMAND_ERROR', {
        detail: 'an ERROR command without a whole reason',
      });
    }
    const reason = printable(data.toString('latin1', 1, 1 + data[0]!));
    // RFC 27, Reply: what who was asked about us said.
    if (/^[345]00$/.test(reason)) {
      const detail = `the peer did not let us in: the answer of who it asked about us is ${reason}`;
      return new ZmqError('ERR_AUTHENTICATION', { detail, status: Number(reason) });
    }
    return new ZmqError('ERR_ZMTP_PEER_ERROR', { detail: `the peer gave the reason "${reason}"` });
  }
}
