/**
 * ZWS 2.0: how ZMTP frames travel as WebSocket messages (RFC 45). One message is one frame: a flags octet, then the body.
 * The outbox writes and the peer engine reads plain ZMTP frames, so this only puts one head in place of another.
 *
 * Mechanisms are agreed upon in the WebSocket handshake, by the name of the subprotocol. There are two ways to write
 * these names: RFC 45 has a slash in them, which RFC 6455 does not allow in a subprotocol, and browsers and proxies
 * refuse. With a dot they pass; that form is ours, and is understood by this package only.
 *
 * `ZWS2.0` alone has no mechanism: no READY, but the routing id of each side as its first message. {@link ZwsReader} and
 * {@link ZwsWriter} make READY out of that and that out of READY, so that nobody else has to know.
 */
import { readU64 } from '../bytes/u64.ts';
import { ZmqError } from '../errors.ts';
import { encodeCommand, parseCommand, READY } from './command.ts';
import {
  bodyStart,
  COMMAND,
  encodeFrame,
  frameEnd,
  frameLength,
  HEADER_MAX,
  LONG,
  MORE,
  writeHeader,
} from './frame.ts';
import { encodeMetadata, IDENTITY, parseMetadata, SOCKET_TYPE } from './metadata.ts';
import { partners, type WireSocketType } from './sockets.ts';

/** More frames of this message follow. */
export const ZWS_MORE = 0x01;
/** A command, not part of a message. */
export const ZWS_COMMAND = 0x02;

type MechanismName = 'NULL' | 'PLAIN' | 'CURVE';

/** The subprotocol without a mechanism. */
const BARE = 'ZWS2.0';

/** What a client offers, best first: the names of RFC 45 (what libzmq offers), or those that a browser accepts. */
export function offeredProtocols(mechanism: MechanismName, browser = false): string[] {
  const named = `${BARE}${browser ? '.' : '/'}${mechanism}`;
  return mechanism === 'NULL' ? [named, BARE] : [named];
}

/** The mechanism behind the name of a subprotocol, `bare` when it is without any; null: the name is not ours. */
export function readProtocol(name: string): { mechanism: MechanismName; bare: boolean } | null {
  if (name === BARE) return { mechanism: 'NULL', bare: true };
  const found = /^ZWS2\.0[/.](NULL|PLAIN|CURVE)$/.exec(name);
  return found === null ? null : { mechanism: found[1] as MechanismName, bare: false };
}

/** The first of the client's `offers` (names separated by commas) that goes with `mechanism`, or null. */
export function chooseProtocol(offers: string, mechanism: MechanismName): string | null {
  for (const offer of offers.split(',')) {
    const name = offer.trim();
    if (readProtocol(name)?.mechanism === mechanism) return name;
  }
  return null;
}

/** Is told what a stretch of plain frames holds: each frame, then its body in one piece or more; an empty body in none. */
export interface FrameVisitor {
  /** `flags` are those of ZWS. */
  frame(flags: number, size: number): void;
  body(bytes: Uint8Array, start: number, end: number): void;
}

/**
 * Walks over plain frames. `parts` hold whole frames together; a body may begin in one part and go on in the next, a
 * header is in one part.
 */
function visitFrames(parts: readonly Uint8Array[], visitor: FrameVisitor): void {
  /** Octets of the last frame's body that are still to come. */
  let missing = 0;
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!;
    const end = part.length;
    let at = 0;
    if (missing > 0) {
      const taken = Math.min(missing, end);
      visitor.body(part, 0, taken);
      missing -= taken;
      at = taken;
    }
    while (at < end) {
      const flags = part[at]!;
      let size: number;
      if (flags & LONG) {
        size = readU64(part, at + 1);
        at += HEADER_MAX;
      } else {
        size = part[at + 1]!;
        at += 2;
      }
      visitor.frame((flags & MORE) | (flags & COMMAND ? ZWS_COMMAND : 0), size);
      const next = Math.min(at + size, end);
      if (next > at) visitor.body(part, at, next);
      missing = size - (next - at);
      at = next;
    }
  }
}

/** What leaves: plain frames to frames that may travel as ZWS messages, and those to messages. */
export class ZwsWriter {
  readonly #bare: boolean;
  /** Our own type, as READY told. */
  socketType: WireSocketType | null = null;

  constructor(bare: boolean) {
    this.#bare = bare;
  }

  /** Without a mechanism there are no commands: READY becomes the routing id, others are left out. */
  prepare(parts: readonly Uint8Array[]): readonly Uint8Array[] {
    // A write that begins with a command has nothing else in its first part but commands, in front of messages.
    const first = parts[0];
    if (!this.#bare || first === undefined || first.length === 0 || (first[0]! & COMMAND) === 0) return parts;
    const prepared: Uint8Array[] = [];
    let at = 0;
    while (at < first.length && first[at]! & COMMAND) {
      const end = frameEnd(first, at);
      const command = parseCommand(first, bodyStart(first, at), end);
      if (command?.name === READY) {
        const metadata = parseMetadata(command.data);
        this.socketType = metadata.get('socket-type')!.toString('latin1') as WireSocketType;
        prepared.push(encodeFrame(0, metadata.get('identity') ?? Buffer.alloc(0)));
      }
      at = end;
    }
    if (at < first.length) prepared.push(first.subarray(at));
    for (let i = 1; i < parts.length; i++) prepared.push(parts[i]!);
    return prepared;
  }

  /** The messages to send for `parts`, each in memory of its own or next to others; `parts` is not kept. */
  messages(parts: readonly Uint8Array[]): Uint8Array[] {
    const messages: Uint8Array[] = [];
    let message = Buffer.alloc(0);
    let at = 0;
    visitFrames(this.prepare(parts), {
      frame(flags, size) {
        message = Buffer.allocUnsafe(size + 1);
        message[0] = flags;
        at = 1;
        messages.push(message);
      },
      body(bytes, start, end) {
        message.set(bytes.subarray(start, end), at);
        at += end - start;
      },
    });
    return messages;
  }
}

/** Messages that wait are made into one chunk from this size on. */
const ENOUGH = 65_536;

/** What arrives: ZWS messages to plain frames, many messages in one chunk. */
export class ZwsReader {
  readonly #deliver: (chunk: Uint8Array) => void;
  readonly #writer: ZwsWriter;
  /** The next message is the routing id of the other side. */
  #first: boolean;
  #messages: Uint8Array[] = [];
  #length = 0;

  /** `deliver` gets chunks of whole plain frames, in memory of their own. `bare`: there is no mechanism. */
  constructor(bare: boolean, writer: ZwsWriter, deliver: (chunk: Uint8Array) => void) {
    this.#first = bare;
    this.#writer = writer;
    this.#deliver = deliver;
  }

  /**
   * Takes one binary WebSocket message; it must stay as it is until `flush`, which follows when no more come at the time.
   *
   * @throws ZmqError ERR_WEBSOCKET: it is no ZWS message.
   */
  push(message: Uint8Array): void {
    if (message.length === 0) {
      throw new ZmqError('ERR_WEBSOCKET', { detail: 'an empty WebSocket message; RFC 45 has a flags octet' });
    }
    this.#messages.push(message);
    this.#length += frameLength(message.length - 1);
    if (this.#first || this.#length >= ENOUGH) this.flush();
  }

  /** Delivers what was pushed. */
  flush(): void {
    const messages = this.#messages;
    if (messages.length === 0) return;
    const length = this.#length;
    this.#messages = [];
    this.#length = 0;
    if (this.#first) {
      this.#first = false;
      this.#deliver(readyOf(messages[0]![0]!, messages[0]!.subarray(1), this.#writer.socketType));
      return;
    }
    // Small ones from the shared pool: memory of its own costs more than the copy.
    const chunk = length < 2048 ? Buffer.allocUnsafe(length) : Buffer.allocUnsafeSlow(length);
    let at = 0;
    for (let i = 0; i < messages.length; i++) {
      const message = messages[i]!;
      const size = message.length - 1;
      const flags = message[0]!;
      // libzmq takes reserved bits without a word.
      at = writeHeader(chunk, at, (flags & ZWS_MORE) | (flags & ZWS_COMMAND ? COMMAND : 0), size);
      if (size < SMALL) for (let k = 1; k <= size; k++) chunk[at++] = message[k]!;
      else {
        chunk.set(message, at - 1);
        // The flags octet came along, over the last octet of the header: that one again.
        chunk[at - 1] = size & 0xff;
        at += size;
      }
    }
    this.#deliver(chunk);
  }
}

/** Without a mechanism, where frames arrive as a stream of octets: makes READY of the first, and passes on the rest. */
export class BareReader {
  readonly #writer: ZwsWriter;
  #torn: Uint8Array = Buffer.alloc(0);
  #done = false;

  constructor(writer: ZwsWriter) {
    this.#writer = writer;
  }

  /** What to deliver in place of `chunk`, in order. */
  push(chunk: Uint8Array): readonly Uint8Array[] {
    if (this.#done) return [chunk];
    const bytes = this.#torn.length === 0 ? chunk : Buffer.concat([this.#torn, chunk]);
    if (bytes.length > 0 && bytes[0]! & LONG) {
      throw new ZmqError('ERR_WEBSOCKET', { detail: 'a routing id of more than 255 octets' });
    }
    if (bytes.length < 2 || bytes.length < frameEnd(bytes, 0)) {
      this.#torn = bytes;
      return [];
    }
    this.#done = true;
    this.#torn = Buffer.alloc(0);
    const end = frameEnd(bytes, 0);
    const flags = (bytes[0]! & MORE) | (bytes[0]! & COMMAND ? ZWS_COMMAND : 0);
    const ready = readyOf(flags, bytes.subarray(2, end), this.#writer.socketType);
    return end === bytes.length ? [ready] : [ready, bytes.subarray(end)];
  }
}

/** Below it a loop copies faster than `set`. */
const SMALL = 32;

/** Without a mechanism nobody tells its type: it counts as one that goes with ours. */
function readyOf(flags: number, routingId: Uint8Array, ours: WireSocketType | null): Uint8Array {
  if (flags & (ZWS_COMMAND | ZWS_MORE)) {
    const detail = 'the first message is not a routing id, as it has to be without a mechanism';
    throw new ZmqError('ERR_WEBSOCKET', { detail });
  }
  const type = ours === null ? '' : (partners(ours)[0] ?? '');
  const properties: [string, Uint8Array][] = [
    [SOCKET_TYPE, Buffer.from(type)],
    [IDENTITY, routingId],
  ];
  return encodeCommand(READY, encodeMetadata(properties));
}
