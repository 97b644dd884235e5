/**
 * Web pages in a real browser, headless: Debian's Chromium, driven by playwright-core. A page imports the bundle that is
 * published, by the name that users import, and runs functions that are written in the test.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { within } from './deadline.ts';

/** What the page has imported. */
export type Zmq = typeof import('../../src/browser.ts');

const BUNDLES = {
  '/zmq/browser.js': '../../../dist/bundle/browser.js',
  '/zmq/browser.min.js': '../../../dist/bundle/browser.min.js',
  '/libsodium.mjs': import.meta.resolve('libsodium'),
};

const CANDIDATES = [
  process.env.CHROMIUM,
  '/usr/bin/chromium-headless-shell',
  '/usr/bin/chromium',
  '/usr/bin/google-chrome',
];

const executable = CANDIDATES.find((path) => path !== undefined && existsSync(path));

/** Why tests in a browser are skipped, or false. */
export const noBrowser: string | false =
  executable === undefined
    ? 'no Chromium (apt-get install chromium-headless-shell, or CHROMIUM=PATH)'
    : false;
if (noBrowser !== false) console.log(`The tests in a browser are skipped: ${noBrowser}`);

/** Milliseconds for one thing that happens in a page. */
const LIMIT = 30_000;

export interface Tab {
  readonly page: Page;
  /** What the page complained about: errors that nobody caught, and console.error. */
  readonly complaints: string[];
  /** Runs a function in the page; it sees its arguments (JSON) and globals of the page, nothing of the test. */
  run<A extends unknown[], R>(work: (zmq: Zmq, ...args: A) => R, ...args: A): Promise<Awaited<R>>;
  close(): Promise<void>;
}

export class Pages {
  readonly #browser: Browser;
  readonly #server: Server;
  /** Where the pages are from. */
  readonly origin: string;

  private constructor(browser: Browser, server: Server) {
    this.#browser = browser;
    this.#server = server;
    this.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** `trusted`: a certificate (PEM) whose key the browser is to trust, whoever signed it. */
  static async start(trusted?: string): Promise<Pages> {
    const server = createServer((request, response) => {
      void serve(request.url ?? '/').then(({ type, body }) => {
        response.writeHead(200, { 'content-type': type }).end(body);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    // Chromium does not run as root inside of its sandbox.
    const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    if (trusted !== undefined) {
      const key = new X509Certificate(trusted).publicKey.export({ type: 'spki', format: 'der' });
      const digest = createHash('sha256').update(key).digest('base64');
      args.push(`--ignore-certificate-errors-spki-list=${digest}`);
    }
    const browser = await chromium.launch({ executablePath: executable as string, args });
    return new Pages(browser, server);
  }

  get version(): string {
    return this.#browser.version();
  }

  /** A page of its own, with nothing in common with others. `bundle`: the readable one, or the minified. */
  async open(options: { minified?: boolean; host?: string } = {}): Promise<Tab> {
    const context = await this.#browser.newContext();
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      // What the browser itself says of a connection that failed is no complaint of ours.
      if (message.type() === 'error' && !message.text().startsWith('WebSocket connection to'))
        complaints.push(message.text());
    });
    const origin = options.host === undefined ? this.origin : this.origin.replace('127.0.0.1', options.host);
    await page.goto(`${origin}/${options.minified === true ? '?min' : ''}`);
    const run: Tab['run'] = (work, ...args) => {
      const call = `(${work.toString()})(zmq, ...${JSON.stringify(args)})`;
      const text = `import('@zeroth/zmq/browser').then(async (zmq) => ${call})`;
      return within(page.evaluate(text), 'the page', LIMIT) as never;
    };
    return { page, complaints, run, close: () => context.close() };
  }

  async close(): Promise<void> {
    await this.#browser.close();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function serve(url: string): Promise<{ type: string; body: string | Buffer }> {
  const file = BUNDLES[url as keyof typeof BUNDLES];
  if (file !== undefined) {
    const body = await readFile(fileURLToPath(new URL(file, import.meta.url)));
    return { type: 'text/javascript', body };
  }
  const bundle = url.endsWith('?min') ? '/zmq/browser.min.js' : '/zmq/browser.js';
  const map = JSON.stringify({ imports: { '@zeroth/zmq/browser': bundle, libsodium: '/libsodium.mjs' } });
  const body = `<!doctype html><link rel="icon" href="data:,"><script type="importmap">${map}</script>`;
  return { type: 'text/html', body };
}
