// npm start [-- ARGUMENTS of zeroth run]: builds the node if it is out of date, then runs it in this very process,
// so that signals and the exit code are its own.
//
// A stamp is left by every build that succeeded. While nothing is newer than it the compiler is not even asked, which
// halves the time to start; whenever in doubt, the compiler decides.
import { existsSync, mkdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, isNewer, root } from './tool.mjs';

const main = join(root, 'packages/node/dist/cli/main.js');
const outputs = [main, join(root, 'packages/zmq/dist/index.js'), join(root, 'packages/client/dist/wire.js')];
const inputs = ['packages/zmq', 'packages/client', 'packages/node'].flatMap((folder) => [
  join(root, folder, 'src'),
  join(root, folder, 'tsconfig.json'),
]);
inputs.push(
  ...['tsconfig.base.json', 'package-lock.json', 'scripts/doors', 'scripts/doors.mjs'].map((path) =>
    join(root, path),
  ),
);
const stamp = join(root, 'packages/node/.out/start.stamp');

function isUpToDate() {
  if (![stamp, ...outputs].every((path) => existsSync(path))) return false;
  const { mtimeMs } = statSync(stamp);
  return !inputs.some((path) => isNewer(path, mtimeMs));
}

function bringUpToDate() {
  if (isUpToDate()) return 0;
  // Of before the build: a file that is changed while it runs is newer.
  const now = new Date();
  const code = build(['packages/node']);
  if (code === 0) {
    mkdirSync(dirname(stamp), { recursive: true });
    writeFileSync(stamp, '');
    utimesSync(stamp, now, now);
  }
  return code;
}

const code = bringUpToDate();
if (code === 0) {
  process.argv = [process.execPath, main, 'run', ...process.argv.slice(2)];
  await import(pathToFileURL(main).href);
} else {
  process.exitCode = code;
}
