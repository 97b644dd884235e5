import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { ZmqError } from '../../../src/errors.ts';
import type { Connection } from '../../../src/transport/transport.ts';
import { connectPair, dial, OPTIONS, Recorder, Server, subjects } from './harness.ts';

const MIB = 1024 * 1024;
const LIMIT = { timeout: 20_000 };

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function sha256(chunks: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
}

for (const subject of subjects()) {
  describe(`connections over ${subject.name}`, { skip: subject.skip }, () => {
    it('are dialled and accepted, and know both ends', LIMIT, async () => {
      const server = new Server(subject.transport, subject.endpoint());
      assert.equal(server.listener.error, null);
      await server.listener.ready;
      let returned = false;
      const near = await new Promise<Connection>((resolve, reject) => {
        subject.transport.dial(server.endpoint, OPTIONS, (error, connection) => {
          assert.ok(returned, 'called from inside dial');
          if (connection === null) reject(error);
          else resolve(connection);
        });
        returned = true;
      });
      const far = await server.accept();
      assert.equal(near.remote, server.endpoint);
      assert.equal(far.local, server.endpoint);
      assert.equal(far.remote, near.local);
      assert.equal(near.keepsBuffers, subject.name === 'inproc');
      assert.equal(far.keepsBuffers, near.keepsBuffers);
      near.destroy();
      far.destroy();
      await server.close();
    });

    it('are complete when listen returns', LIMIT, async () => {
      const server = new Server(subject.transport, subject.endpoint());
      assert.notEqual(server.listener.endpoint, null);
      assert.doesNotMatch(server.endpoint, /\*|:0$/);
      await server.close();
    });

    it('carry bytes in order in both directions', LIMIT, async () => {
      await using pair = await connectPair(subject);
      pair.near.write([bytes('one ')]);
      pair.near.write([bytes('two '), bytes(''), bytes('three '), bytes('')]);
      pair.near.write([bytes('')]);
      pair.near.write([]);
      pair.near.write([bytes(''), bytes('four')]);
      pair.far.write([bytes('five '), bytes('six')]);
      await Promise.all([pair.farSide.received(18), pair.nearSide.received(8)]);
      assert.equal(pair.farSide.text, 'one two three four');
      assert.equal(pair.nearSide.text, 'five six');
      assert.ok(pair.farSide.chunks.every((chunk) => chunk.length > 0));
    });

    it('call nothing from inside write, pause, resume, end and destroy', LIMIT, async () => {
      await using pair = await connectPair(subject);
      const seen: string[] = [];
      let inside = false;
      const note = (what: string): void => {
        if (inside) seen.push(what);
      };
      for (const side of [pair.nearSide, pair.farSide]) {
        const { onData, onDrain, onClose } = side;
        side.onData = (chunk) => {
          note('data');
          onData.call(side, chunk);
        };
        side.onDrain = () => {
          note('drain');
          onDrain.call(side);
        };
        side.onClose = (error) => {
          note('close');
          onClose.call(side, error);
        };
      }
      inside = true;
      pair.near.write([bytes('x'), Buffer.alloc(8 * MIB)]);
      pair.far.pause();
      pair.far.resume();
      inside = false;
      await pair.farSide.received(8 * MIB + 1);
      inside = true;
      pair.near.end();
      pair.far.destroy();
      inside = false;
      await Promise.all([pair.nearSide.closed(), pair.farSide.closed()]);
      assert.deepEqual(seen, []);
    });

    it('move 16 MiB, with a drain after each write that returned false', LIMIT, async () => {
      await using pair = await connectPair(subject);
      const data = randomBytes(16 * MIB);
      let at = 0;
      let refused = 0;
      while (at < data.length) {
        // Odd sizes, several parts.
        const parts: Uint8Array[] = [];
        for (const size of [1, 65_537, 9, 40_000]) {
          parts.push(data.subarray(at, at + size));
          at += size;
        }
        const drains = pair.nearSide.drains;
        if (!pair.near.write(parts)) {
          refused++;
          await pair.nearSide.until(() => pair.nearSide.drains > drains);
        }
      }
      await pair.farSide.received(data.length);
      assert.equal(pair.farSide.bytes, data.length);
      assert.equal(sha256(pair.farSide.chunks), sha256([data]));
      assert.equal(pair.nearSide.drains, refused);
    });

    it('queue writes that come before the drain, and drain once all are gone', LIMIT, async () => {
      await using pair = await connectPair(subject);
      const data = randomBytes(16 * MIB);
      let taken = true;
      for (let at = 0; at < data.length; at += 1_000_000)
        taken = pair.near.write([data.subarray(at, at + 1_000_000)]);
      assert.equal(taken, false);
      await pair.nearSide.until(() => pair.nearSide.drains > 0);
      await pair.farSide.received(data.length);
      assert.equal(sha256(pair.farSide.chunks), sha256([data]));
      // What is written after the drain is one more round.
      const drains = pair.nearSide.drains;
      if (!pair.near.write([data])) await pair.nearSide.until(() => pair.nearSide.drains > drains);
      await pair.farSide.received(2 * data.length);
      assert.equal(pair.farSide.closes, 0);
    });

    it('hold up the writer while the reader is paused, with bounded memory', LIMIT, async () => {
      await using pair = await connectPair(subject);
      const size = 32 * MIB;
      pair.far.pause();
      pair.far.pause();
      assert.equal(pair.near.write([Buffer.alloc(size, 1)]), false);
      // A paused reader can write: a few round trips later nothing has arrived that it did not have room for.
      for (let i = 1; i <= 10; i++) {
        pair.far.write([bytes('x')]);
        await pair.nearSide.received(i);
      }
      assert.ok(pair.farSide.bytes <= MIB, `${pair.farSide.bytes} bytes came through a pause`);
      // A pipe may count as taken what the system holds for the reader (Wine does).
      if (!(process.platform === 'win32' && subject.name === 'ipc')) assert.equal(pair.nearSide.drains, 0);
      pair.far.resume();
      pair.far.resume();
      await pair.farSide.received(size);
      assert.equal(pair.farSide.bytes, size);
      await pair.nearSide.until(() => pair.nearSide.drains === 1);
    });

    it('can pause from inside onData, again and again', LIMIT, async () => {
      await using pair = await connectPair(subject);
      let paused = 0;
      pair.farSide.onChunk = () => {
        paused++;
        pair.far.pause();
        setImmediate(() => pair.far.resume());
      };
      const data = randomBytes(MIB);
      for (let at = 0; at < MIB; at += 65_536) pair.near.write([data.subarray(at, at + 65_536)]);
      await pair.farSide.received(MIB);
      assert.ok(paused > 1);
      assert.equal(sha256(pair.farSide.chunks), sha256([data]));
    });

    it('deliver nothing before start, and lose nothing', LIMIT, async () => {
      await using pair = await connectPair(subject, false);
      pair.near.start(pair.nearSide);
      pair.near.write([bytes('early')]);
      // The other direction works meanwhile.
      pair.far.write([bytes('x')]);
      await pair.nearSide.received(1);
      pair.far.start(pair.farSide);
      await pair.farSide.received(5);
      assert.equal(pair.farSide.text, 'early');
    });

    it('keep a pause from before start, until the resume', LIMIT, async () => {
      await using pair = await connectPair(subject, false);
      pair.near.start(pair.nearSide);
      pair.far.pause();
      pair.far.start(pair.farSide);
      pair.near.write([bytes('held')]);
      pair.far.write([bytes('x')]);
      await pair.nearSide.received(1);
      assert.equal(pair.farSide.bytes, 0);
      pair.far.resume();
      await pair.farSide.received(4);

      await using other = await connectPair(subject, false);
      other.near.start(other.nearSide);
      other.far.pause();
      other.far.resume();
      other.near.write([bytes('free')]);
      other.far.start(other.farSide);
      await other.farSide.received(4);
    });

    it('tell a handler that starts late about the end', LIMIT, async () => {
      await using pair = await connectPair(subject, false);
      pair.near.start(pair.nearSide);
      pair.far.destroy();
      await pair.nearSide.closed();
      pair.far.start(pair.farSide);
      assert.equal(pair.farSide.closes, 0);
      await pair.farSide.closed();
      assert.equal(pair.farSide.error, null);
    });

    it('end after everything that was written', LIMIT, async () => {
      await using pair = await connectPair(subject);
      const data = randomBytes(8 * MIB);
      pair.near.write([data]);
      pair.near.end();
      pair.near.end();
      assert.equal(pair.near.write([bytes('late')]), false);
      await Promise.all([pair.nearSide.closed(), pair.farSide.closed()]);
      assert.equal(sha256(pair.farSide.chunks), sha256([data]));
      assert.deepEqual([pair.nearSide.error, pair.farSide.error], [null, null]);
      assert.deepEqual([pair.nearSide.closes, pair.farSide.closes], [1, 1]);
    });

    it(
      'end without taking back what the peer has not read, though bytes of the peer lie unread',
      LIMIT,
      async () => {
        await using pair = await connectPair(subject);
        // Unread bytes on the side that ends would make its system send a reset. More of them than node reads ahead:
        pair.near.pause();
        pair.far.write([Buffer.alloc(4 * MIB, 1)]);
        const data = randomBytes(MIB / 2);
        pair.near.write([data]);
        pair.near.end();
        await Promise.all([pair.nearSide.closed(), pair.farSide.closed()]);
        assert.equal(sha256(pair.farSide.chunks), sha256([data]));
        assert.deepEqual([pair.nearSide.error, pair.farSide.error], [null, null]);
      },
    );

    it('end one side, and go on reading until the other ends too', LIMIT, async () => {
      await using pair = await connectPair(subject);
      const { near, far, nearSide, farSide } = pair;
      // More than the system takes at once, to a reader that does not read: it is still on the way when the end comes.
      near.pause();
      let written = 0;
      const part = randomBytes(MIB);
      while (far.write([part])) written += part.length;
      written += part.length;
      near.write([bytes('last')]);
      near.endWriting();
      near.endWriting();
      assert.equal(near.write([bytes('too late')]), false);
      await farSide.until(() => farSide.ends === 1);
      assert.equal(far.write([bytes('too late')]), false);
      assert.equal(farSide.text, 'last');
      assert.equal(nearSide.closes, 0);
      near.resume();
      await farSide.until(() => farSide.closes === 1);
      await nearSide.until(() => nearSide.closes === 1);
      assert.equal(nearSide.bytes, written);
      assert.equal(nearSide.ends, 0);
      // The Close of a WebSocket may be one more.
      assert.ok(farSide.drains === 1 || (subject.name === 'wss' && farSide.drains === 2));
      assert.equal(nearSide.error, null);
      assert.equal(farSide.error, null);
    });

    it('end both sides at once, each its own', LIMIT, async () => {
      await using pair = await connectPair(subject);
      const { near, far, nearSide, farSide } = pair;
      near.write([bytes('from near')]);
      far.write([bytes('from far')]);
      near.endWriting();
      far.endWriting();
      await nearSide.until(() => nearSide.closes === 1);
      await farSide.until(() => farSide.closes === 1);
      assert.equal(nearSide.text, 'from far');
      assert.equal(farSide.text, 'from near');
      assert.equal(nearSide.ends + farSide.ends, 0);
    });

    it('close on destroy, also after an end of one side', LIMIT, async () => {
      await using pair = await connectPair(subject);
      const { near, nearSide, farSide } = pair;
      near.endWriting();
      near.destroy();
      await nearSide.until(() => nearSide.closes === 1);
      await farSide.until(() => farSide.closes === 1);
      assert.equal(nearSide.closes, 1);
    });

    it('end for good after an end of one side', LIMIT, async () => {
      await using pair = await connectPair(subject);
      const { near, far, nearSide, farSide } = pair;
      // It does not read, and so it does not learn of the end.
      far.pause();
      near.write([bytes('last')]);
      near.endWriting();
      // Its end is behind it when the other one begins.
      await new Promise((resolve) => setImmediate(resolve));
      near.end();
      far.resume();
      await Promise.all([nearSide.closed(), farSide.closed()]);
      assert.equal(nearSide.error, null);
      assert.equal(farSide.text, 'last');
    });

    it(
      'end without taking back what a peer has not read that writes and is slow to read',
      LIMIT,
      async () => {
        await using pair = await connectPair(subject);
        const { near, far, farSide } = pair;
        far.pause();
        const data = randomBytes(MIB / 2);
        near.write([data]);
        near.end();
        // Longer than the process is held.
        await new Promise((resolve) => setTimeout(resolve, 1200));
        for (let i = 0; i < 5; i++) {
          far.write([bytes('still here')]);
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        far.resume();
        await farSide.closed();
        assert.equal(sha256(farSide.chunks), sha256([data]));
        assert.equal(farSide.error, null);
      },
    );

    it('carry what a paused side writes that has not heard of the end of the other', LIMIT, async () => {
      await using pair = await connectPair(subject);
      const { near, far, nearSide, farSide } = pair;
      far.pause();
      near.write([bytes('last')]);
      near.endWriting();
      for (let i = 1; i <= 10; i++) {
        far.write([bytes('x')]);
        await nearSide.received(i);
      }
      assert.equal(farSide.ends, 0);
      far.resume();
      await Promise.all([nearSide.closed(), farSide.closed()]);
      assert.equal(farSide.text, 'last');
    });

    it('tell one that reads nothing, and writes, of the end', LIMIT, async () => {
      await using pair = await connectPair(subject);
      const { near, far, nearSide, farSide } = pair;
      far.pause();
      near.write([bytes('unread')]);
      for (let i = 1; i <= 10; i++) {
        far.write([bytes('x')]);
        await nearSide.received(i);
      }
      near.destroy();
      while (farSide.closes === 0) {
        far.write([bytes('x')]);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      assert.equal(farSide.closes, 1);
    });

    it('end on both sides at once', LIMIT, async () => {
      await using pair = await connectPair(subject);
      pair.near.end();
      pair.far.end();
      await Promise.all([pair.nearSide.closed(), pair.farSide.closed()]);
      assert.deepEqual([pair.nearSide.error, pair.farSide.error], [null, null]);
    });

    it('close now on destroy, once, and deliver nothing after it', LIMIT, async () => {
      await using pair = await connectPair(subject);
      pair.near.write([Buffer.alloc(32 * MIB)]);
      pair.far.write([Buffer.alloc(32 * MIB)]);
      let received = -1;
      pair.nearSide.onChunk = () => {
        if (received >= 0) assert.fail('a chunk after destroy');
      };
      pair.near.destroy();
      received = pair.nearSide.bytes;
      const drains = pair.nearSide.drains;
      pair.near.destroy();
      assert.equal(pair.nearSide.closes, 0);
      assert.equal(pair.near.write([bytes('late')]), false);
      await Promise.all([pair.nearSide.closed(), pair.farSide.closed()]);
      pair.near.destroy();
      pair.near.end();
      pair.near.pause();
      pair.near.resume();
      // A full round over another connection: nothing else came.
      await using other = await connectPair(subject);
      other.near.write([bytes('x')]);
      await other.farSide.received(1);
      assert.equal(pair.nearSide.bytes, received);
      assert.equal(pair.nearSide.drains, drains);
      assert.deepEqual([pair.nearSide.closes, pair.farSide.closes], [1, 1]);
      assert.equal(pair.nearSide.error, null);
      assert.ok(pair.farSide.bytes < 32 * MIB);
    });

    it('may be destroyed from inside onData', LIMIT, async () => {
      await using pair = await connectPair(subject);
      pair.farSide.onChunk = () => pair.far.destroy();
      for (let i = 0; i < 10; i++) pair.near.write([Buffer.alloc(100_000)]);
      await Promise.all([pair.nearSide.closed(), pair.farSide.closed()]);
      assert.equal(pair.farSide.chunks.length, 1);
    });

    it('stay open when the listener closes, and the address is free at once', LIMIT, async () => {
      await using pair = await connectPair(subject, true, await subject.fixed());
      const endpoint = pair.server.endpoint;
      await Promise.all([pair.server.close(), pair.server.close()]);
      const again = new Server(subject.transport, endpoint);
      assert.equal(again.listener.error, null);
      await again.listener.ready;
      assert.equal(again.endpoint, endpoint);
      pair.near.write([bytes('still')]);
      await pair.farSide.received(5);
      const [near, far] = await Promise.all([dial(subject.transport, endpoint), again.accept()]);
      near.destroy();
      far.destroy();
      await again.close();
      assert.equal(pair.server.accepted, 1);
    });

    it('refuse an address in use, in the error and in ready', LIMIT, async () => {
      const server = new Server(subject.transport, subject.endpoint());
      const second = new Server(subject.transport, server.endpoint);
      const file = subject.name === 'ipc' && process.platform !== 'win32';
      // A path has to be asked first whether somebody is there.
      if (!file) assert.ok(second.listener.error instanceof ZmqError);
      await assert.rejects(second.listener.ready, (error) => {
        assert.ok(error instanceof ZmqError);
        assert.equal(error.code, 'EADDRINUSE');
        assert.equal(error.message, 'Address already in use');
        const transport = server.endpoint.slice(0, server.endpoint.indexOf(':'));
        assert.equal(`${transport}://${error.address}`, server.endpoint.replace(/(?<=\d)\/$/, ''));
        assert.equal(error, second.listener.error);
        return true;
      });
      assert.equal(second.listener.endpoint, null);
      await second.close();
      // The first one is unharmed.
      const [near, far] = await Promise.all([dial(subject.transport, server.endpoint), server.accept()]);
      near.destroy();
      far.destroy();
      await server.close();
    });

    it('say what a dial to nobody came to', LIMIT, async (t) => {
      if (subject.refused === null) return t.skip('the name may still be bound');
      const server = new Server(subject.transport, await subject.fixed());
      const { endpoint } = server;
      await server.close();
      await assert.rejects(dial(subject.transport, endpoint), (error) => {
        assert.ok(error instanceof ZmqError);
        assert.ok(subject.refused?.includes(error.code), error.code);
        assert.ok(endpoint.replace(/(?<=\d)\/$/, '').endsWith(error.address ?? '?'));
        return true;
      });
    });

    it('are not made when the dial is cancelled', LIMIT, async () => {
      const server = new Server(subject.transport, subject.endpoint());
      let called = 0;
      const cancel = subject.transport.dial(
        server.endpoint,
        { ...OPTIONS, connectTimeout: 60_000 },
        () => called++,
      );
      cancel();
      cancel();
      // Two more, one after the other: the first would have been done by then.
      for (let i = 0; i < 2; i++) (await dial(subject.transport, server.endpoint)).destroy();
      assert.equal(called, 0);
      await server.close();
    });

    it('leave nobody waiting when the listener closes before it was used', LIMIT, async () => {
      const server = new Server(subject.transport, subject.endpoint());
      const { endpoint } = server;
      await server.listener.ready;
      await server.close();
      assert.equal(server.endpoint, endpoint);
    });

    it('cope with 300 at once', LIMIT, async () => {
      const server = new Server(subject.transport, subject.endpoint(), { backlog: 1000 });
      const dials = Array.from({ length: 300 }, () => dial(subject.transport, server.endpoint));
      const near = await Promise.all(dials);
      const recorders = await Promise.all(
        near.map(async (connection, index) => {
          const recorder = new Recorder();
          connection.start(recorder);
          connection.write([bytes(String(index))]);
          const far = await server.accept();
          const echo = new Recorder();
          echo.onChunk = (chunk) => far.write([Uint8Array.from(chunk)]);
          far.start(echo);
          await recorder.received(1);
          return recorder;
        }),
      );
      for (const connection of near) connection.destroy();
      await Promise.all(recorders.map((recorder) => recorder.closed()));
      assert.equal(server.accepted, 300);
      assert.deepEqual(server.errors, []);
      await server.close();
    });
  });
}
