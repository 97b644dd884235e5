/**
 * Reading batches from a segment: a block at a time, every checksum looked at.
 *
 * Guarantees: what is handed out is intact. What is not is never taken for the end of the file: a block says that it
 * is bad, and {@link resync} finds where the next intact batch begins.
 */
import { BAD, batchLength, isIntact, markBytes } from './batch.ts';
import type { OpenFile } from './files.ts';

export interface Block {
  readonly bytes: Buffer;
  /** Offset in the file of `bytes[0]`. */
  readonly offset: number;
  /** Where each batch begins in `bytes`, and, last, where the last one ends. */
  readonly at: readonly number[];
  /** Offset in the file after the last batch. */
  readonly next: number;
  /** What begins at `next` is no batch. */
  readonly bad: boolean;
}

/**
 * The batches from `offset` on, about `size` octets of them and at least one if there is one. Nothing at or after `end`
 * is looked at.
 */
export async function readBlock(
  file: OpenFile,
  offset: number,
  end: number,
  mark: number,
  size: number,
): Promise<Block> {
  for (let want = Math.min(size, end - offset); ; ) {
    const bytes = Buffer.allocUnsafeSlow(want);
    const got = await file.read(bytes, offset);
    const at = [0];
    let pos = 0;
    let bad = false;
    let needed = 0;
    while (pos < got) {
      const length = batchLength(bytes, pos, got, mark);
      if (length !== BAD && pos + length > got) {
        // Torn by the end of the block, or, when the file does not go so far, no batch at all.
        needed = length;
        bad = got < want || offset + pos + length > end;
        break;
      }
      if (length === BAD || !isIntact(bytes, pos, pos + length)) {
        bad = true;
        break;
      }
      pos += length;
      at.push(pos);
    }
    if (got < want && pos === got) bad = true;
    if (pos > 0 || bad || needed === 0) return { bytes, offset, at, next: offset + pos, bad };
    // A head alone tells how much the batch needs.
    want = needed > want ? needed : Math.min(end - offset, want * 2);
  }
}

const WINDOW = 1024 * 1024;

/** Offset of the first intact batch at or after `offset`, `end` if there is none. */
export async function resync(file: OpenFile, offset: number, end: number, mark: number): Promise<number> {
  const wanted = markBytes(mark);
  const window = Buffer.allocUnsafeSlow(Math.min(WINDOW, Math.max(0, end - offset)));
  // Windows overlap by three octets, so that a mark across their border is seen.
  for (let from = offset; end - from >= wanted.length; from += window.length - 3) {
    const got = await file.read(window.subarray(0, Math.min(window.length, end - from)), from);
    for (let at = window.indexOf(wanted); at >= 0 && at + 4 <= got; at = window.indexOf(wanted, at + 1)) {
      const block = await readBlock(file, from + at, end, mark, 4096);
      if (block.at.length > 1) return from + at;
    }
    if (got < window.length) break;
  }
  return end;
}
