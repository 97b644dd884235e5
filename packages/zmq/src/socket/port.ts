/**
 * A socket as a source and a sink of runs: for programs that keep or forward messages without decoding them.
 *
 * While a port is open nobody else may send or receive on its socket. What is not taken stays in the inbox of the peer
 * that it came from, and holds that peer up at the high-water mark.
 */
import { ZmqError } from '../errors.ts';
import type { Pipe } from '../patterns/pipe.ts';
import { PushPattern } from '../patterns/pipeline.ts';
import { type ReceiptEvents, Receipts } from '../patterns/receipts.ts';
import type { Run } from '../zmtp/frame.ts';
import type { Engine } from './engine.ts';
import { inBurstIfFull } from './flusher.ts';
import { hold, letGo } from './keep-alive.ts';
import { comeToRest } from './quiet.ts';
import { engineOf, type Socket } from './socket.ts';

/** What a port tells whoever opened it. */
export interface PortEvents {
  /** There is something to take. */
  readable(): void;
  /** What found no room may find some. */
  writable(): void;
  /** The socket was closed. */
  closed(): void;
}

/** Takes runs from a socket, and gives it runs to send. */
export class RunPort {
  /** What became of what was sent; null where nobody asked. */
  readonly receipts: Receipts | null;
  readonly #engine: Engine;
  readonly #spreads: boolean;
  #pipe: Pipe | null = null;
  #open = true;

  /**
   * Without `receipts` nothing is known of what was sent but the socket's counters. With them nothing is dropped when a
   * peer goes away: it comes back to be sent again. To be opened before the socket has peers.
   * @throws ZmqError EBUSY when the socket is in a proxy or has a port, EBADF when it is closed, ENOTSUP for receipts of
   * another socket than PUSH.
   */
  constructor(socket: Socket, events: PortEvents, receipts: ReceiptEvents | null = null) {
    const engine = engineOf(socket);
    const { pattern } = engine;
    if (engine.closed) throw new ZmqError('EBADF');
    if (engine.relay !== null) throw new ZmqError('EBUSY', { detail: 'the socket is in a proxy or a port' });
    this.receipts = receipts === null ? null : new Receipts(receipts);
    if (this.receipts !== null) {
      if (!(pattern instanceof PushPattern)) {
        throw new ZmqError('ENOTSUP', { detail: 'only a PUSH socket gives receipts' });
      }
      pattern.receipts = this.receipts;
    }
    this.#engine = engine;
    this.#spreads = engine.type === 'XPUB' || engine.type === 'PUB';
    engine.relay = {
      readable: () => events.readable(),
      writable: () => events.writable(),
      closed: () => {
        this.close();
        events.closed();
      },
    };
    hold();
  }

  /** The next whole messages, all from one peer, or null. They stay until `took`. */
  peek(): Run | null {
    this.#pipe = this.#engine.pattern.peek();
    return this.#pipe === null ? null : this.#pipe.inbox.peekRun();
  }

  /** The first `count` messages of what `peek` gave were taken; the next one begins at `next`. */
  took(next: number, count: number): void {
    const pipe = this.#pipe!;
    pipe.inbox.advance(next, count);
    this.#engine.pattern.took(pipe);
  }

  /** A message would find room. */
  get writable(): boolean {
    return this.#engine.pattern.writable;
  }

  /**
   * Sends the messages of a run, and returns how many found room. `first` is the number of the first one in the
   * receipts. The memory must not be written again.
   */
  send({ bytes, start, end, count }: Run, first = 0): number {
    if (this.#spreads) inBurstIfFull(end - start);
    if (this.receipts !== null) this.receipts.next = first;
    return this.#engine.pattern.sendRun(null, bytes, start, end, count);
  }

  /**
   * No new peers, then all that those who are here had on the way, also when they never pause: they learn that this is
   * the end, and end too. Until then what comes has to be taken, or `over` has to say that it won't be.
   */
  rest(over: () => boolean): Promise<void> {
    return comeToRest(this.#engine, { over, settled: () => true });
  }

  /** Leaves the socket, which can then be drained and closed; receipts go on until it is. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#engine.relay = null;
    letGo();
  }
}
