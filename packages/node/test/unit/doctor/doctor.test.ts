/** All checks together: side by side, bounded, and nothing is left open. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import { folded, ok, sizeWords, warning } from '../../../src/doctor/check.ts';
import { diagnose } from '../../../src/doctor/doctor.ts';
import { one } from '../../support/doctor.ts';

async function given(
  t: TestContext,
  yaml: string,
): Promise<Parameters<typeof diagnose>[0] & { dir: string }> {
  const dir = await mkdtemp(join(tmpdir(), 'zeroth-diagnose-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const file = join(dir, 'zeroth.yaml');
  await writeFile(file, yaml);
  return {
    dir,
    file,
    environment: { ZEROTH_RUNTIME_DIR: join(dir, 'run') },
    openManager: () => Promise.reject(new Error('no bus')),
    signal: new AbortController().signal,
  };
}

describe('doctor', () => {
  it('tells how far it is, and leaves nothing', async (t) => {
    const options = await given(t, one('tcp://127.0.0.1:0'));
    const steps: string[] = [];
    const { ok, configRefused, results } = await diagnose({
      ...options,
      progress: (done, of) => steps.push(`${done}/${of}`),
    });
    assert.deepEqual([ok, configRefused], [true, false], JSON.stringify(results));
    assert.equal(steps[0], `1/${steps.length}`);
    assert.equal(steps.at(-1), `${steps.length}/${steps.length}`);
    assert.equal(results[0]?.id, 'config');
    assert.equal(results.at(-1)?.id, 'service');
    assert.match(results.at(-1)?.message ?? '', /no bus/);
    assert.deepEqual(await readdir(options.dir), ['zeroth.yaml']);
  });

  it('does not wait for a check that hangs', async (t) => {
    const options = await given(t, one('tcp://127.0.0.1:0'));
    const { ok, results } = await diagnose({
      ...options,
      openManager: () => new Promise(() => {}),
      within: 500,
    });
    const service = results.find(({ id }) => id === 'service');
    assert.equal(ok, true);
    assert.deepEqual([service?.status, service?.message], ['warning', 'no result within 0.5 s']);
  });

  it('takes a fault of its own as a result', async (t) => {
    const options = await given(t, one('tcp://127.0.0.1:0'));
    const environment = new Proxy(options.environment, {
      get: () => {
        throw new Error('a fault');
      },
    });
    const { results } = await diagnose({ ...options, environment });
    assert.ok(
      results.some(({ id, message }) => id === 'ipc' && message === 'the check itself failed: a fault'),
    );
  });

  it('folds and writes figures for people', () => {
    const many = Array.from({ length: 9 }, (_, i) => warning('x', `trouble ${i}`, 'way'));
    assert.deepEqual(
      folded(many).map(({ message }) => message),
      ['trouble 0', 'trouble 1', 'trouble 2', '6 more like these, the first: trouble 3'],
    );
    assert.deepEqual(folded([ok('x', 'fine')]), [ok('x', 'fine')]);
    assert.deepEqual([0, 999, 1000, 1024 ** 3 * 1.5].map(sizeWords), [
      '0 B',
      '999 B',
      '0.977 KiB',
      '1.5 GiB',
    ]);
  });
});
