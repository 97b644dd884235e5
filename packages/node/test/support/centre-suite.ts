/**
 * The tests that every configuration centre has to pass, whatever stands behind it.
 */
import { deepEqual, doesNotMatch, equal, match, ok, rejects } from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { suite, test } from 'node:test';
import type { SourceConfig } from '../../src/config/types.ts';
import { openSource } from '../../src/source/open.ts';
import { MAX_TEXT } from '../../src/source/source.ts';
import type { TestCentre } from './centre.ts';
import { eventually, Follower, Way } from './centre.ts';

const { signal: never } = new AbortController();

export interface SuiteOptions {
  readonly skip: string | false;
  /** What the message says when the key is not there. */
  readonly wayOut: RegExp;
  readonly launch: (t: TestContext) => Promise<TestCentre>;
}

export function centreSuite(title: string, { skip, wayOut, launch }: SuiteOptions): void {
  const options = { skip, timeout: 120_000 };

  suite(title, () => {
    test('a key that is not there is said so, with the way out; then it is read', options, async (t) => {
      const centre = await launch(t);
      const source = await openSource(centre.config);
      await rejects(source.read(never), { code: 'SOURCE_KEY_MISSING', message: wayOut });
      await centre.put('a: 1\n# Grüße\n');
      const { text, revision } = await source.read(never);
      equal(text, 'a: 1\n# Grüße\n');
      ok(revision.length > 0);
      await centre.put('a: 2\n');
      ok((await source.read(never)).revision !== revision);
    });

    test('changes, two quickly after each other, a delete and what follows', options, async (t) => {
      const centre = await launch(t);
      await centre.put('one');
      const follower = new Follower(t, await openSource(centre.config));
      await follower.until('one');
      await centre.put('two');
      await centre.put('three');
      await follower.until('three');
      await centre.remove();
      await follower.until('SOURCE_KEY_MISSING');
      await centre.put('four');
      await follower.until('SOURCE_KEY_MISSING', 'up', 'four');
      const others = follower.story.filter((entry) => entry !== 'two');
      deepEqual(others, ['one', 'three', 'SOURCE_KEY_MISSING', 'up', 'four']);
    });

    test('a source that is followed before its key is there', options, async (t) => {
      const centre = await launch(t);
      const follower = new Follower(t, await openSource(centre.config));
      await follower.until('SOURCE_KEY_MISSING');
      await centre.put('one');
      await follower.until('SOURCE_KEY_MISSING', 'up', 'one');
      equal(follower.reports.length, 3);
    });

    test('killed and started again: down once, up once, and changes come again', options, async (t) => {
      const centre = await launch(t);
      await centre.put('one');
      const follower = new Follower(t, await openSource(centre.config));
      await follower.until('one');
      await centre.kill();
      await follower.until('one', 'SOURCE_FAILED');
      await centre.start();
      await follower.until('one', 'SOURCE_FAILED', 'up');
      await centre.put('two');
      await follower.until('one', 'SOURCE_FAILED', 'up', 'two');
      equal(follower.reports.length, 4);
    });

    test('what was changed while it could not be reached is found', options, async (t) => {
      const centre = await launch(t);
      await centre.put('one');
      const { config, way } = await throughWay(t, centre);
      const follower = new Follower(t, await openSource(config));
      await follower.until('one');
      await way.cut();
      await follower.until('one', 'SOURCE_FAILED');
      await centre.put('two');
      await way.open();
      await follower.until('one', 'SOURCE_FAILED', 'up', 'two');
      equal(follower.reports.length, 4);
    });

    test('down at the start', options, async (t) => {
      const centre = await launch(t);
      await centre.put('one');
      await centre.kill();
      const source = await openSource(centre.config);
      await rejects(source.read(never), { code: 'SOURCE_FAILED' });
      const follower = new Follower(t, source);
      await follower.until('SOURCE_FAILED');
      await centre.start();
      await follower.until('SOURCE_FAILED', 'up', 'one');
    });

    test('the first of two servers is not there', options, async (t) => {
      const centre = await launch(t);
      await centre.put('one');
      const { config, way } = await throughWay(t, centre);
      await way.cut();
      const source = await openSource({ ...config, url: `${config.url},${centre.config.url}` });
      equal((await source.read(never)).text, 'one');
      const follower = new Follower(t, source);
      await follower.until('one');
      equal(follower.reports.length, 1);
    });

    test('a value of the largest size, one over it, and one that is no text', options, async (t) => {
      const centre = await launch(t);
      const largest = `# ${'x'.repeat(MAX_TEXT - 3)}\n`;
      await centre.put(largest);
      const source = await openSource(centre.config);
      equal((await source.read(never)).text, largest);
      await centre.put(`${largest}y`);
      await rejects(source.read(never), {
        code: 'SOURCE_FAILED',
        message: /at most 1048576|more than 1048576/,
      });
      const follower = new Follower(t, source);
      await follower.until('SOURCE_FAILED');
      await centre.put('small');
      await follower.until('SOURCE_FAILED', 'up', 'small');
      await centre.put(Uint8Array.of(0x61, 0xff, 0xfe));
      await follower.until('SOURCE_FAILED', 'up', 'small', 'SOURCE_FAILED');
      await rejects(source.read(never), { code: 'SOURCE_FAILED', message: /not UTF-8/ });
    });

    test('ends at once, and leaves no connection', options, async (t) => {
      const centre = await launch(t);
      await centre.put('one');
      const { config, way } = await throughWay(t, centre);
      const source = await openSource(config);
      await source.read(never);
      const follower = new Follower(t, source);
      await follower.until('one');
      await eventually('a connection that waits', () => way.links > 0);
      await follower.stop();
      await eventually('no connection', () => way.links === 0);
      const { accepted } = way;
      await rejects(source.read(AbortSignal.abort(new Error('enough'))), { message: 'enough' });
      equal(way.accepted, accepted);
    });

    test('ends at once while a server says nothing, and leaves no connection', options, async (t) => {
      const centre = await launch(t);
      const { config, way } = await throughWay(t, centre);
      way.before = () => new Promise(() => {});
      const hasty = await openSource({ ...config, timeout: 300 });
      await rejects(hasty.read(never), { code: 'SOURCE_FAILED' });
      const { accepted } = way;
      const follower = new Follower(t, await openSource(config));
      await eventually('a question', () => way.accepted > accepted);
      await follower.stop();
      deepEqual(follower.story, []);
      await eventually('no connection', () => way.links === 0);
    });
  });
}

/** The same, through a way that can be cut. */
export async function throughWay(
  t: TestContext,
  centre: TestCentre,
): Promise<{ config: SourceConfig; way: Way }> {
  const url = new URL(centre.config.url);
  const way = await Way.to(t, Number(url.port));
  return { config: { ...centre.config, url: `${url.protocol}//127.0.0.1:${way.port}` }, way };
}

/** That credentials were refused is said, and they are not. */
export async function refused(config: SourceConfig, reason: RegExp): Promise<void> {
  const source = await openSource(config);
  const error = await source.read(never).then(
    () => null,
    (thrown: unknown) => thrown as Error,
  );
  ok(error !== null, 'it was read');
  match(error.message, reason);
  for (const secret of [config.password, config.token]) {
    if (secret !== '') doesNotMatch(`${error.stack} ${JSON.stringify(error)}`, new RegExp(secret));
  }
}
