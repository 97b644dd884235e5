/** However a sender parts from its peer, and however slow that is: what was sent to it arrives, in order and once. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import * as zmq from '../../src/index.ts';
import { LIMIT, turn, within } from '../support/deadline.ts';
import { payload } from '../support/payload.ts';
import { runs } from '../support/property.ts';
import { transports } from '../support/transports.ts';

const octets = payload(65_536, 11);
const server = zmq.curveKeyPair();
const client = zmq.curveKeyPair();
const CURVE = {
  server: { curveServer: true, curveSecretKey: server.secretKey },
  client: {
    curveServerKey: server.publicKey,
    curvePublicKey: client.publicKey,
    curveSecretKey: client.secretKey,
  },
};

const anyMark = fc.constantFrom(1, 2, 3, 1000);
const anyParting = fc.record({
  sizes: fc.array(fc.oneof(fc.nat(300), fc.constantFrom(8192, 65_536)), { minLength: 1, maxLength: 4 }),
  rounds: fc.array(fc.record({ count: fc.nat(60), way: fc.constantFrom('disconnect', 'close', 'drain') }), {
    minLength: 1,
    maxLength: 4,
  }),
  sendMark: anyMark,
  receiveMark: anyMark,
  /** What it says meanwhile is not read any more by who parts from it. */
  receiverPings: fc.boolean(),
  /** Messages between two pauses of the receiver. */
  take: fc.integer({ min: 1, max: 30 }),
});

describe('partings of a sender', { timeout: 120_000 }, () => {
  for (const { name, options, wire, endpoint } of transports) {
    for (const curve of wire ? [false, true] : [false]) {
      const security = curve ? CURVE : { server: {}, client: {} };
      const { seed, numRuns } = runs(5);
      it(`lose nothing over ${name}${curve ? ', CURVE' : ''}`, async () => {
        const property = fc.asyncProperty(anyParting, async (program) => {
          const { sizes, rounds, take } = program;
          const pull = new zmq.Dealer({
            ...options,
            ...security.server,
            receiveHighWaterMark: program.receiveMark,
            receiveTimeout: LIMIT,
            linger: 0,
            ...(program.receiverPings ? { heartbeatInterval: 2, heartbeatTimeout: 60_000 } : {}),
          });
          const opened: zmq.Dealer[] = [];
          const next = (): zmq.Dealer => {
            const push = new zmq.Dealer({
              ...options,
              ...security.client,
              sendHighWaterMark: program.sendMark,
            });
            opened.push(push);
            return push;
          };
          try {
            await pull.bind(endpoint());
            const to = pull.lastEndpoint!;
            const sending = (async () => {
              let push: zmq.Dealer | null = null;
              for (const [round, { count, way }] of rounds.entries()) {
                push ??= next();
                push.connect(to);
                // A peer that was never there is given up by a disconnect.
                while (way === 'disconnect' && push.peers().at(-1)?.state !== 'ready') await turn();
                for (let index = 0; index < count; index++)
                  await push.send([`${round} ${index}`, octets.subarray(0, sizes[index % sizes.length])]);
                if (way === 'disconnect') push.disconnect(to);
                else if (way === 'close') push.close();
                else assert.deepEqual(await push.drain({ timeout: -1 }), { undelivered: 0 });
                if (way !== 'disconnect') push = null;
              }
            })();
            // One connection after the other: those of different rounds may overtake each other.
            const seen = rounds.map(() => 0);
            const all = rounds.reduce((sum, { count }) => sum + count, 0);
            for (let got = 0; got < all; got++) {
              const [head, body] = await pull.receive();
              const [round, index] = String(head).split(' ').map(Number) as [number, number];
              assert.equal(index, seen[round]!++);
              assert.equal(body!.length, sizes[index % sizes.length]);
              if (got % take === 0) await turn();
            }
            await within(sending, 'the sender');
          } finally {
            for (const each of opened) if (!each.closed) each.linger = 0;
            for (const each of opened) each.close();
            pull.close();
          }
        });
        await fc.assert(property, { seed, numRuns, endOnFailure: true });
      });
    }
  }
});
