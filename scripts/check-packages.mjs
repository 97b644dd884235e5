// npm run check:packages: what would be published resolves and is typed for every consumer that we support.
import { buildAll } from './browser.mjs';
import { run } from './tool.mjs';

process.exitCode =
  (await buildAll()) ||
  ['packages/zmq', 'packages/client', 'packages/node']
    .map((folder) => {
      console.log(`\n${folder}`);
      return (
        run('publint', 'publint', ['--strict'], folder) ||
        run('@arethetypeswrong/cli', 'attw', ['--pack', '.', '--profile', 'esm-only'], folder)
      );
    })
    .find((code) => code !== 0) ||
  0;
