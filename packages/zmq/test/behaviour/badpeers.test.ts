/** Strangers that keep still, never read, or come in great number: limits hold, and nobody else pays for it. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import * as zmq from '../../src/index.ts';
import { until } from '../support/deadline.ts';
import { watch } from '../support/events.ts';
import { payload, text } from '../support/payload.ts';
import { command, greeting, RawPeer, RawServer, ready } from '../support/rawpeer.ts';
import { bindTo, link, ready as peersReady, scope } from '../support/scope.ts';
import { tcp } from '../support/transports.ts';
import { victim } from '../support/victim.ts';

const NULL_READY = ready({ socketType: 'PUSH' });

describe('strangers that keep still', { timeout: 60_000 }, () => {
  for (const [what, bytes] of [
    ['says nothing', Buffer.alloc(0)],
    ['sends half a greeting', greeting().subarray(0, 32)],
    ['sends a greeting and nothing else', greeting()],
    ['sends half a READY', Buffer.concat([greeting(), NULL_READY.subarray(0, 10)])],
  ] as const) {
    it(`a peer that ${what} is given up after handshakeInterval`, async (t) => {
      const v = await victim(t, { handshakeInterval: 100 });
      const peer = await v.stranger();
      peer.write(bytes);
      const { error } = await v.log.next('peer:refused');
      assert.equal(error?.code, 'ERR_ZMTP_HANDSHAKE_TIMEOUT');
      await peer.gone();
      await v.healthy();
    });
  }

  it('a server that never greets is given up by the one that connects, and tried again', async (t) => {
    const s = scope(t, tcp);
    const server = s.use(await RawServer.listen());
    const push = s.open(zmq.Push, { handshakeInterval: 50, reconnectInterval: 5 });
    const log = watch(push);
    push.connect(server.endpoint);
    assert.equal((await log.next('peer:refused')).error?.code, 'ERR_ZMTP_HANDSHAKE_TIMEOUT');
    await server.accept();
    push.handshakeInterval = 10_000;
    // One more may have been begun with the short time.
    const greeted = async (): Promise<RawPeer> => {
      const again = await server.accept();
      return again.handshake({ socketType: 'PULL' }).then(() => again, greeted);
    };
    const again = await greeted();
    await push.send('at last');
    assert.deepEqual(text(await again.readMessage()), ['at last']);
  });

  it('a stranger that goes on sending after it was refused is cut off', async (t) => {
    const v = await victim(t);
    const peer = scope(t).use(await RawPeer.connect(v.endpoint, { allowHalfOpen: true }));
    peer.write(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    // Its own side stays open: it must not keep the connection alive, or delay the event.
    assert.equal((await v.log.next('peer:refused', 3000)).error?.code, 'ERR_ZMTP_GREETING');
    let closed = false;
    peer.socket.on('close', () => {
      closed = true;
    });
    await until(() => {
      peer.write(Buffer.alloc(1000));
      return closed;
    }, 'the connection to be closed');
    await v.healthy();
  });

  it('a peer that leaves during the handshake is told of', async (t) => {
    const v = await victim(t);
    const peer = await v.stranger();
    peer.write(greeting().subarray(0, 20));
    await peer.read(10);
    peer.socket.end();
    const { error } = await v.log.next('peer:refused');
    assert.ok(error instanceof zmq.ZmqError);
    await v.healthy();
  });

  it('a subscriber that never reads costs no more than its mark', async (t) => {
    const s = scope(t, tcp);
    const pub = s.open(zmq.XPublisher, { sendHighWaterMark: 100, verbosity: 'allSubs' });
    const healthy = s.open(zmq.Subscriber);
    healthy.subscribe('');
    const endpoint = await link(tcp, pub, healthy);
    await pub.receive();
    const stalled = s.use(await RawPeer.connect(endpoint));
    await stalled.handshake({ socketType: 'SUB', minor: 1 });
    stalled.socket.pause();
    stalled.write(command('SUBSCRIBE'));
    await pub.receive();
    const body = payload(10_000);
    // In step with the healthy one, so that what is dropped is the stalled one's.
    for (let index = 0; index < 3000; index += 1) {
      await pub.send([String(index), body]);
      if (index % 50 === 49) {
        for (let number = index - 49; number <= index; number += 1) {
          assert.equal((await healthy.receive())[0]?.toString(), String(number));
        }
      }
    }
    const info = pub.peers().find((peer) => peer.messagesOut < 3000);
    assert.ok(info !== undefined);
    assert.ok(info.queuedOut <= 101, `${info.queuedOut} messages wait`);
    assert.ok(info.dropped > 500, `${info.dropped} dropped`);
    assert.equal(info.dropped + info.messagesOut + info.queuedOut, 3000);
    assert.equal(pub.stats.dropped, info.dropped);
  });

  it('a consumer that never reads makes its producer wait at the mark', async (t) => {
    const s = scope(t, tcp);
    const push = s.open(zmq.Push, { sendHighWaterMark: 100, sendTimeout: 0 });
    const stalled = s.use(await RawPeer.connect(await bindTo(push, tcp)));
    await stalled.handshake({ socketType: 'PULL' });
    stalled.socket.pause();
    await peersReady(push, tcp);
    const body = payload(10_000);
    let sent = 0;
    await until(() => {
      while (push.trySend(body)) sent += 1;
      const [info] = push.peers();
      return (info?.queuedOut ?? 0) >= 100;
    }, 'the mark');
    assert.ok(push.stats.queuedOut <= 101);
    assert.ok(sent < 5000, `${sent} messages were taken`);
    await assert.rejects(push.send(body), { code: 'EAGAIN' });
  });
});

describe('strangers in great number', { timeout: 60_000 }, () => {
  it('2,000 connections that come and go leave nothing behind', async (t) => {
    const v = await victim(t);
    const port = Number(new URL(v.endpoint.replace('tcp:', 'http:')).port);
    let next = 0;
    const one = (): Promise<void> =>
      new Promise((resolve) => {
        const socket = connect(port, '127.0.0.1');
        const mode = next % 4;
        socket.on('error', () => undefined);
        socket.on('close', () => resolve());
        socket.on('connect', () => {
          if (mode === 0) socket.destroy();
          else if (mode === 1) socket.resetAndDestroy();
          else if (mode === 2) socket.end(greeting());
          else socket.end('garbage');
        });
        socket.resume();
      });
    const worker = async (): Promise<void> => {
      while (next < 2000) {
        next += 1;
        await one();
      }
    };
    await Promise.all(Array.from({ length: 20 }, worker));
    await until(() => v.pull.peers().length === 1, 'only the healthy peer to be left', {
      seen: () => v.pull.peers().length,
    });
    await v.healthy();
    assert.equal(v.pull.stats.peers, 1);
  });
});
