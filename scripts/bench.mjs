// npm run bench [-- ARGUMENTS]: builds, then runs the benchmarks in a process of their own.
import { build, node } from './tool.mjs';

process.exitCode =
  build(['bench']) || node(['--enable-source-maps', 'bench/.out/src/main.js', ...process.argv.slice(2)]);
