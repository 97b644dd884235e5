/** A record is written into its batch as it stands in a run: key and body, as frames (docs/wire.md, Grammar). */
import { frameLength, MORE, writeHeader } from '@zeroth/zmq/run';

/** A frame; text is sent in UTF-8. */
export type Part = string | Uint8Array;

/** The body of a record: one frame, or a list of frames. */
export type Body = Part | readonly Part[];

/** Octets that the record takes in a run; NaN: it is no record. */
export function recordLength(key: Part | undefined, body: Body): number {
  let length = key === undefined ? 0 : partLength(key);
  if (!Array.isArray(body)) return length + partLength(body as Part);
  if (body.length === 0) return Number.NaN;
  for (const part of body as readonly Part[]) length += partLength(part);
  return length;
}

/** Writes the record at `at` and returns where the next one begins. */
export function writeRecord(bytes: Buffer, at: number, key: Part | undefined, body: Body): number {
  let pos = key === undefined ? at : writePart(bytes, at, MORE, key);
  if (!Array.isArray(body)) return writePart(bytes, pos, 0, body as Part);
  const last = body.length - 1;
  for (let i = 0; i <= last; i++) pos = writePart(bytes, pos, i < last ? MORE : 0, body[i] as Part);
  return pos;
}

function partLength(part: Part): number {
  if (typeof part === 'string') return frameLength(Buffer.byteLength(part));
  return part instanceof Uint8Array ? frameLength(part.length) : Number.NaN;
}

function writePart(bytes: Buffer, at: number, flags: number, part: Part): number {
  if (typeof part === 'string') {
    const size = Buffer.byteLength(part);
    const start = writeHeader(bytes, at, flags, size);
    return start + bytes.write(part, start, size);
  }
  const start = writeHeader(bytes, at, flags, part.length);
  bytes.set(part, start);
  return start + part.length;
}
