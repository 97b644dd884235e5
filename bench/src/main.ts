/**
 * `npm run bench`: measures every row and prints one table; a full run also rewrites BENCHMARKS.md.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Result } from './measure.ts';
import { measure } from './measure.ts';
import { findPeers, root } from './peers.ts';
import { facts, figure, markdown, terminalTable, times, verdictOf } from './report.ts';
import type { Row } from './row.ts';
import { rowsFor } from './rows.ts';

const USAGE = `npm run bench [-- OPTIONS]
  --only ID[,ID]   only these rows: the id, the part before its colon, or a start and "*"; BENCHMARKS.md stays
  --rounds N       pairs for each row (default 5; with fewer BENCHMARKS.md stays)
  --quick          2 pairs, shorter; BENCHMARKS.md stays
  --self-check     theirs in place of ours too: the ratios show what this machine's noise is; BENCHMARKS.md stays
  --list           the ids`;

function readOptions() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      'self-check': { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const rounds = Number(values.rounds ?? (values.quick ? 2 : 5));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds needs a whole number from 1');
  return { ...values, rounds };
}

function matches({ id }: Row, pattern: string): boolean {
  if (pattern.endsWith('*')) return id.startsWith(pattern.slice(0, -1));
  return id === pattern || id.split(':', 1)[0] === pattern;
}

const options = readOptions();
const timing = options.quick ? { warm: 0.3, time: 0.5 } : { warm: 0.5, time: 1.2 };
const listing = options.help || options.list;
const peers = findPeers(!listing && (options.only === undefined || /\bws|\*/.test(options.only)));
const all = rowsFor(peers, timing, options.quick);
const patterns = options.only?.split(',') ?? ['*'];
const rows = all.filter((row) => patterns.some((pattern) => matches(row, pattern)));

if (listing) {
  console.log(options.help ? USAGE : all.map(({ id }) => id).join('\n'));
  process.exit();
}
if (rows.length === 0) {
  console.error(`no row is called ${options.only}; there are\n${all.map(({ id }) => id).join('\n')}`);
  process.exit(2);
}

const results: Result[] = [];
for (const row of rows) {
  console.error(row.id);
  const self = options['self-check'] && row.theirs !== null;
  const measured = self ? { ...row, ours: row.theirs, target: null } : row;
  const result = await measure(measured, Math.min(options.rounds, row.maxRounds), (round, ours, theirs) => {
    const ratio =
      theirs === null ? '' : ` against ${figure(theirs, row.unit)}: ${times(ours.value / theirs.value)}`;
    console.error(`  ${round}: ${figure(ours, row.unit)}${ratio}`);
  });
  if (result.problem !== null) console.error(`  ${verdictOf(result)}`);
  results.push(result);
}

const command = ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(
  ' ',
);
const about = facts(peers, command, options.rounds, timing);
console.log(`${about.map(([name, value]) => `${name}: ${value}`).join('\n')}\n\n${terminalTable(results)}`);
if (options.only === undefined && options.rounds >= 5 && !options.quick && !options['self-check']) {
  writeFileSync(join(root, 'BENCHMARKS.md'), markdown(results, about));
  console.error('\nBENCHMARKS.md is written');
}
// What falls short is reported; what breaks is an error.
process.exit(results.some(({ problem }) => problem?.startsWith('failed')) ? 1 : 0);
