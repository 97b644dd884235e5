/** Samples of what passes. */
import { openTap } from '../../flow/tap.ts';
import type { Operation } from '../operation.ts';

export const TAPPING: readonly Operation[] = [
  {
    id: 'tap',
    method: 'GET',
    path: '/v1/tap/{name}',
    tag: 'streams',
    summary:
      'A sample of what passes a route or a stream, one JSON object a line, until the reader goes away',
    access: 'authorized',
    parameters: [
      {
        name: 'name',
        in: 'path',
        description: 'Of a route or a stream.',
        schema: { type: 'string', minLength: 1, maxLength: 255 },
      },
      {
        name: 'rate',
        in: 'query',
        description: 'Messages a second, at most; 100 if not given.',
        schema: { type: 'integer', minimum: 1, maximum: 10_000 },
      },
      {
        name: 'bytes',
        in: 'query',
        description: 'Octets of each message, at most; 4096 if not given.',
        schema: { type: 'integer', minimum: 1, maximum: 65_536 },
      },
      {
        name: 'match',
        in: 'query',
        description: 'Only messages whose first frame begins so.',
        schema: { type: 'string', minLength: 1, maxLength: 256 },
      },
    ],
    request: null,
    answers: { 200: { description: 'A message a line.', contentType: 'application/x-ndjson' } },
    handle: ({ parameters }, { node }) => {
      const { name, rate, bytes, match } = parameters;
      const tap = openTap(node, String(name), {
        ...(rate === undefined ? {} : { rate: Number(rate) }),
        ...(bytes === undefined ? {} : { bytes: Number(bytes) }),
        ...(match === undefined ? {} : { match: Buffer.from(String(match)) }),
      });
      return { type: 'lines', lines: tap, close: () => tap.close() };
    },
  },
];
