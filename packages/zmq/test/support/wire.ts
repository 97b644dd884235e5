/**
 * ZMTP octets written by hand, and a decoder that is plain enough to be believed: the oracle of the engine's tests.
 * Nothing here comes from src/. Sizes are BigInt, bodies are copied, the whole stream is there from the start.
 */

const MORE = 1;
const LONG = 2;
const COMMAND = 4;

/** Octets from hexadecimal text; blanks are for the reader. */
export function hex(text: string): Buffer {
  const digits = text.replace(/\s+/g, '');
  const bytes = Buffer.from(digits, 'hex');
  if (bytes.length * 2 !== digits.length) throw new Error(`not hexadecimal: ${text}`);
  return bytes;
}

export interface GreetingFields {
  major?: number;
  minor?: number;
  mechanism?: string;
  asServer?: number;
}

/** The 64 octets of RFC 37, Greeting. */
export function greeting(fields: GreetingFields = {}): Buffer {
  const { major = 3, minor = 1, mechanism = 'NULL', asServer = 0 } = fields;
  return Buffer.concat([
    hex('ff 00 00 00 00 00 00 00 01 7f'),
    Buffer.of(major, minor),
    Buffer.concat([Buffer.from(mechanism, 'latin1'), Buffer.alloc(20)], 20),
    Buffer.of(asServer),
    Buffer.alloc(31),
  ]);
}

export interface FrameFields {
  more?: boolean;
  command?: boolean;
  /** The eight-octet size, also where one octet would do. */
  long?: boolean;
  /** Reserved bits to set. */
  reserved?: number;
}

export function frame(body: Uint8Array | string, fields: FrameFields = {}): Buffer {
  const bytes = Buffer.from(body);
  const long = fields.long === true || bytes.length > 255;
  const flags =
    (fields.more ? MORE : 0) | (long ? LONG : 0) | (fields.command ? COMMAND : 0) | (fields.reserved ?? 0);
  const size = Buffer.alloc(long ? 8 : 1);
  if (long) size.writeBigUInt64BE(BigInt(bytes.length));
  else size[0] = bytes.length;
  return Buffer.concat([Buffer.of(flags), size, bytes]);
}

/** All frames of one message. */
export function message(...parts: readonly (Uint8Array | string)[]): Buffer {
  return Buffer.concat(parts.map((part, index) => frame(part, { more: index < parts.length - 1 })));
}

export function command(name: string, data: Uint8Array | string = '', fields: FrameFields = {}): Buffer {
  const body = Buffer.concat([Buffer.of(name.length), Buffer.from(name, 'latin1'), Buffer.from(data)]);
  return frame(body, { ...fields, command: true });
}

export function property(name: string, value: Uint8Array | string): Buffer {
  const bytes = Buffer.from(value);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(bytes.length);
  return Buffer.concat([Buffer.of(name.length), Buffer.from(name, 'latin1'), size, bytes]);
}

/** A READY command. */
export function ready(
  socketType: string,
  ...more: readonly (readonly [string, Uint8Array | string])[]
): Buffer {
  const properties = [
    property('Socket-Type', socketType),
    ...more.map(([name, value]) => property(name, value)),
  ];
  return command('READY', Buffer.concat(properties));
}

/** A PING: time-to-live in tenths of a second, context. */
export function ping(deciseconds: number, context: Uint8Array | string = ''): Buffer {
  return command(
    'PING',
    Buffer.concat([Buffer.of(deciseconds >> 8, deciseconds & 255), Buffer.from(context)]),
  );
}

/** Everything that a peer says before its first message. */
export function opening(socketType: string, minor = 1): Buffer {
  return Buffer.concat([greeting({ minor }), ready(socketType)]);
}

export type Item =
  | { readonly kind: 'message'; readonly frames: Buffer[] }
  | { readonly kind: 'command'; readonly name: string; readonly data: Buffer };

/**
 * The oracle: what octets after the greeting say. A command inside a message comes before that message. `rest` is what
 * is not whole, `torn` the frames of a message that has no end yet.
 */
export function decode(bytes: Uint8Array): { items: Item[]; rest: Buffer; torn: number } {
  const stream = Buffer.from(bytes);
  const items: Item[] = [];
  let frames: Buffer[] = [];
  let at = 0;
  while (at < stream.length) {
    const flags = stream[at]!;
    const header = flags & LONG ? 9 : 2;
    if (at + header > stream.length) break;
    const size = flags & LONG ? stream.readBigUInt64BE(at + 1) : BigInt(stream[at + 1]!);
    if (BigInt(at + header) + size > BigInt(stream.length)) break;
    const body = Buffer.from(stream.subarray(at + header, at + header + Number(size)));
    at += header + Number(size);
    if (flags & COMMAND) {
      const end = 1 + body[0]!;
      items.push({ kind: 'command', name: body.toString('latin1', 1, end), data: body.subarray(end) });
      continue;
    }
    frames.push(body);
    if ((flags & MORE) === 0) {
      items.push({ kind: 'message', frames });
      frames = [];
    }
  }
  return { items, rest: stream.subarray(at), torn: frames.length };
}

/** The messages in octets that hold whole messages only, commands left out. */
export function messagesIn(bytes: Uint8Array): Buffer[][] {
  const { items, rest, torn } = decode(bytes);
  if (rest.length > 0 || torn > 0)
    throw new Error(`a torn message: ${rest.length} octets, ${torn} frames over`);
  return items.flatMap((item) => (item.kind === 'message' ? [item.frames] : []));
}

/** Frames in a form that is easy to compare and short to print. */
export function show(frames: readonly Uint8Array[]): string[] {
  return frames.map((part) => {
    const bytes = Buffer.from(part.buffer, part.byteOffset, part.length);
    if (bytes.length > 64) return `${bytes.length} octets, ${checksum(bytes)}`;
    return /^[\x20-\x7e]*$/.test(bytes.toString('latin1'))
      ? `'${bytes.toString('latin1')}'`
      : bytes.toString('hex');
  });
}

/** FNV-1a: enough to tell a changed body. */
export function checksum(bytes: Uint8Array): string {
  let sum = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) sum = Math.imul(sum ^ bytes[i]!, 0x01000193);
  return (sum >>> 0).toString(16);
}
