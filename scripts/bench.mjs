// npm run bench [-- ARGUMENTS]: builds, then runs the benchmarks in a process of their own.
import { HOST } from './exe/targets.mjs';
import { build, node } from './tool.mjs';

const args = process.argv.slice(2);
const only = args[args.indexOf('--only') + 1] ?? '';

function bench() {
  // Rows about the executable say so if there is none.
  if (!args.includes('--list') && (!args.includes('--only') || /-exe|\*/.test(only)))
    node(['scripts/build-exe.mjs', '--target', HOST]);
  return node(['--enable-source-maps', 'bench/.out/src/main.js', ...args]);
}

process.exitCode = build(['bench']) || node(['scripts/doors.mjs', 'bench']) || bench();
