// Loaded into every test process: one that is still there after the limit says what it holds open, and fails.
// (--test-timeout ends a whole file on Node 20 and 22, but only a test on 24, where an open handle would wait forever.)
import { basename } from 'node:path';

export const limit = 240_000;

if (process.env.NODE_TEST_CONTEXT !== undefined) {
  setTimeout(() => {
    const open = process.getActiveResourcesInfo().join(', ') || 'nothing';
    process.stderr.write(
      `${basename(process.argv[1] ?? 'a test')} did not end within ${limit / 1000} s. It holds open: ${open}.\n`,
    );
    process.exit(1);
  }, limit).unref();
}
