/**
 * Durations (`500ms 5s 2m 1h 1d`) and sizes (`512 64KiB 10MiB 1GiB 10MB`), as people write them.
 *
 * Guarantees: `parse(format(n)) === n` for every whole number up to 2^53 - 1; a text that is not exact is refused, never
 * rounded, with what was probably meant as the suggestion.
 */

export type Parsed =
  | { readonly ok: true; readonly value: number }
  | { readonly ok: false; readonly message: string; readonly suggestion: string | null };

type UnitTable = readonly (readonly [name: string, factor: number])[];

/** Ascending. */
const DURATION_UNITS: UnitTable = [
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
];

/** Ascending. KB, MB and GB are the decimal ones, as in IEC 80000-13. */
const SIZE_UNITS: UnitTable = [
  ['B', 1],
  ['KB', 1e3],
  ['KiB', 1024],
  ['MB', 1e6],
  ['MiB', 1024 ** 2],
  ['GB', 1e9],
  ['GiB', 1024 ** 3],
];

export const DURATION_UNIT_NAMES: readonly string[] = DURATION_UNITS.map(([name]) => name);
export const SIZE_UNIT_NAMES: readonly string[] = SIZE_UNITS.map(([name]) => name);

/** Spellings that are understood for a suggestion only. Lower case. */
const DURATION_WORDS: Readonly<Record<string, string>> = {
  msec: 'ms',
  millis: 'ms',
  millisecond: 'ms',
  milliseconds: 'ms',
  sec: 's',
  secs: 's',
  second: 's',
  seconds: 's',
  min: 'm',
  mins: 'm',
  minute: 'm',
  minutes: 'm',
  hr: 'h',
  hrs: 'h',
  hour: 'h',
  hours: 'h',
  day: 'd',
  days: 'd',
};

const SIZE_WORDS: Readonly<Record<string, string>> = {
  byte: 'B',
  bytes: 'B',
  k: 'KiB',
  m: 'MiB',
  g: 'GiB',
  ki: 'KiB',
  mi: 'MiB',
  gi: 'GiB',
};

function factorOf(units: UnitTable, name: string): number | undefined {
  return units.find(([unit]) => unit === name)?.[1];
}

/** The largest unit that divides the value, so that nothing is lost. */
function formatWith(units: UnitTable, value: number): string {
  for (let i = units.length - 1; i >= 0; i--) {
    const [name, factor] = units[i] as readonly [string, number];
    if (value !== 0 && value % factor === 0) return `${value / factor}${name}`;
  }
  return `0${(units[0] as readonly [string, number])[0]}`;
}

/** `1500` -> `1500ms`, `60000` -> `1m`. */
export function formatDuration(milliseconds: number): string {
  return milliseconds === 0 ? '0s' : formatWith(DURATION_UNITS, milliseconds);
}

/** `65536` -> `64KiB`, `513` -> `513B`. */
export function formatSize(bytes: number): string {
  return formatWith(SIZE_UNITS, bytes);
}

/** Reads `1m30s`, `1.5 s`, `10 Seconds`, `10mb`: good enough to suggest the exact form. */
function guess(units: UnitTable, words: Readonly<Record<string, string>>, text: string): number | null {
  if (text.length > 40) return null;
  const part = /(\d{1,15}(?:\.\d{1,9})?)\s*([a-z]+)\s*/giy;
  let total = 0;
  while (part.lastIndex < text.length) {
    const match = part.exec(text);
    if (match === null) return null;
    const word = (match[2] as string).toLowerCase();
    const name =
      (Object.hasOwn(words, word) ? words[word] : undefined) ??
      units.find(([u]) => u.toLowerCase() === word)?.[0];
    if (name === undefined) return null;
    total += Number(match[1]) * (factorOf(units, name) as number);
  }
  const rounded = Math.round(total);
  return rounded > 0 && Number.isSafeInteger(rounded) ? rounded : null;
}

function scale(digits: string, factor: number): Parsed {
  const value = Number(digits) * factor;
  return Number.isSafeInteger(value)
    ? { ok: true, value }
    : { ok: false, message: 'the value is too large', suggestion: null };
}

/** Milliseconds. A bare number is refused: nobody can tell seconds from milliseconds. */
export function parseDuration(text: string): Parsed {
  const exact = /^(\d{1,16})(ms|s|m|h|d)$/.exec(text);
  if (exact !== null)
    return scale(exact[1] as string, factorOf(DURATION_UNITS, exact[2] as string) as number);
  if (/^\d{1,9}$/.test(text)) {
    return { ok: false, message: 'a duration needs a unit', suggestion: `${Number(text)}s` };
  }
  const probably = guess(DURATION_UNITS, DURATION_WORDS, text);
  return {
    ok: false,
    message: 'not a duration: write a whole number and a unit',
    suggestion: probably === null ? null : formatDuration(probably),
  };
}

/** Bytes. A bare number is bytes. */
export function parseSize(text: string): Parsed {
  const exact = /^(\d{1,16})(B|KB|KiB|MB|MiB|GB|GiB)?$/.exec(text);
  if (exact !== null) return scale(exact[1] as string, factorOf(SIZE_UNITS, exact[2] ?? 'B') as number);
  const probably = guess(SIZE_UNITS, SIZE_WORDS, text);
  return {
    ok: false,
    message: 'not a size: write a whole number and a unit',
    suggestion: probably === null ? null : formatSize(probably),
  };
}
