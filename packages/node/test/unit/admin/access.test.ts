/** Who may do what: tokens, guessing, slow senders. Over real sockets. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { startAdmin } from '../../../src/admin/server.ts';
import { readTokenFile } from '../../../src/admin/token-file.ts';
import { adminConfig, memoryLog, startTested, TOKEN } from '../../support/admin.ts';
import { answerOf, closed, dial, raw, request } from '../../support/http.ts';

const bearer = (token: string): { headers: Record<string, string> } => ({
  headers: { Authorization: `Bearer ${token}` },
});
const noFiles = process.platform === 'win32' ? 'Windows has named pipes' : false;

describe('the token', () => {
  it('is needed over TCP for all but health, metrics and the description', async (t) => {
    const { url, local } = await startTested(t, `token: ${TOKEN}`);
    for (const path of ['/health', '/health/live', '/health/ready', '/metrics', '/openapi.json'])
      assert.equal((await request(t, url, path)).status, 200, path);
    for (const path of ['/v1/status', '/v1/node', '/v1/config', '/v1/peers', '/v1/services', '/v1/tap/x']) {
      const answer = await request(t, url, path);
      assert.equal(answer.status, 401, path);
      assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer/);
    }
    for (const [method, path] of [
      ['POST', '/v1/config/reload'],
      ['POST', '/v1/config/rollback'],
      ['PUT', '/v1/config/values/log.level'],
      ['DELETE', '/v1/config/values/log.level'],
      ['POST', '/v1/streams/x/purge'],
      ['PUT', '/v1/services/a/b'],
    ] as const)
      assert.equal((await request(t, url, path, { method })).status, 401, path);
    assert.equal((await request(t, url, '/v1/node', bearer(TOKEN))).status, 200);
    assert.equal((await request(t, local, '/v1/node')).status, 200);
  });

  it('is the whole of it, in the header of its own', async (t) => {
    const { url } = await startTested(t, `token: ${TOKEN}`, { tokenDelay: 1 });
    const wrong = [TOKEN.slice(1), `${TOKEN}x`, TOKEN.toUpperCase(), 'x'];
    for (const token of wrong) assert.equal((await request(t, url, '/v1/node', bearer(token))).status, 401);
    for (const value of [TOKEN, `Basic ${TOKEN}`, 'Bearer ', `Bearer  ${TOKEN}`, `Bearer ${TOKEN} x`])
      assert.equal((await request(t, url, '/v1/node', { headers: { Authorization: value } })).status, 401);
    assert.equal((await request(t, url, `/v1/node?token=${TOKEN}`)).status, 401);
    // A wrong one is refused also where none is needed.
    assert.equal((await request(t, url, '/health', bearer('wrong'))).status, 401);
  });

  it('is nobody’s when none is configured', async (t) => {
    const { url } = await startTested(t);
    assert.equal((await request(t, url, '/health')).status, 200);
    assert.equal((await request(t, url, '/v1/node')).status, 401);
    for (const token of ['', '\0', 'x', 'undefined'])
      assert.equal((await request(t, url, '/v1/node', bearer(token))).status === 200, false);
  });

  it('is asked for metrics when they go beyond this machine', async (t) => {
    const { url, admin } = await startTested(t, `token: ${TOKEN}`);
    for (const name of ['X-Forwarded-For', 'Forwarded', 'Via']) {
      assert.equal((await request(t, url, '/metrics', { headers: { [name]: 'x' } })).status, 401, name);
      const both = { headers: { ...bearer(TOKEN).headers, [name]: 'x' } };
      assert.equal((await request(t, url, '/metrics', both)).status, 200);
    }
    const outside = Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .find(({ internal, family }) => !internal && family === 'IPv4');
    if (outside === undefined) return t.diagnostic('this machine has no address but its own');
    await admin.apply(adminConfig(`bind: tcp://${outside.address}:0\ntoken: ${TOKEN}`));
    const [far] = admin.addresses;
    assert.equal((await request(t, far as string, '/metrics')).status, 401);
    assert.equal((await request(t, far as string, '/metrics', bearer(TOKEN))).status, 200);
    assert.equal((await request(t, far as string, '/health')).status, 200);
  });

  it('changes without a restart', async (t) => {
    const { url, admin, folder } = await startTested(t, `token: ${TOKEN}`);
    const bind = `bind: tcp://127.0.0.1:0`;
    await admin.apply(adminConfig(`${bind}\ntoken: another-token-0123456789`));
    assert.deepEqual(admin.addresses, [url]);
    assert.equal((await request(t, url, '/v1/node', bearer(TOKEN))).status, 401);
    assert.equal((await request(t, url, '/v1/node', bearer('another-token-0123456789'))).status, 200);
    await writeFile(join(folder, 'token'), 'one-from-a-file-0123456789\n', { mode: 0o600 });
    await admin.apply(adminConfig(`${bind}\ntokenFile: ./token`, folder));
    assert.equal((await request(t, url, '/v1/node', bearer('one-from-a-file-0123456789'))).status, 200);
    await admin.apply(adminConfig(bind));
    assert.equal((await request(t, url, '/v1/node', bearer('one-from-a-file-0123456789'))).status, 401);
  });
});

describe('who guesses tokens', () => {
  it('waits, then is refused unseen, and is one line in the log', async (t) => {
    const { url, lines, admin } = await startTested(t, `token: ${TOKEN}`, { tokenDelay: 3_600_000 });
    for (let n = 0; n < 5; n++)
      assert.equal((await request(t, url, '/v1/node', bearer(`guess-${n}`))).status, 401);
    // Four of them are answered in an hour.
    const more = Array.from({ length: 5 }, () => request(t, url, '/v1/node', bearer('a-guess-that-waits')));
    assert.equal((await Promise.race(more)).status, 429);
    // Unseen: the right one is refused as well, from this address and for as long as others wait.
    const right = await request(t, url, '/v1/node', bearer(TOKEN));
    assert.equal(right.status, 429);
    assert.equal(right.headers.get('retry-after'), '1');
    assert.equal((await request(t, url, '/health')).status, 200);
    await admin.close();
    const told = lines.filter(({ event }) => event === 'admin:unauthorized');
    assert.equal(told.length, 9);
    assert.ok(told.every(({ remote }) => remote === '127.0.0.1'));
    assert.ok(!JSON.stringify(lines).includes('guess'));
  });

  it('does not keep others out who have it', async (t) => {
    const { url } = await startTested(t, `token: ${TOKEN}`, { tokenDelay: 1 });
    for (let n = 0; n < 20; n++)
      assert.equal((await request(t, url, '/v1/node', bearer(`guess-${n}`))).status, 401);
    assert.equal((await request(t, url, '/v1/node', bearer(TOKEN))).status, 200);
  });
});

describe('the token file', () => {
  it('is a file with a token and nothing else', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'zeroth-token-'));
    t.after(() => rm(folder, { recursive: true }));
    const { log, lines } = memoryLog();
    const path = join(folder, 'token');
    const read = (): string => readTokenFile(path, log);
    const fails = (reason: RegExp): void => {
      assert.throws(read, (error: Error & { code: string }) => {
        assert.equal(error.code, 'ADMIN_TOKEN_FILE');
        assert.ok(error.message.includes(path));
        assert.ok(!error.message.includes('short'));
        assert.match(error.message, reason);
        return true;
      });
    };
    fails(/no such file/);
    for (const [text, reason] of [
      ['', /is empty/],
      ['\n \n', /is empty/],
      ['short', /no good token/],
      [`${TOKEN} ${TOKEN}`, /no good token/],
      ['x'.repeat(2000), /more than 1024/],
    ] as const) {
      await writeFile(path, text, { mode: 0o600 });
      fails(reason);
    }
    await writeFile(path, `${TOKEN}\n`);
    await chmod(path, 0o600);
    assert.equal(read(), TOKEN);
    assert.equal(lines.length, 0);
    if (process.platform === 'win32') return;
    await chmod(path, 0o644);
    assert.equal(read(), TOKEN);
    assert.equal(lines[0]?.event, 'admin:token-file');
    await rm(path);
    await mkdir(path);
    fails(/not a file/);
  });

  it('keeps everything as it was when it is bad at a reload', async (t) => {
    const { url, admin, folder } = await startTested(t, `token: ${TOKEN}`);
    const next = adminConfig('bind: [tcp://127.0.0.1:0, tcp://127.0.0.2:0]\ntokenFile: ./gone', folder);
    await assert.rejects(admin.apply(next), { code: 'ADMIN_TOKEN_FILE' });
    assert.deepEqual(admin.addresses, [url]);
    assert.equal((await request(t, url, '/v1/node', bearer(TOKEN))).status, 200);
  });
});

describe('details of health', () => {
  for (const [details, everybody, authorized] of [
    ['always', true, true],
    ['authorized', false, true],
    ['never', false, false],
  ] as const) {
    it(`are shown as admin.details: ${details} says`, async (t) => {
      const { url, local } = await startTested(t, `token: ${TOKEN}\ndetails: ${details}`);
      const shown = async (address: string, headers = {}): Promise<boolean> =>
        'components' in (await request(t, address, '/health', { headers })).json;
      assert.equal(await shown(url), everybody);
      assert.equal(await shown(url, bearer(TOKEN).headers), authorized);
      assert.equal(await shown(local), authorized);
    });
  }

  it('come with 503 when it is not well', async (t) => {
    const report = { status: 'down', live: true, ready: false, components: {} };
    const { url } = await startTested(t, '', { parts: { health: { report: () => report } as never } });
    const status = async (path: string): Promise<number> => (await request(t, url, path)).status;
    assert.deepEqual(
      [await status('/health'), await status('/health/live'), await status('/health/ready')],
      [503, 200, 503],
    );
  });
});

describe('slow senders', () => {
  const limits = { headersTimeout: 100, requestTimeout: 200, checkInterval: 20, idleTimeout: 300 };

  it('are cut off in the middle of their headers', async (t) => {
    const { url } = await startTested(t, '', { limits });
    const socket = dial(t, url);
    socket.write('GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
    const drip = setInterval(() => socket.write('x'), 10);
    t.after(() => clearInterval(drip));
    assert.ok([0, 408].includes((await answerOf(socket)).status));
    await closed(socket);
  });

  it('are cut off in the middle of their body', async (t) => {
    const { local } = await startTested(t, '', { limits });
    const socket = dial(t, local);
    socket.write(
      'POST /v1/config/reload HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{',
    );
    const drip = setInterval(() => socket.write(' '), 10);
    t.after(() => clearInterval(drip));
    assert.ok([0, 408].includes((await answerOf(socket)).status));
    await closed(socket);
  });

  it('are cut off when they say nothing at all', async (t) => {
    const { url } = await startTested(t, '', { limits });
    await closed(dial(t, url));
  });

  it('can not take more connections than there are', async (t) => {
    const { url } = await startTested(t, '', { limits: { connections: 3 } });
    const held = [dial(t, url), dial(t, url), dial(t, url)];
    await Promise.all(held.map((socket) => once(socket, 'connect')));
    // The fourth is closed without an answer.
    assert.equal((await request(t, url, '/health')).status, 0);
    for (const socket of held) {
      socket.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n');
      assert.equal((await answerOf(socket)).status, 200);
      socket.destroy();
    }
    let status = 0;
    while (status !== 200) status = (await request(t, url, '/health')).status;
  });
});

describe('endpoints', () => {
  it('come and go with the configuration; what others have changes nothing', async (t) => {
    const { url, admin } = await startTested(t);
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    t.after(() => taken.close());
    const { port } = taken.address() as { port: number };
    const both = adminConfig(`bind: [tcp://127.0.0.1:0, "tcp://127.0.0.1:${port}"]`);
    await assert.rejects(admin.apply(both), { code: 'BIND_FAILED' });
    assert.deepEqual(admin.addresses, [url]);
    const [, second] = await withBind(admin, ['tcp://127.0.0.1:0', 'tcp://[::1]:0']);
    assert.equal((await request(t, second as string, '/health')).status, 200);
    await withBind(admin, ['tcp://[::1]:0']);
    assert.deepEqual(admin.addresses, [second]);
    assert.equal((await request(t, second as string, '/health')).status, 200);
    assert.equal((await request(t, url, '/health')).status, 0);
  });

  it('move to other hosts at the same port, and back when that fails', async (t) => {
    const { url, admin } = await startTested(t);
    const { port } = new URL(url);
    const [fixed] = await withBind(admin, [`tcp://127.0.0.2:${port}`]);
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    t.after(() => taken.close());
    const other = (taken.address() as { port: number }).port;
    const bad = [`tcp://*:${port}`, `tcp://127.0.0.1:${other}`];
    await assert.rejects(withBind(admin, bad), { code: 'BIND_FAILED' });
    assert.deepEqual(admin.addresses, [fixed]);
    assert.equal((await request(t, fixed as string, '/health')).status, 200);
    await withBind(admin, [`tcp://*:${port}`]);
    assert.equal((await request(t, fixed as string, '/health')).status, 200);
    await withBind(admin, [`tcp://127.0.0.2:${port}`]);
    assert.deepEqual(admin.addresses, [fixed]);
  });

  it('never take the place of a file that is no socket', { skip: noFiles }, async (t) => {
    const { url, admin, folder } = await startTested(t);
    const path = join(folder, 'precious');
    await writeFile(path, 'words');
    await assert.rejects(withBind(admin, [`ipc://${path}`]), { code: 'BIND_FAILED' });
    assert.equal(await readFile(path, 'utf8'), 'words');
    assert.deepEqual(admin.addresses, [url]);
  });

  it('may be local sockets, which only this user can open', { skip: noFiles }, async (t) => {
    const { admin, folder } = await startTested(t, `token: ${TOKEN}`);
    const path = join(folder, 'own.sock');
    await admin.apply(adminConfig(`bind: ipc://${path}\ntoken: ${TOKEN}`));
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.equal((await request(t, path, '/v1/node')).status, 200);
    await admin.close();
    await assert.rejects(stat(path));
  });
});

async function withBind(
  admin: Awaited<ReturnType<typeof startTested>>['admin'],
  bind: readonly string[],
): Promise<readonly string[]> {
  await admin.apply(adminConfig(`bind: [${bind.map((one) => `"${one}"`).join(', ')}]\ntoken: ${TOKEN}`));
  return admin.addresses;
}

describe('a fault of ours', () => {
  it('ends one connection, and not the node', async (t) => {
    const { log, lines } = memoryLog();
    const folder = await mkdtemp(join(tmpdir(), 'zeroth-fault-'));
    const parts = Object.defineProperty({}, 'node', {
      enumerable: true,
      get: () => {
        throw new Error('unexpected');
      },
    });
    const admin = await startAdmin({
      parts: parts as never,
      config: adminConfig(''),
      log,
      environment: { ZEROTH_RUNTIME_DIR: folder },
    });
    t.after(async () => {
      await admin.close();
      await rm(folder, { recursive: true });
    });
    assert.equal((await request(t, admin.local as string, '/health')).status, 0);
    assert.equal(lines.find(({ event }) => event === 'admin:failed')?.level, 'error');
  });
});

describe('answers', () => {
  it('are not kept, framed or sniffed by browsers', async (t) => {
    const { local } = await startTested(t);
    const { headers } = await raw(t, local, 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n');
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.equal(headers.get('x-frame-options'), 'DENY');
  });
});
