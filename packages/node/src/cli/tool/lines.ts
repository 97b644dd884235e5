/**
 * Splits a stream of bytes into lines.
 *
 * Guarantees: bytes stay bytes (a line need not be text); `\n` and `\r\n` end a line, and so does the end of the stream;
 * a line over the limit ends in an error instead of in memory.
 */
import { inputError } from './frames.ts';

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** 64 MiB. */
const MAX_LINE: number = 64 * 1024 * 1024;

export async function* splitLines(
  chunks: AsyncIterable<Buffer | string>,
  max: number = MAX_LINE,
): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let held = 0;
  for await (const data of chunks) {
    const chunk = typeof data === 'string' ? Buffer.from(data) : data;
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      parts.push(chunk.subarray(start, end));
      yield withoutReturn(Buffer.concat(parts));
      parts = [];
      held = 0;
      start = end + 1;
    }
    const rest = chunk.length - start;
    if (held + rest > max)
      throw inputError(`a line is over ${max} bytes`, 'send it as one message with --file PATH');
    if (rest > 0) parts.push(chunk.subarray(start));
    held += rest;
  }
  if (held > 0) yield withoutReturn(Buffer.concat(parts));
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === RETURN ? line.subarray(0, -1) : line;
}
