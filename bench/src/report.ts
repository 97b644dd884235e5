/**
 * The table, for a terminal and for BENCHMARKS.md.
 *
 * Guarantees: every row says whether it met its target, fell short of it, or why it was not measured.
 */
import { execFileSync } from 'node:child_process';
import { cpus, release, type } from 'node:os';
import type { Result } from './measure.ts';
import type { Peers } from './peers.ts';
import { libzmqOfZeromqJs } from './peers.ts';
import type { Row, Unit } from './row.ts';
import type { Outcome, Timing } from './works.ts';

export function verdictOf({ row, measured, problem }: Result): string {
  if (measured === null) return problem;
  if (row.target === null) return 'for information';
  // Nothing to hold against the target when the peer is missing, unless the target is of our own value.
  const value = row.target.of === 'ratio' ? measured.ratio?.median : measured.ours.value;
  if (value === undefined) return `not measured: ${row.theirs?.missing}`;
  const met = row.target.bound === 'least' ? value >= row.target.value : value <= row.target.value;
  return met ? 'met' : 'short of target';
}

export function figure({ value, p99 }: Outcome, unit: Unit): string {
  if (unit === 'msg/s') {
    if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M msg/s`;
    return `${(value / 1e3).toFixed(value >= 1e5 ? 0 : 1)} k msg/s`;
  }
  const text = `${value.toFixed(1)} ${unit}`;
  return p99 === null ? text : `${text} (p99 ${p99.toFixed(0)})`;
}

export function times(value: number): string {
  // Three decimals, so that a row just short of its target does not look as if it met it.
  return `${value.toFixed(value >= 10 ? 1 : 3)}x`;
}

function targetText(row: Row): string {
  const { target } = row;
  if (target === null) return '';
  const sign = target.bound === 'least' ? '>=' : '<=';
  const text = (value: number): string => (target.of === 'ratio' ? `${value}x` : `${value} ${row.unit}`);
  return `${sign} ${text(target.value)}${target.aim === null ? '' : ` (aim ${text(target.aim)})`}`;
}

const HEAD = ['row', 'work', 'ours', 'theirs', 'ours / theirs', 'target', 'verdict'] as const;

function cells(result: Result): string[] {
  const { row, measured } = result;
  const ratio = measured?.ratio;
  const theirs = measured?.theirs
    ? `${figure(measured.theirs, row.unit)}, ${row.theirs?.name}`
    : (row.theirs?.name ?? '');
  return [
    row.id,
    row.title,
    measured ? `${figure(measured.ours, row.unit)}` : '',
    theirs,
    ratio ? `${times(ratio.median)} (${times(ratio.min)} .. ${times(ratio.max)})` : '',
    targetText(row),
    verdictOf(result),
  ];
}

export function terminalTable(results: readonly Result[]): string {
  const table = [[...HEAD], ...results.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0)));
  return table
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function operatingSystem(): string {
  return `${type()} ${release()} ${process.arch}`;
}

/** What the figures depend on. */
export function facts(peers: Peers, command: string, rounds: number, timing: Timing): [string, string][] {
  const version = (peer: Peers[keyof Peers]): string => peer.version ?? `not measured: ${peer.missing}`;
  return [
    ['date', new Date().toISOString().slice(0, 10)],
    ['command', command],
    [
      'rounds',
      `${rounds} of pairs for each row (memory: 3 at most); each side ${timing.warm} s of warm-up, then ${timing.time} s counted`,
    ],
    ['machine', `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores, ${operatingSystem()}`],
    ['Node.js', process.version],
    ['@zeroth/zmq, @zeroth/client, zeroth', version(peers.zeroth)],
    ['libzmq in C', `${version(peers.libzmq)}${peers.libzmq.command ? `, ${compiler()}` : ''}`],
    ['zeromq.js', `${version(peers.zeromqJs)} with libzmq ${libzmqOfZeromqJs()}`],
    ['NATS', `nats-server ${version(peers.natsServer)}, client ${version(peers.natsClient)}`],
  ];
}

function compiler(): string {
  try {
    const [first = ''] = execFileSync('cc', ['--version'], { encoding: 'utf8' }).split('\n');
    return `${first} -O2`;
  } catch {
    return 'built earlier';
  }
}

export function markdown(results: readonly Result[], about: readonly [string, string][]): string {
  const plain = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
  const line = (texts: readonly string[]): string => `| ${texts.map(plain).join(' | ')} |`;
  const rows = results.map((result) => {
    const texts = cells(result);
    const verdict = texts[6] ?? '';
    if (verdict !== 'met' && verdict !== 'for information') texts[6] = `**${verdict}**`;
    return line([`\`${texts[0]}\``, ...texts.slice(1)]);
  });
  const count = (verdict: string): number => results.filter((result) => verdictOf(result) === verdict).length;
  return `# Benchmarks

Written by \`npm run bench\`; do not edit. Sender, receiver and whatever stands between them are processes of their own
on one machine, over loopback TCP. Ours and theirs take turns in one run; the ratio is the median of the ratios of the
pairs, with the smallest and the largest. Absolute figures drift with the machine, ratios hold better. For times and
memory, less is better.

${about.map(([name, value]) => `- ${name}: ${value}`).join('\n')}

Of ${results.filter(({ row }) => row.target !== null).length} rows with a target, ${count('met')} met it and ${count('short of target')} fell short of it.

${line(HEAD)}
${line(HEAD.map(() => '---'))}
${rows.join('\n')}

## How each row is measured

The receiver (or the requester) starts to count after the warm-up, at a message, and stops at a message; it looks at the
clock once in 256 messages. Marks are the defaults of each library (1,000 messages) unless the row says otherwise. C
sends by reference from 4 KiB, by copy below, whichever is faster. bench/README.md has the rest.

${results.map(({ row }) => `- \`${row.id}\`: ${row.method}`).join('\n')}
`;
}
