/** What the control API refuses: paths, headers, hosts, origins, methods, bodies. Over real sockets. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MAX_BODY } from '../../../src/admin/body.ts';
import { startTested, TOKEN } from '../../support/admin.ts';
import { answerOf, dial, raw, request } from '../../support/http.ts';

const get = (path: string, host = 'localhost', more = ''): string =>
  `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`;

describe('paths', () => {
  const bad = [
    '/../etc/passwd',
    '/v1/../v1/status',
    '/v1/./status',
    '/v1/%2e%2e/status',
    '/v1/%2E/status',
    '/v1%2fstatus',
    '/v1%2Fstatus',
    '/v1%5cstatus',
    '/v1\\status',
    '//v1/status',
    '/v1//status',
    '/health%00',
    '/health%0d%0aX: y',
    '/health%7f',
    '/%252e%252e/health',
    '/health%',
    '/health%zz',
    '/health%c3%28',
    '/health#x',
    'http://localhost/health',
    'health',
    '*',
  ];
  for (const path of bad) {
    it(`refuses ${path}`, async (t) => {
      const { local } = await startTested(t);
      const answer = await raw(t, local, get(path));
      assert.equal(answer.status, 400, answer.body);
      assert.ok(!answer.body.includes('passwd'));
    });
  }

  it('refuses a very long one', async (t) => {
    const { local } = await startTested(t);
    assert.equal((await raw(t, local, get(`/${'a'.repeat(2000)}`))).status, 414);
    assert.equal((await raw(t, local, get(`/health?${'a'.repeat(2000)}`))).status, 414);
  });

  it('answers 404 in JSON where there is nothing', async (t) => {
    const { local } = await startTested(t);
    for (const path of [
      '/',
      '/v2/status',
      '/health/',
      '/v1/status/x',
      '/V1/status',
      '/__proto__',
      '/constructor',
    ]) {
      const answer = await raw(t, local, get(path));
      assert.equal(answer.status, 404, path);
      assert.equal(answer.json.error.code, 'ADMIN_NOT_FOUND');
    }
  });

  it('refuses unknown, repeated and wrong parameters', async (t) => {
    const { local } = await startTested(t);
    for (const query of [
      'x=1',
      'limit=1&limit=2',
      'limit=0',
      'limit=abc',
      'limit=1e9',
      'route=',
      'limit=99999999999',
    ])
      assert.equal((await raw(t, local, get(`/v1/peers?${query}`))).status, 400, query);
  });
});

describe('headers', () => {
  const twice: readonly (readonly [name: string, lines: string])[] = [
    ['Host', 'Host: other\r\n'],
    ['Authorization', `Authorization: Bearer ${TOKEN}\r\nAuthorization: Bearer x\r\n`],
    ['Content-Type', 'Content-Type: application/json\r\nContent-Type: text/plain\r\n'],
    ['Origin', 'Origin: http://localhost\r\nOrigin: http://evil.example\r\n'],
    ['Content-Length', 'Content-Length: 0\r\nContent-Length: 1\r\n'],
  ];
  for (const [name, lines] of twice) {
    it(`refuses ${name} twice`, async (t) => {
      const { local } = await startTested(t);
      assert.equal((await raw(t, local, get('/health', 'localhost', lines))).status, 400);
    });
  }

  it('refuses a length beside chunks, other codings, and compressed bodies', async (t) => {
    const { local } = await startTested(t);
    const post = (more: string): string =>
      `POST /v1/config/reload HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;
    const both = await raw(t, local, post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'));
    assert.equal(both.status, 400);
    const gzip = await raw(t, local, post('Transfer-Encoding: gzip, chunked\r\n'));
    assert.equal(gzip.status, 400);
    assert.equal((await raw(t, local, post('Content-Encoding: gzip\r\nContent-Length: 3\r\n'))).status, 415);
  });

  it('refuses more than 16 KiB of them', async (t) => {
    const { local } = await startTested(t);
    const answer = await raw(t, local, get('/health', 'localhost', `X: ${'x'.repeat(17_000)}\r\n`));
    assert.equal(answer.status, 431);
  });

  it('sees the last of many', async (t) => {
    const { local } = await startTested(t);
    const many = 'A:\r\n'.repeat(2500);
    assert.equal((await raw(t, local, get('/health', 'localhost', many))).status, 200);
    const evil = await raw(t, local, get('/health', 'localhost', `${many}Origin: http://evil.example\r\n`));
    assert.equal(evil.status, 403);
  });

  it('refuses what is no HTTP', async (t) => {
    const { local, url } = await startTested(t);
    assert.equal((await raw(t, local, 'HELLO\r\n\r\n')).status, 400);
    // The greeting of ZMTP.
    const greeting = Buffer.from('ff00000000000000017f03', 'hex');
    assert.ok([0, 400].includes((await raw(t, url, greeting)).status));
  });
});

describe('hosts', () => {
  it('refuses a name that is not that of the node, as a page with DNS rebinding would use it', async (t) => {
    const { url, local } = await startTested(t);
    for (const host of [
      'evil.example',
      'evil.example:5580',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
    ]) {
      for (const address of [url, local]) {
        const answer = await raw(t, address, get('/health', host));
        assert.equal(answer.status, 403, host);
        assert.equal(answer.json.error.code, 'ADMIN_REFUSED');
      }
    }
  });

  it('takes addresses, localhost and what is configured', async (t) => {
    const { url } = await startTested(t);
    for (const host of ['127.0.0.1', '127.0.0.1:5580', '[::1]:5580', '10.0.0.5', 'localhost', 'LOCALHOST:80'])
      assert.equal((await raw(t, url, get('/health', host))).status, 200, host);
    const named = await startTested(t, '', {});
    assert.equal((await raw(t, named.url, get('/health', 'localhost'))).status, 200);
  });

  it('takes any name with the token, which no page has', async (t) => {
    const { url } = await startTested(t, `token: ${TOKEN}`);
    const withToken = get('/v1/node', 'node.internal', `Authorization: Bearer ${TOKEN}\r\n`);
    assert.equal((await raw(t, url, withToken)).status, 200);
  });

  it('refuses none and malformed ones', async (t) => {
    const { url } = await startTested(t);
    assert.equal((await raw(t, url, 'GET /health HTTP/1.1\r\n\r\n')).status, 400);
    assert.equal((await raw(t, url, 'GET /health HTTP/1.0\r\n\r\n')).status, 400);
    for (const host of ['', 'a b', 'user@localhost', 'localhost:99999999', 'http://localhost'])
      assert.equal((await raw(t, url, get('/health', host))).status, 400, host);
  });
});

describe('origins', () => {
  it('refuses every other one, and answers without CORS', async (t) => {
    const { url, local } = await startTested(t);
    for (const origin of [
      'http://evil.example',
      'null',
      'https://localhost',
      'http://localhost:1',
      'file://',
    ])
      for (const address of [url, local]) {
        const answer = await raw(t, address, get('/health', 'localhost', `Origin: ${origin}\r\n`));
        assert.equal(answer.status, 403, origin);
        assert.ok(![...answer.headers.keys()].some((name) => name.startsWith('access-control')));
      }
  });

  it('refuses them with the token, too', async (t) => {
    const { url } = await startTested(t, `token: ${TOKEN}`);
    const headers = { Authorization: `Bearer ${TOKEN}`, Origin: 'http://evil.example' };
    assert.equal((await request(t, url, '/v1/node', { headers })).status, 403);
  });

  it('takes its own', async (t) => {
    const { url } = await startTested(t);
    assert.equal((await request(t, url, '/health', { headers: { Origin: url } })).status, 200);
  });
});

describe('methods', () => {
  it('answers 405 with Allow for those that a path does not have', async (t) => {
    const { local } = await startTested(t);
    for (const [method, path, allow] of [
      ['POST', '/health', 'GET, HEAD, OPTIONS'],
      ['DELETE', '/v1/status', 'GET, HEAD, OPTIONS'],
      ['GET', '/v1/config/reload', 'POST, OPTIONS'],
      ['PATCH', '/v1/config/values/log.level', 'PUT, DELETE, OPTIONS'],
      ['TRACE', '/health', 'GET, HEAD, OPTIONS'],
    ] as const) {
      const answer = await request(t, local, path, { method });
      assert.equal(answer.status, 405, method);
      assert.equal(answer.headers.get('allow'), allow);
    }
  });

  it('refuses unknown ones, CONNECT and upgrades', async (t) => {
    const { local } = await startTested(t);
    assert.equal((await request(t, local, '/health', { method: 'BREW' })).status, 400);
    assert.equal(
      (await raw(t, local, 'CONNECT example.com:443 HTTP/1.1\r\nHost: localhost\r\n\r\n')).status,
      0,
    );
    const headers = { Connection: 'Upgrade', Upgrade: 'websocket' };
    assert.equal((await request(t, local, '/health', { headers })).status, 200);
  });

  it('answers OPTIONS with what there is, and HEAD like GET without a body', async (t) => {
    const { local } = await startTested(t);
    const options = await request(t, local, '/v1/config/values/log.level', { method: 'OPTIONS' });
    assert.equal(options.status, 204);
    assert.equal(options.headers.get('allow'), 'PUT, DELETE, OPTIONS');
    assert.ok(![...options.headers.keys()].some((name) => name.startsWith('access-control')));
    const [head, whole] = [
      await request(t, local, '/health', { method: 'HEAD' }),
      await request(t, local, '/health'),
    ];
    assert.equal(head.status, 200);
    assert.equal(head.body, '');
    assert.equal(head.headers.get('content-length'), whole.headers.get('content-length'));
  });
});

describe('bodies', () => {
  const PATH = '/v1/config/values/log.level';

  it('refuses one over 64 KiB before it is sent', async (t) => {
    const { local } = await startTested(t);
    const head = (more: string): string =>
      `PUT ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${more}\r\n`;
    // Not one octet of the body follows.
    assert.equal((await raw(t, local, head(`Content-Length: ${MAX_BODY + 1}\r\n`))).status, 413);
    const expecting = head(`Content-Length: ${MAX_BODY + 1}\r\nExpect: 100-continue\r\n`);
    assert.equal((await raw(t, local, expecting)).status, 413);
    assert.equal((await raw(t, local, head('Content-Length: 99999999999999999999\r\n'))).status, 400);
  });

  it('refuses chunks as soon as they are over 64 KiB', async (t) => {
    const { local } = await startTested(t);
    const socket = dial(t, local);
    socket.write(
      `PUT ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    const chunk = `4000\r\n${' '.repeat(0x4000)}\r\n`;
    socket.write(chunk.repeat(5));
    assert.equal((await answerOf(socket)).status, 413);
  });

  it('sends 100 Continue to who asks, and takes the body', async (t) => {
    const set: unknown[] = [];
    const control = {
      set: (...args: unknown[]) => {
        set.push(args);
        return Promise.resolve({ ok: true, version: 1, changes: [], applied: null, warnings: [] });
      },
    };
    const { local } = await startTested(t, '', { parts: { control: control as never } });
    const body = '{"value":"debug","for":"10m"}';
    const socket = dial(t, local);
    socket.write(
      `PUT ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nExpect: 100-continue\r\nUser-Agent: zeroth/1 (alice)\r\n\r\n`,
    );
    socket.write(body);
    assert.equal((await answerOf(socket)).status, 200);
    assert.deepEqual(set, [
      ['log.level', 'debug', { for: 600_000, by: { via: 'socket', who: 'zeroth/1 (alice)' } }],
    ]);
  });

  const wrong: readonly (readonly [
    what: string,
    status: number,
    headers: Record<string, string>,
    body: string,
  ])[] = [
    ['another content type', 415, { 'Content-Type': 'text/plain' }, '{"value":"x"}'],
    ['a form', 415, { 'Content-Type': 'application/x-www-form-urlencoded' }, 'value=x'],
    ['another charset', 415, { 'Content-Type': 'application/json; charset=latin1' }, '{"value":"x"}'],
    ['no JSON', 400, {}, '{"value":'],
    ['no UTF-8', 400, { 'Content-Length': '13' }, ''],
    ['a list', 400, {}, '[]'],
    ['null', 400, {}, 'null'],
    ['a missing member', 400, {}, '{}'],
    ['an unknown member', 400, {}, '{"value":"x","valeu":1}'],
    ['a prototype', 400, {}, '{"value":"x","__proto__":{"a":1}}'],
    ['a wrong type', 400, {}, '{"value":3}'],
    ['a text that is too long', 400, {}, JSON.stringify({ value: 'x'.repeat(5000) })],
    ['a time of no unit', 400, {}, '{"value":"x","for":"10"}'],
    ['a time of a thousand years', 400, {}, '{"value":"x","for":"365000d"}'],
  ];
  for (const [what, status, headers, body] of wrong) {
    it(`refuses ${what}`, async (t) => {
      const { local } = await startTested(t);
      if (what === 'no UTF-8') {
        const head = `PUT ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n`;
        const bytes = Buffer.concat([
          Buffer.from(`${head}{"value":"`),
          Buffer.from([0xc3]),
          Buffer.from('"}'),
        ]);
        assert.equal((await raw(t, local, bytes)).status, status);
        return;
      }
      const answer = await request(t, local, PATH, { method: 'PUT', headers, body });
      assert.equal(answer.status, status, answer.body);
      assert.equal(answer.json.error.code, 'ADMIN_REFUSED');
    });
  }

  it('refuses one where there is none', async (t) => {
    const { local } = await startTested(t);
    const answer = await request(t, local, '/v1/node', { body: '{"a":1}' });
    assert.equal(answer.status, 400);
  });
});

describe('a fault inside', () => {
  it('ends one answer, tells nothing, and stands in the log', async (t) => {
    const health = {
      report: () => {
        throw new Error('secret detail');
      },
    };
    const { local, lines } = await startTested(t, '', { parts: { health: health as never } });
    const answer = await request(t, local, '/health');
    assert.equal(answer.status, 500);
    assert.equal(answer.json.error.code, 'ADMIN_FAILED');
    assert.ok(!answer.body.includes('secret'));
    assert.equal(lines.filter(({ event }) => event === 'admin:failed').length, 1);
    assert.equal((await request(t, local, '/v1/node')).status, 200);
  });
});
