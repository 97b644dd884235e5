// npm run soak [-- --minutes N]: builds, then lets sockets come and go for half an hour and watches what is held.
import { build, node } from './tool.mjs';

process.exitCode =
  build(['bench']) ||
  node(['--expose-gc', '--enable-source-maps', 'bench/.out/src/soak/main.js', ...process.argv.slice(2)]);
