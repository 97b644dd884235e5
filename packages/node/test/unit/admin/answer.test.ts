import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { respond } from '../../../src/admin/answer.ts';

test('lines leave nobody listening, however often their reader is waited for', async (t) => {
  let listening = 0;
  let waits = 0;
  let closed = 0;
  const server = createServer((request, response) => {
    const write = response.write.bind(response);
    response.write = (text: string) => {
      listening = Math.max(listening, response.listenerCount('close'));
      const taken = write(text);
      if (!taken) waits++;
      return taken;
    };
    async function* lines(): AsyncGenerator<string> {
      for (let i = 0; i < 50; i++) yield 'x'.repeat(100_000);
    }
    void respond(request, response, { type: 'lines', lines: lines(), close: () => closed++ });
  });
  t.after(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const [answer] = (await once(get({ port, host: '127.0.0.1', agent: false }), 'response')) as [
    IncomingMessage,
  ];
  let octets = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) octets += chunk.length;
  assert.equal(octets, 50 * 100_003);
  assert.ok(waits > 20);
  assert.ok(listening < 10, `${listening} listeners`);
  assert.equal(closed, 1);
});
