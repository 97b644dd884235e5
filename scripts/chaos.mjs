// npm run chaos [-- OPTION...]: builds, then runs the chaos scenarios of the node in their long form (--help).
import { build, node } from './tool.mjs';

process.exitCode =
  build(['packages/node', 'packages/node/test']) ||
  node(['--enable-source-maps', 'packages/node/.out/test/chaos/main.js', ...process.argv.slice(2)]);
