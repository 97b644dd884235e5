/** REQ and REP, RFC 28: the lockstep, the envelope, correlation. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as zmq from '../../src/index.ts';
import { text } from '../support/payload.ts';
import { bindTo, left, link, ready, scope } from '../support/scope.ts';
import { transports, wires } from '../support/transports.ts';

const EFSM = { code: 'EFSM', message: 'Operation cannot be accomplished in current state' };

for (const transport of transports) {
  describe(`REQ and REP over ${transport.name}`, { timeout: 30_000 }, () => {
    it('carries requests and replies, whichever side binds', async (t) => {
      const s = scope(t, transport);
      for (const repBinds of [true, false]) {
        const req = s.open(zmq.Request);
        const rep = s.open(zmq.Reply);
        await (repBinds ? link(transport, rep, req) : link(transport, req, rep));
        for (let index = 0; index < 50; index += 1) {
          await req.send(['question', '', String(index)]);
          assert.deepEqual(text(await rep.receive()), ['question', '', String(index)]);
          await rep.send(['', 'answer', String(index), '']);
          assert.deepEqual(text(await req.receive()), ['', 'answer', String(index), '']);
        }
      }
    });

    it('refuses steps out of turn with EFSM', async (t) => {
      const s = scope(t, transport);
      const req = s.open(zmq.Request, { sendTimeout: 0, receiveTimeout: 5 });
      const rep = s.open(zmq.Reply, { sendTimeout: 0, receiveTimeout: 5 });
      await link(transport, rep, req);
      await assert.rejects(req.receive(), EFSM);
      await assert.rejects(rep.send('no question yet'), EFSM);
      await req.send('question');
      assert.equal(req.writable, false);
      await assert.rejects(req.send('another'), EFSM);
      rep.receiveTimeout = 5000;
      assert.deepEqual(text(await rep.receive()), ['question']);
      rep.receiveTimeout = 5;
      await assert.rejects(rep.receive(), EFSM);
      await rep.send('answer');
      await assert.rejects(rep.send('twice'), EFSM);
      req.receiveTimeout = 5000;
      assert.deepEqual(text(await req.receive()), ['answer']);
      req.receiveTimeout = 5;
      await assert.rejects(req.receive(), EFSM);
      await req.send('next');
    });

    it('a REQ without a peer waits, and fails with EAGAIN when the time is up', async (t) => {
      const s = scope(t, transport);
      const req = s.open(zmq.Request, { sendTimeout: 5 });
      const rep = s.open(zmq.Reply);
      const endpoint = await bindTo(rep, transport);
      await assert.rejects(req.send('nobody'), { code: 'EAGAIN' });
      req.sendTimeout = -1;
      const sent = req.send('somebody');
      req.connect(endpoint);
      await sent;
      assert.deepEqual(text(await rep.receive()), ['somebody']);
    });

    it('asks each REP in turn', async (t) => {
      const s = scope(t, transport);
      const req = s.open(zmq.Request);
      const reps = [s.open(zmq.Reply), s.open(zmq.Reply), s.open(zmq.Reply)];
      await link(transport, req, ...reps);
      const answers = reps.map(async (rep, who) => {
        for (let index = 0; index < 4; index += 1) {
          await rep.receive();
          await rep.send(String(who));
        }
      });
      const order: string[] = [];
      for (let index = 0; index < 12; index += 1) {
        await req.send('who?');
        order.push(...text(await req.receive()));
      }
      await Promise.all(answers);
      assert.equal(new Set(order.slice(0, 3)).size, 3);
      assert.deepEqual(order.slice(3), order.slice(0, -3));
    });

    it('shows the envelope of a REQ to a ROUTER', async (t) => {
      const s = scope(t, transport);
      const req = s.open(zmq.Request);
      const router = s.open(zmq.Router);
      await link(transport, router, req);
      await req.send(['a', 'b']);
      const [id, delimiter, ...body] = await router.receive();
      assert.equal(id?.length, 5);
      assert.equal(id?.[0], 0);
      assert.equal(delimiter?.length, 0);
      assert.deepEqual(text(body), ['a', 'b']);
      await router.send([id as Buffer, '', 'c', 'd']);
      assert.deepEqual(text(await req.receive()), ['c', 'd']);
    });

    it('keeps the whole envelope in a REP and puts it back', async (t) => {
      const s = scope(t, transport);
      const dealer = s.open(zmq.Dealer);
      const rep = s.open(zmq.Reply);
      await link(transport, rep, dealer);
      await dealer.send(['', 'plain']);
      assert.deepEqual(text(await rep.receive()), ['plain']);
      await rep.send('re: plain');
      assert.deepEqual(text(await dealer.receive()), ['', 're: plain']);
      await dealer.send(['hop 2', 'hop 1', '', 'far', '', 'body']);
      assert.deepEqual(text(await rep.receive()), ['far', '', 'body']);
      await rep.send(['re: far']);
      assert.deepEqual(text(await dealer.receive()), ['hop 2', 'hop 1', '', 're: far']);
    });

    it('ignores a request without a delimiter', async (t) => {
      const s = scope(t, transport);
      const dealer = s.open(zmq.Dealer);
      const rep = s.open(zmq.Reply);
      await link(transport, rep, dealer);
      await dealer.send(['no', 'delimiter']);
      await dealer.send(['', 'good']);
      assert.deepEqual(text(await rep.receive()), ['good']);
    });

    it('answers the one that asked', async (t) => {
      const s = scope(t, transport);
      const rep = s.open(zmq.Reply);
      const reqs = [s.open(zmq.Request), s.open(zmq.Request), s.open(zmq.Request)];
      await link(transport, rep, ...reqs);
      for (const [index, req] of reqs.entries()) await req.send(`from ${index}`);
      for (let count = 0; count < reqs.length; count += 1) await rep.send(['re', ...(await rep.receive())]);
      for (const [index, req] of reqs.entries()) {
        assert.deepEqual(text(await req.receive()), ['re', `from ${index}`]);
      }
    });

    it('takes a reply only from the peer that was asked', async (t) => {
      const s = scope(t, transport);
      const req = s.open(zmq.Request, { routingId: 'asker' });
      const routers = [
        s.open(zmq.Router, { mandatory: true }),
        s.open(zmq.Router, { mandatory: true }),
      ] as const;
      for (const router of routers) req.connect(await bindTo(router, transport));
      await Promise.all([ready(req, transport, 2), ...routers.map((router) => ready(router, transport))]);
      // Asked in turn: the first request tells who is who.
      await req.send('first');
      const asked = await Promise.race(routers.map((router) => router.receive().then(() => router)));
      const other = asked === routers[0] ? routers[1] : routers[0];
      await other.send(['asker', '', 'not mine to answer']);
      await asked.send(['asker', '', 'right']);
      assert.deepEqual(text(await req.receive()), ['right']);
    });

    it('correlates: a number before the delimiter, and only the matching reply', async (t) => {
      const s = scope(t, transport);
      const req = s.open(zmq.Request, { correlate: true });
      const router = s.open(zmq.Router);
      await link(transport, router, req);
      await req.send('one');
      const [id, first, delimiter, ...body] = await router.receive();
      assert.equal(first?.length, 4);
      assert.equal(delimiter?.length, 0);
      assert.deepEqual(text(body), ['one']);
      const wrong = Buffer.from(first as Buffer);
      wrong[0] = (wrong[0] as number) ^ 0x55;
      await router.send([id as Buffer, wrong, '', 'wrong number']);
      await router.send([id as Buffer, first as Buffer, '', 'right number']);
      assert.deepEqual(text(await req.receive()), ['right number']);
      await req.send('two');
      const [, second] = await router.receive();
      assert.notDeepEqual(second, first);
    });

    it('passes a correlated request through a REP', async (t) => {
      const s = scope(t, transport);
      const req = s.open(zmq.Request, { correlate: true });
      const rep = s.open(zmq.Reply);
      await link(transport, rep, req);
      for (let index = 0; index < 5; index += 1) {
        await req.send(String(index));
        await rep.send(['re', ...(await rep.receive())]);
        assert.deepEqual(text(await req.receive()), ['re', String(index)]);
      }
    });

    it('relaxed: asks again without an answer, and the late answer is not taken', async (t) => {
      const s = scope(t, transport);
      const req = s.open(zmq.Request, { relaxed: true, correlate: true });
      const router = s.open(zmq.Router);
      await link(transport, router, req);
      await req.send('first');
      const first = await router.receive();
      await req.send('second');
      const second = await router.receive();
      assert.deepEqual(text(second.slice(3)), ['second']);
      await router.send([...first.slice(0, 3), 'late']);
      await router.send([...second.slice(0, 3), 'in time']);
      assert.deepEqual(text(await req.receive()), ['in time']);
    });
  });
}

for (const transport of wires) {
  describe(`REQ and REP over ${transport.name}, peers that go`, { timeout: 30_000 }, () => {
    it('drops a reply whose asker is gone, and goes on', async (t) => {
      const s = scope(t, transport);
      const rep = s.open(zmq.Reply);
      const [goes, stays] = [s.open(zmq.Request), s.open(zmq.Request)];
      const endpoint = await link(transport, rep, goes);
      await goes.send('and goodbye');
      await rep.receive();
      goes.close();
      await left(rep, transport, 0);
      await rep.send('to nobody');
      stays.connect(endpoint);
      await stays.send('hello');
      assert.deepEqual(text(await rep.receive()), ['hello']);
      await rep.send('hello yourself');
      assert.deepEqual(text(await stays.receive()), ['hello yourself']);
    });
  });
}
