/** Operations on streams and on what passes. */
import { parseDuration } from '../../config/units.ts';
import { ZerothError } from '../../errors.ts';
import type { Stream } from '../../store/store.ts';
import type { AdminParts, Answer, Call, Operation, Parameter } from '../operation.ts';
import { ApiError, json } from '../operation.ts';

const NAME: Parameter = {
  name: 'name',
  in: 'path',
  description: 'Of the stream.',
  schema: { type: 'string', minLength: 1, maxLength: 128 },
};

export const STREAMING: readonly Operation[] = [
  {
    id: 'purge',
    method: 'POST',
    path: '/v1/streams/{name}/purge',
    tag: 'streams',
    summary: 'Remove the oldest records of a stream, by whole segments, or the place of a reader',
    access: 'authorized',
    parameters: [NAME],
    request: {
      type: 'object',
      properties: {
        before: {
          type: 'string',
          minLength: 1,
          maxLength: 40,
          description: 'all, a sequence, a time (ISO 8601), or how long ago: 7d',
        },
        reader: { type: 'string', minLength: 1, maxLength: 256, description: 'This place, and no records.' },
      },
      additionalProperties: false,
    },
    answers: {
      200: {
        description: 'What is left.',
        schema: {
          type: 'object',
          properties: {
            stream: { type: 'string' },
            records: { type: 'integer', description: 'Removed.' },
            bytes: { type: 'integer', description: 'Removed.' },
            first: { type: 'integer' },
            next: { type: 'integer' },
          },
          required: ['stream', 'records', 'bytes', 'first', 'next'],
        },
      },
    },
    handle: purge,
  },
];

async function purge({ parameters, body }: Call, parts: AdminParts): Promise<Answer> {
  const { before, reader } = body as { before?: string; reader?: string };
  if ((before === undefined) === (reader === undefined))
    throw new ApiError(400, 'ADMIN_REFUSED', 'body has to have before or reader, and not both');
  const stream = streamOf(parts, String(parameters.name));
  const bytes = stream.stats.bytes;
  const { first } = stream;
  if (before !== undefined) await stream.purge(await sequenceOf(stream, before));
  else await forget(parts, stream, reader as string);
  return json({
    stream: stream.name,
    records: stream.first - first,
    bytes: Math.max(0, bytes - stream.stats.bytes),
    first: stream.first,
    next: stream.committed,
  });
}

function streamOf({ node }: AdminParts, name: string): Stream {
  const stream = node.streams().find((one) => one.name === name);
  if (stream !== undefined) return stream;
  throw new ZerothError('STREAM_UNKNOWN', 'the node has no stream of that name open');
}

async function sequenceOf(stream: Stream, text: string): Promise<number> {
  if (text === 'all') return stream.committed;
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  const ago = parseDuration(text);
  if (ago.ok) return stream.find(Math.max(0, Date.now() - ago.value));
  const time = /^\d{4}-\d\d-\d\dT[\d:.]{5,18}(?:Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return stream.find(time);
  throw new ApiError(400, 'ADMIN_REFUSED', 'body.before is not all, a sequence, a time or a duration');
}

async function forget({ node }: AdminParts, stream: Stream, reader: string): Promise<void> {
  if (!stream.places.names().includes(reader))
    throw new ApiError(404, 'ADMIN_NOT_FOUND', `stream ${stream.name} has no reader of that name`);
  const group = node
    .sessionStatus()
    ?.groups.find((one) => one.stream === stream.name && one.group === reader);
  const route = node.status().some((one) => one.name === stream.name && one.stream !== null);
  // Whoever has a hold of the place would write it again.
  if ((group?.consumers ?? 0) > 0)
    throw new ApiError(409, 'ADMIN_REFUSED', 'consumers of that group are connected: stop them first');
  if (route && group === undefined)
    throw new ApiError(409, 'ADMIN_REFUSED', 'this is the place of the route itself, which runs');
  stream.places.remove(reader);
  await stream.places.settle(reader);
}
