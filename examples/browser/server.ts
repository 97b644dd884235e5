/**
 * A web page that speaks ZeroMQ: a server with a PUB, a REP and a node, and a page that subscribes, asks, and publishes to
 * and consumes a durable stream.
 *
 * npm run build && node examples/.out/browser/server.js [PORT], and open what it prints
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Publisher, Reply } from '@zeroth/zmq';

const root = new URL('../../../', import.meta.url);
const file = (path: string): string => fileURLToPath(new URL(path, root));

// A page can't bind, so all of these do. The port is free for the system to choose; `ws://*:5557` would be reached from
// other machines as well.
const publisher = new Publisher();
await publisher.bind('ws://127.0.0.1:0');
const reply = new Reply();
await reply.bind('ws://127.0.0.1:0');

// Readings of three presses, for whoever subscribed.
let turn = 0;
const beat = setInterval(() => {
  turn++;
  for (let press = 1; press <= 3; press++) {
    const temperature = 60 + 4 * press + 3 * Math.sin(turn / 6 + press);
    void publisher.send([`press-${press}/temperature`, temperature.toFixed(1)]);
  }
  if (turn % 5 === 0) void publisher.send(['plant/shift', `${new Date().toISOString().slice(11, 19)} UTC`]);
}, 400);

async function answer(): Promise<void> {
  for await (const [question] of reply) await reply.send(`The server has read: ${question}`);
}
const answering = answer();

/** `zeroth run` with the stream `events`, in a folder that is removed at the end. Resolves with the endpoint for clients. */
async function startNode(
  folder: string,
): Promise<{ node: ChildProcess; gone: Promise<unknown>; sessions: string }> {
  const config = join(folder, 'zeroth.yaml');
  await writeFile(config, 'streams: { events: }\nsessions: { bind: "ws://127.0.0.1:0" }\n');
  const node = spawn(process.execPath, [file('packages/node/dist/cli/main.js'), 'run', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const gone = once(node, 'close');
  let log = '';
  for await (const chunk of node.stderr.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    log += chunk as string;
    const ready = log.split('\n').find((line) => line.includes('"event":"ready"') && line.endsWith('}'));
    if (ready === undefined) continue;
    node.stderr.resume();
    const { sessions } = JSON.parse(ready) as { sessions: [string] };
    return { node, gone, sessions: sessions[0] };
  }
  throw new Error(`the node did not start: ${log}`);
}

const folder = await mkdtemp(join(tmpdir(), 'zeroth-page-'));
const { node, gone, sessions } = await startNode(folder);

const endpoints = JSON.stringify({
  readings: publisher.lastEndpoint,
  questions: reply.lastEndpoint,
  sessions,
});
const FILES: Readonly<Record<string, readonly [type: string, path: string]>> = {
  '/': ['text/html', 'examples/browser/index.html'],
  '/page.js': ['text/javascript', 'examples/browser/page.js'],
  '/style.css': ['text/css', 'examples/browser/style.css'],
  '/zmq.js': ['text/javascript', 'packages/zmq/dist/bundle/browser.min.js'],
  '/client.js': ['text/javascript', 'packages/client/dist/bundle/browser.min.js'],
};

async function page(url: string): Promise<[status: number, type: string, body: string | Buffer]> {
  if (url === '/endpoints.json') return [200, 'application/json', endpoints];
  const found = Object.hasOwn(FILES, url) ? FILES[url] : undefined;
  if (found === undefined) return [404, 'text/plain', 'not here'];
  return [200, found[0], await readFile(file(found[1]))];
}

const web = createServer((request, response) => {
  page(request.url ?? '/').then(
    ([status, type, body]) =>
      response.writeHead(status, { 'content-type': `${type}; charset=utf-8` }).end(body),
    (error: Error) => response.writeHead(500).end(error.message),
  );
});
async function stop(): Promise<void> {
  clearInterval(beat);
  web.close();
  web.closeAllConnections();
  publisher.close();
  reply.close();
  await answering;
  node.kill('SIGTERM');
  await gone;
  await rm(folder, { recursive: true, force: true });
}

// Before it says that it is there: whoever reads that may end it at once.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop());

web.listen(Number(process.argv[2] ?? 0), '127.0.0.1');
await once(web, 'listening');
console.log(`Open http://127.0.0.1:${(web.address() as AddressInfo).port}/ (Ctrl-C ends it)`);
