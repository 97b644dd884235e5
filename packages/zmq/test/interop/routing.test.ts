/** Routing ids, envelopes and numbers of requests between ours and libzmq. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { watch } from '../support/events.ts';
import { assignments, type LooseSocket } from '../support/libs.ts';
import { text } from '../support/payload.ts';
import { bindTo, link, scope } from '../support/scope.ts';
import { basicWires } from '../support/transports.ts';

/** zeromq.js gives up a receive with EAGAIN at once when what had arrived was a reply that the REQ had to skip. */
async function answer(req: LooseSocket): Promise<string[]> {
  for (let tries = 0; ; tries += 1) {
    try {
      return text(await req.receive());
    } catch (error) {
      if ((error as { code?: string }).code !== 'EAGAIN' || tries === 10) throw error;
    }
  }
}

for (const transport of basicWires) {
  for (const [first, second] of assignments) {
    const title = `a ROUTER of ${first.name} and peers of ${second.name} over ${transport.name}`;
    describe(title, { timeout: 30_000 }, () => {
      it('knows a chosen id before the peer has spoken, and makes one up otherwise', async (t) => {
        const s = scope(t, transport);
        const router = s.open(first.sockets.Router, { mandatory: true });
        const named = s.open(second.sockets.Dealer, { routingId: 'grün' });
        const nameless = s.open(second.sockets.Dealer);
        await link(transport, router, named, nameless);
        await router.send(['grün', 'hello']);
        assert.deepEqual(text(await named.receive()), ['hello']);
        await nameless.send('who am I?');
        const [id, question] = (await router.receive()) as [Buffer, Buffer];
        assert.equal(id.length, 5);
        assert.equal(id[0], 0);
        assert.equal(question.toString(), 'who am I?');
        await router.send([id, 'you are you']);
        assert.deepEqual(text(await nameless.receive()), ['you are you']);
        await assert.rejects(router.send(['blau', 'nobody']), { code: 'EHOSTUNREACH' });
      });

      it('an id of 255 octets', async (t) => {
        const s = scope(t, transport);
        const router = s.open(first.sockets.Router, { mandatory: true });
        const routingId = 'x'.repeat(255);
        const dealer = s.open(second.sockets.Dealer, { routingId });
        await link(transport, router, dealer);
        await router.send([routingId, 'long name']);
        assert.deepEqual(text(await dealer.receive()), ['long name']);
      });

      it('handover', async (t) => {
        const s = scope(t, transport);
        const router = s.open(first.sockets.Router, { handover: true });
        const [one, two] = [1, 2].map(() => s.open(second.sockets.Dealer, { routingId: 'same' }));
        assert.ok(one !== undefined && two !== undefined);
        const endpoint = await link(transport, router, one);
        await one.send('1');
        assert.deepEqual(text(await router.receive()), ['same', '1']);
        two.connect(endpoint);
        await two.send('2');
        assert.deepEqual(text(await router.receive()), ['same', '2']);
        await router.send(['same', 'for two']);
        assert.deepEqual(text(await two.receive()), ['for two']);
      });

      it('a duplicate id without handover is not read', async (t) => {
        const s = scope(t, transport);
        const router = s.open(first.sockets.Router);
        const [one, two] = [1, 2].map(() => s.open(second.sockets.Dealer, { routingId: 'same' }));
        assert.ok(one !== undefined && two !== undefined);
        const endpoint = await link(transport, router, one);
        const log = watch(two);
        two.connect(endpoint);
        await log.next('handshake');
        await two.send('not read');
        await one.send('read');
        assert.deepEqual(text(await router.receive()), ['same', 'read']);
        await router.send(['same', 'for one']);
        assert.deepEqual(text(await one.receive()), ['for one']);
      });

      it('probeRouter', async (t) => {
        const s = scope(t, transport);
        const router = s.open(first.sockets.Router);
        const dealer = s.open(second.sockets.Dealer, { routingId: 'probe', probeRouter: true });
        dealer.connect(await bindTo(router, transport));
        assert.deepEqual(text(await router.receive()), ['probe', '']);
      });

      it('two ROUTERs, one with the name it was given by connect', async (t) => {
        const s = scope(t, transport);
        const near = s.open(first.sockets.Router, { routingId: 'near', mandatory: true });
        const far = s.open(second.sockets.Router, { routingId: 'far', mandatory: true });
        await link(transport, near, far);
        await far.send(['near', 'ping']);
        assert.deepEqual(text(await near.receive()), ['far', 'ping']);
        await near.send(['far', 'pong']);
        assert.deepEqual(text(await far.receive()), ['near', 'pong']);
        const other = s.open(second.sockets.Router, { routingId: 'other', mandatory: true });
        const endpoint = await bindTo(other, transport);
        near.connect(endpoint, { routingId: 'as I call it' });
        await near.send(['as I call it', 'ping']);
        assert.deepEqual(text(await other.receive()), ['near', 'ping']);
        await other.send(['near', 'pong']);
        assert.deepEqual(text(await near.receive()), ['as I call it', 'pong']);
      });

      it('the request of a REQ, plain and correlated', async (t) => {
        const s = scope(t, transport);
        const router = s.open(first.sockets.Router);
        const plain = s.open(second.sockets.Request);
        const numbered = s.open(second.sockets.Request, { correlate: true, routingId: 'numbered' });
        const endpoint = await link(transport, router, plain);
        await plain.send(['a', '', 'b']);
        const request = await router.receive();
        assert.deepEqual(text(request.slice(1)), ['', 'a', '', 'b']);
        await router.send([...request.slice(0, 2), 'answer']);
        assert.deepEqual(text(await plain.receive()), ['answer']);
        numbered.connect(endpoint);
        const numbers = new Set<string>();
        for (let round = 0; round < 3; round += 1) {
          await numbered.send('hi');
          const [id, number, delimiter, body, ...rest] = (await router.receive()) as Buffer[];
          assert.equal(String(id), 'numbered');
          assert.equal(number?.length, 4);
          assert.equal(delimiter?.length, 0);
          assert.equal(String(body), 'hi');
          assert.equal(rest.length, 0);
          numbers.add((number as Buffer).toString('hex'));
          const wrong = Buffer.from(number as Buffer).reverse();
          wrong[3] = (wrong[3] as number) ^ 1;
          wrong[0] = (wrong[0] as number) ^ 1;
          await router.send([id as Buffer, wrong, '', 'wrong']);
          await router.send([id as Buffer, number as Buffer, '', `right ${round}`]);
          assert.deepEqual(await answer(numbered), [`right ${round}`]);
        }
        assert.equal(numbers.size, 3);
      });

      it('a correlated and relaxed REQ with a REP', async (t) => {
        const s = scope(t, transport);
        const rep = s.open(first.sockets.Reply);
        const req = s.open(second.sockets.Request, { correlate: true, relaxed: true });
        await link(transport, rep, req);
        await req.send('unanswered');
        await req.send('answered');
        assert.deepEqual(text(await rep.receive()), ['unanswered']);
        await rep.send('too late');
        assert.deepEqual(text(await rep.receive()), ['answered']);
        await rep.send('in time');
        assert.deepEqual(await answer(req), ['in time']);
      });

      it('a device: REQ of one, ROUTER and DEALER of the other, REP of one', async (t) => {
        const s = scope(t, transport);
        const [router, dealer] = [s.open(first.sockets.Router), s.open(first.sockets.Dealer)];
        const reqs = [s.open(second.sockets.Request), s.open(second.sockets.Request)];
        const rep = s.open(second.sockets.Reply);
        await link(transport, router, ...reqs);
        await link(transport, dealer, rep);
        for (const [index, req] of reqs.entries()) await req.send(['from', String(index)]);
        for (let count = 0; count < 2; count += 1) {
          await dealer.send(await router.receive());
          await rep.send(['re', ...(await rep.receive())]);
          await router.send(await dealer.receive());
        }
        for (const [index, req] of reqs.entries()) {
          assert.deepEqual(text(await req.receive()), ['re', 'from', String(index)]);
        }
      });

      it('many requests in flight come back to who asked', async (t) => {
        const s = scope(t, transport);
        const router = s.open(first.sockets.Router);
        const dealers = Array.from({ length: 5 }, () => s.open(second.sockets.Dealer));
        await link(transport, router, ...dealers);
        const COUNT = 200;
        const echo = (async () => {
          for (let count = 0; count < COUNT * dealers.length; count += 1)
            await router.send(await router.receive());
        })();
        await Promise.all(
          dealers.map(async (dealer, who) => {
            for (let index = 0; index < COUNT; index += 1) await dealer.send([String(who), String(index)]);
            for (let index = 0; index < COUNT; index += 1) {
              assert.deepEqual(text(await dealer.receive()), [String(who), String(index)]);
            }
          }),
        );
        await echo;
      });
    });
  }
}
