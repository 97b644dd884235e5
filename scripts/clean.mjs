// npm run clean: removes everything that a build writes.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './tool.mjs';

for (const folder of ['packages/zmq', 'packages/client', 'packages/node', 'bench', 'examples']) {
  for (const output of ['dist', '.out']) rmSync(join(root, folder, output), { recursive: true, force: true });
}
rmSync(join(root, 'build'), { recursive: true, force: true });
