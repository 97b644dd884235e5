/** Whatever is sent, however, and however its receiver stops and goes on: it arrives, in order and once, and nothing stalls. */
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { LIMIT } from '../support/deadline.ts';
import { anyProgram, play } from '../support/progress.ts';
import { runs } from '../support/property.ts';
import { transports } from '../support/transports.ts';

const BUDGET = { octets: 500_000, time: 200 };

let kinds = 0;

describe('programs of two sockets', { timeout: 120_000 }, () => {
  for (const { name } of transports) {
    for (const mechanism of name === 'inproc' ? (['NULL'] as const) : (['NULL', 'PLAIN', 'CURVE'] as const)) {
      // Others for each.
      const { seed, numRuns } = runs(12);
      const parameters = { seed: seed + ++kinds, numRuns, endOnFailure: true };
      it(`come to their end over ${name}, ${mechanism}`, async () => {
        const property = fc.asyncProperty(anyProgram(BUDGET), (program) =>
          play({ ...program, transport: name, mechanism }, LIMIT),
        );
        // Each run that stalls takes its time: the first is shown as it is.
        await fc.assert(property, parameters);
      });
    }
  }
});
