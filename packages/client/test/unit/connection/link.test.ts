/** Over real sockets: the connection comes, goes, comes back, and leaves nothing behind. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connect } from '../../../src/client.ts';
import { ClientError } from '../../../src/errors.ts';
import { ModelNode } from '../../support/model-node.ts';
import { serve } from '../../support/serve-model.ts';

describe('over TCP', () => {
  it('publishes and consumes', async () => {
    const node = new ModelNode('telemetry');
    const served = await serve(node);
    const client = await connect(served.endpoint, { name: 'press-4' });
    const stream = client.stream('telemetry');
    const bodies = Array.from({ length: 1000 }, (_, i) => `body ${i}`);
    await Promise.all(bodies.map((body) => stream.publish(body, { key: 'k' })));
    const seen: string[] = [];
    for await (const record of stream.consume({ group: 'db', from: 'first' })) {
      seen.push(record.body.toString());
      record.ack();
      if (seen.length === bodies.length) break;
    }
    assert.deepEqual(seen, bodies);
    await client.close();
    // The node hears BYE.
    while (node.sessions.size > 0) await new Promise(setImmediate);
    await served.close();
  });

  it('takes bodies of any size up to the limit, and says which are over it', async () => {
    const node = new ModelNode('telemetry');
    const served = await serve(node);
    const client = await connect(served.endpoint, { name: 'press-4' });
    const stream = client.stream('telemetry');
    const sizes = [0, 1, 255, 256, 8192, 32_766, 32_767, 65_535, 65_536, 200_000, 1_000_000];
    await Promise.all(sizes.map((size) => stream.publish(Buffer.alloc(size, size & 255))));
    assert.deepEqual(
      node.bodies('telemetry').map((body) => body.length),
      sizes,
    );
    await assert.rejects(stream.publish(Buffer.alloc(1_048_576)), { code: 'ERR_RECORD_INVALID' });
    await client.close();
    await served.close();
  });

  it('names the endpoint and the last reason when there is no node', async () => {
    // The system gives this port to nobody.
    const endpoint = 'tcp://127.0.0.1:1';
    const options = { reconnect: { initial: 1, attempts: 2 } };
    const failure = await connect(endpoint, options).catch((error: unknown) => error);
    assert.ok(failure instanceof ClientError);
    assert.equal(failure.code, 'ERR_CONNECT');
    assert.ok(failure.message.includes(endpoint));
    assert.match(failure.message, /ECONNREFUSED/);
  });

  it('finds the node again, and the next endpoint of a list', async () => {
    const node = new ModelNode('telemetry');
    const gone = await serve(node);
    const other = await serve(node);
    const client = await connect([gone.endpoint, other.endpoint], { reconnect: { initial: 1, max: 10 } });
    assert.equal(client.state.type === 'connected' && client.state.endpoint, gone.endpoint);
    await gone.close();
    const { sequence } = await client.stream('telemetry').publish('a');
    assert.equal(sequence, 1);
    assert.equal(client.state.type === 'connected' && client.state.endpoint, other.endpoint);
    await client.close();
    await other.close();
  });

  it('refuses what is no endpoint', async () => {
    await assert.rejects(connect('tcp://nowhere'), { code: 'ERR_OPTION' });
    await assert.rejects(connect('http://127.0.0.1:5550'), { code: 'ERR_OPTION' });
    await assert.rejects(connect([]), { code: 'ERR_OPTION' });
  });
});
