/** What the tools say when nobody is there, the peer is the wrong one, or it takes no more. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import * as zmq from 'zeromq';
import { cli } from '../support/cli.ts';
import * as lib from '../support/libzmq.ts';
import { unusedEndpoint } from '../support/port.ts';

describe('zeroth push', () => {
  it('gives up with exit code 5 when nobody takes a message', async () => {
    const endpoint = await unusedEndpoint();
    const { code, stderr } = await cli(['push', endpoint, 'x', '-t', '1s']);
    assert.equal(code, 5);
    const why = `cannot reach ${endpoint}: connection refused`;
    // Once, although it tries again several times.
    assert.equal(
      stderr,
      `${why}; trying again\nerror [TIMEOUT] no peer took the message within 1 s: ${why}\n  -> is it running there?\n`,
    );
  });

  it('fails with exit code 5 when the peer cuts the message off', async (t) => {
    const pull = lib.closing(t, new zmq.Pull({ maxMessageSize: 1000 }));
    const endpoint = await lib.bindFree(pull);
    const { code, stderr } = await cli(['push', endpoint, '-f', '-'], { input: Buffer.alloc(64_000_000) });
    assert.equal(code, 5, stderr);
    assert.match(
      stderr,
      new RegExp(
        `^error \\[TIMEOUT\\] 1 message was lost: ${endpoint} closed .*\\n {2}-> .*maxMessageSize`,
        'm',
      ),
    );
  });

  it('names the line of standard input that it cannot read', async (t) => {
    const pull = lib.pullSocket(t);
    const input = '["a"]\n\n["b"]\nnope\n';
    const { code, stderr } = await cli(['push', await lib.bindFree(pull), '--json'], { input });
    assert.equal(code, 2);
    const { error } = JSON.parse(stderr) as { error: { code: string; message: string } };
    assert.equal(error.code, 'INPUT_INVALID');
    assert.equal(error.message, 'line 4 of standard input: not JSON: nope');
  });
});

describe('zeroth pull', () => {
  it('tells once that a peer has the wrong socket type, and gives it as the cause', async (t) => {
    // Says that it is a PUB, and leaves the refusing to the tool.
    const greeting = Buffer.alloc(64);
    greeting.set([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1]);
    greeting.write('NULL', 12);
    const ready = Buffer.from('\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03PUB', 'latin1');
    const server = createServer((socket) =>
      socket
        .on('error', () => {})
        .resume()
        .write(Buffer.concat([greeting, ready])),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const { code, stderr } = await cli(['pull', `tcp://127.0.0.1:${port}`, '-t', '1s']);
    assert.equal(code, 5);
    const [refused, error, hint, ...rest] = stderr.split('\n');
    assert.match(
      refused as string,
      /^refused tcp:\/\/127\.0\.0\.1:\d+: .*\(ERR_ZMTP_SOCKET_TYPE\); wrong port\?$/,
    );
    assert.match(
      error as string,
      /^error \[TIMEOUT\] nothing arrived for 1 s: refused tcp:.*PUB connected to a PULL/,
    );
    assert.equal(hint, '  -> wrong port?');
    assert.deepEqual(rest, ['']);
  });
});
