/** What may be sent, and how it becomes octets. The forms are those of zeromq.js. */

/** One frame: octets as they are, a string as UTF-8, null as no octets, a number as its decimal text. */
export type MessageLike = ArrayBufferView | ArrayBuffer | SharedArrayBuffer | string | number | null;

/** One frame, or all frames of a message. */
export type Sendable = MessageLike | readonly MessageLike[];

/** The octets of a frame. Shares the memory of what is octets already. */
export function toBytes(frame: MessageLike): Uint8Array {
  if (frame instanceof Uint8Array) return frame;
  if (typeof frame === 'string') return Buffer.from(frame);
  if (frame === null || frame === undefined) return EMPTY;
  if (ArrayBuffer.isView(frame)) return new Uint8Array(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame instanceof ArrayBuffer) return new Uint8Array(frame);
  if (typeof SharedArrayBuffer !== 'undefined' && frame instanceof SharedArrayBuffer)
    return new Uint8Array(frame);
  return Buffer.from(String(frame));
}

/** The frames of a message: at least one, so that an empty list is a message with one empty frame. */
export function toFrames(message: Sendable): Uint8Array[] {
  if (!Array.isArray(message)) return [toBytes(message as MessageLike)];
  const frames: Uint8Array[] = [];
  for (const frame of message) frames.push(toBytes(frame));
  if (frames.length === 0) frames.push(EMPTY);
  return frames;
}

export const EMPTY: Buffer = Buffer.alloc(0);
