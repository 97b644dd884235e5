#!/usr/bin/env node
// npm links a bin only when its file is there, and in a fresh clone dist/ is not.
import { existsSync } from 'node:fs';

const main = new URL('../dist/cli/main.js', import.meta.url);
if (existsSync(main)) {
  await import(main.href);
} else {
  process.stderr.write('not built yet: npm run build (npm start does it too)\n');
  process.exitCode = 1;
}
