/** The example page, and @zeroth/client in a page of the test's own, in a real browser. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connect } from '@zeroth/client';
import { type Browser, chromium, type Page } from 'playwright-core';
import { startNode } from './running-node.ts';

const TIMEOUT = 60_000;
const here = (path: string): URL => new URL(path, import.meta.url);

const executable = [
  process.env.CHROMIUM,
  '/usr/bin/chromium-headless-shell',
  '/usr/bin/chromium',
  '/usr/bin/google-chrome',
].find((path) => path !== undefined && existsSync(path));
const skip =
  executable === undefined
    ? 'no Chromium (apt-get install chromium-headless-shell, or CHROMIUM=PATH)'
    : false;
if (skip !== false) console.log(`The examples in a browser are skipped: ${skip}`);

describe('in a browser', { skip, timeout: TIMEOUT }, () => {
  let browser: Browser;

  before(async () => {
    // Chromium does not run as root inside of its sandbox.
    const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    browser = await chromium.launch({ executablePath: executable as string, args });
  });
  after(() => browser.close());

  /** A page, which must not have complained when the test is over. */
  async function open(t: TestContext, url: string): Promise<Page> {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    t.after(async () => {
      await page.close();
      assert.deepEqual(complaints, []);
    });
    await page.goto(url);
    return page;
  }

  it('the example page subscribes, asks, and keeps records', async (t) => {
    const script = fileURLToPath(here('../browser/server.js'));
    const server = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const gone = once(server, 'close');
    t.after(async () => {
      server.kill('SIGTERM');
      assert.deepEqual(await gone, [0, null]);
    });
    const [line] = (await once(server.stdout.setEncoding('utf8'), 'data')) as [string];
    const url = /http:\S+/.exec(line)?.[0];
    assert.ok(url, line);

    const page = await open(t, url);
    for (const id of ['readings', 'questions', 'stream'])
      await page.locator(`#${id}-state`, { hasText: /^connected$/ }).waitFor();

    // SUB: three presses and, now and then, the shift; then one of them.
    await page.locator('#readings tr', { hasText: 'plant/shift' }).waitFor();
    const topics = await page.locator('#readings td:first-child').allTextContents();
    assert.deepEqual(topics.sort(), [
      'plant/shift',
      'press-1/temperature',
      'press-2/temperature',
      'press-3/temperature',
    ]);
    await page.fill('#subscription input', 'press-2/');
    await page.click('#subscription button');
    await page.locator('#readings tr', { hasText: /press-2\/temperature6\d\.\d/ }).waitFor();

    // REQ
    await page.fill('#question input', 'Wie geht’s? <b>');
    await page.click('#question button');
    await page
      .locator('#replies li', { hasText: /The server has read: Wie geht’s\? <b> [\d.]+ ms/ })
      .waitFor();

    // A durable stream, which another page sees from the beginning.
    await page.fill('#record input', 'Part 2 <i>');
    await page.click('#record button');
    await page.locator('#records li', { hasText: 'Part 2 <i> #1,' }).waitFor();
    await page.locator('#stored', { hasText: 'record 1 is on the disk' }).waitFor();
    const other = await open(t, url);
    await other.locator('#records li', { hasText: 'Part 2 <i> #1,' }).waitFor();

    // One screen: nothing sticks out of it.
    for (const scheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      const fits =
        'document.documentElement.scrollHeight <= innerHeight && document.documentElement.scrollWidth <= innerWidth';
      assert.equal(await page.evaluate(fits), true, scheme);
      if (process.env.SCREENSHOT !== undefined)
        await page.screenshot({ path: `${process.env.SCREENSHOT}-${scheme}.png` });
    }
  });

  it('@zeroth/client publishes to a durable stream and consumes it, also when the node is killed meanwhile', async (t) => {
    let node = await startNode('ws');
    t.after(() => node.stop());
    const endpoint = String(node.endpoints.get('sessions'));
    const url = await servePage(t);
    const page = await open(t, url);
    const published = await page.evaluate(`(async () => {
      const { connect, json } = await import('@zeroth/client');
      globalThis.client = await connect(${JSON.stringify(endpoint)}, { name: 'page', reconnect: { max: 200 } });
      globalThis.stream = client.stream('events', { codec: json() });
      globalThis.seen = [];
      (async () => {
        for await (const record of stream.consume({ group: 'page', from: 'first' })) {
          seen.push(record.value.number);
          record.ack();
        }
      })();
      const all = await Promise.all(Array.from({ length: 500 }, (_, number) => stream.publish({ number }, { key: 'ü' })));
      return all.map(({ sequence }) => sequence);
    })()`);
    assert.deepEqual(
      published,
      Array.from({ length: 500 }, (_, index) => index + 1),
    );
    const more = page.evaluate(`(async () => {
      const all = [];
      for (let number = 500; number < 1500; number++) {
        await stream.waitWritable();
        all.push(stream.publish({ number }));
        if (number % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      }
      await Promise.all(all);
    })()`);
    node = await node.restart();
    await more;
    await page.waitForFunction('new Set(seen).size >= 1500');
    // At least once, and what comes again comes after what it was before.
    const seen = (await page.evaluate('[...new Set(seen)]')) as number[];
    assert.deepEqual(
      seen,
      Array.from({ length: 1500 }, (_, number) => number),
    );

    // It is all there, for a program too. The same endpoint, in Node.
    await using program = await connect(endpoint, { name: 'program' });
    const { next } = await program.stream('events').info();
    assert.equal(next, 1501);
    let first = '';
    for await (const record of program.stream('events').consume({ from: 'first' })) {
      first = `${record.key} ${record.body}`;
      break;
    }
    assert.equal(first, 'ü {"number":0}');
    assert.equal(await page.evaluate('client.close().then(() => client.state.type)'), 'closed');
  });
});

/** An empty page that knows the bundles by name. */
async function servePage(t: TestContext): Promise<string> {
  const bundles: Readonly<Record<string, string>> = {
    '/zmq.js': '../../../packages/zmq/dist/bundle/browser.js',
    '/client.js': '../../../packages/client/dist/bundle/browser.js',
  };
  const imports = { '@zeroth/zmq/browser': '/zmq.js', '@zeroth/client': '/client.js' };
  const html = `<!doctype html><link rel="icon" href="data:,"><script type="importmap">${JSON.stringify({ imports })}</script>`;
  const server = createServer((request, response) => {
    const bundle = bundles[request.url ?? '/'];
    if (bundle === undefined) response.writeHead(200, { 'content-type': 'text/html' }).end(html);
    else
      void readFile(here(bundle)).then((body) =>
        response.writeHead(200, { 'content-type': 'text/javascript' }).end(body),
      );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}
