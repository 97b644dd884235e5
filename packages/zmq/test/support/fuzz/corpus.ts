/**
 * The inputs that led to different places, kept in test/fuzz/corpus/TARGET/inputs.txt: one a line in hexadecimal, what
 * came of it behind a `#`. Of several that lead to the same place the shortest is kept.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mutated } from './decisions.ts';

/** What came of an input, in words; throws for a broken promise. */
export type Run = (input: Uint8Array) => string | Promise<string>;

/** No more inputs than this are kept for a target: they are run with every test. */
const KEPT = 60;

export class Corpus {
  readonly target: string;
  readonly #file: string;
  readonly #kept = new Map<string, Uint8Array>();
  #inputs: Uint8Array[] | null = null;

  constructor(target: string) {
    this.target = target;
    const folder = new URL('../../../../test/fuzz/corpus/', import.meta.url);
    this.#file = fileURLToPath(new URL(`${target}/inputs.txt`, folder));
  }

  /** What is in the file. */
  load(): Uint8Array[] {
    if (!existsSync(this.#file)) return [];
    const lines = readFileSync(this.#file, 'utf8').split('\n');
    return lines
      .map((line) => line.split('#')[0]!.trim())
      .filter((line, index) => line !== '' || lines[index]!.startsWith(' #'))
      .map((line) => Uint8Array.from(Buffer.from(line, 'hex')));
  }

  /** Keeps the input when it leads to a new place, or is a shorter way to a known one. */
  note(signature: string, input: Uint8Array): boolean {
    const known = this.#kept.get(signature);
    if (known === undefined ? this.#kept.size >= 8 * KEPT : known.length <= input.length) return false;
    this.#kept.set(signature, input);
    this.#inputs = null;
    return known === undefined;
  }

  get inputs(): readonly Uint8Array[] {
    this.#inputs ??= [...this.#kept.values()];
    return this.#inputs;
  }

  /** Writes the shortest ones down. */
  save(): void {
    mkdirSync(dirname(this.#file), { recursive: true });
    const lines = [...this.#kept]
      .sort(([, a], [, b]) => a.length - b.length || Buffer.compare(a, b))
      .slice(0, KEPT)
      .map(([signature, input]) =>
        `${Buffer.from(input).toString('hex')} # ${signature.slice(0, 120)}`.trimEnd(),
      );
    writeFileSync(this.#file, `${lines.join('\n')}\n`);
  }
}

/** Runs one input; an error tells how to run it again. */
export async function once(target: string, run: Run, input: Uint8Array): Promise<string> {
  try {
    return await run(input);
  } catch (error) {
    const hex = Buffer.from(input).toString('hex');
    const again = `npm run fuzz -- --target ${target} --input ${hex === '' ? '00' : hex}`;
    throw new Error(`${(error as Error).message}\nagain: ${again}`, { cause: error });
  }
}

/** The corpus, then new inputs as long as `more` says so. Returns how many were run. */
export async function explore(
  corpus: Corpus,
  run: Run,
  next: () => number,
  more: (runs: number) => boolean,
): Promise<number> {
  for (const input of [new Uint8Array(0), ...corpus.load()]) {
    corpus.note(await once(corpus.target, run, input), input);
  }
  let runs = 0;
  for (; more(runs); runs++) {
    const input = mutated(next, corpus.inputs);
    corpus.note(await once(corpus.target, run, input), input);
  }
  return runs;
}
