/** Operations that look: health, metrics, the description of the API, and what runs. */
import type { Answer, Operation } from '../operation.ts';
import { json } from '../operation.ts';
import { listOf, ref } from '../schemas.ts';
import { censusView, nodeView, peerView, routeViews, statusView, streamViews } from '../views.ts';

/** Peers in one answer. */
const MAX_PEERS = 10_000;

const LOOK = { method: 'GET', parameters: [], request: null } as const;

function health(
  id: string,
  path: string,
  summary: string,
  good: (report: { status: string; live: boolean; ready: boolean }) => boolean,
): Operation {
  return {
    ...LOOK,
    id,
    path,
    tag: 'health',
    summary,
    access: 'everybody',
    answers: {
      200: { description: 'It is.', schema: ref('Health') },
      503: { description: 'It is not.', schema: ref('Health') },
    },
    handle: ({ authorized }, { health: source, details }) => {
      const report = source.report();
      const all = details === 'always' || (details === 'authorized' && authorized);
      return json(all ? report : { status: report.status }, good(report) ? 200 : 503);
    },
  };
}

function view(id: string, path: string, summary: string, name: string, of: string): Operation {
  return {
    ...LOOK,
    id,
    path,
    tag: 'node',
    summary,
    access: 'authorized',
    answers: {
      200: {
        description: summary,
        schema: { type: 'object', properties: { [name]: listOf(of) }, required: [name] },
      },
    },
    handle: (_call, parts) => json({ [name]: name === 'routes' ? routeViews(parts) : streamViews(parts) }),
  };
}

export const LOOKING: readonly Operation[] = [
  health(
    'health',
    '/health',
    'The node does its work, well (up) or not (degraded)',
    (report) => report.status !== 'down',
  ),
  health('live', '/health/live', 'The process turns: if not, start it anew', (report) => report.live),
  health(
    'ready',
    '/health/ready',
    'It takes and forwards: if not, send it no work',
    (report) => report.ready,
  ),
  {
    ...LOOK,
    id: 'metrics',
    path: '/metrics',
    tag: 'health',
    summary: 'Metrics in the text format of Prometheus',
    access: 'metrics',
    answers: { 200: { description: 'The metrics.', contentType: 'text/plain' } },
    handle: async (_call, { metrics }): Promise<Answer> => {
      const { contentType, text } = await metrics();
      return { type: 'text', contentType, body: text };
    },
  },
  {
    ...LOOK,
    id: 'status',
    path: '/v1/status',
    tag: 'node',
    summary: 'All there is to know of the node at one glance',
    access: 'authorized',
    answers: { 200: { description: 'The status.', schema: ref('Status') } },
    handle: (_call, parts) => json(statusView(parts)),
  },
  {
    ...LOOK,
    id: 'node',
    path: '/v1/node',
    tag: 'node',
    summary: 'Which node this is',
    access: 'authorized',
    answers: { 200: { description: 'The node.', schema: ref('Node') } },
    handle: (_call, parts) => json(nodeView(parts)),
  },
  {
    ...LOOK,
    id: 'census',
    path: '/v1/census',
    tag: 'node',
    summary:
      'What the process has open, when the node was ready (handles: when it was first asked) and now: what grows and stays leaks',
    access: 'authorized',
    parameters: [
      {
        name: 'heap',
        in: 'query',
        description:
          'Counts all timers in memory as well: stops the node for a tenth of a second or more. The first such census is its base.',
        schema: { type: 'string', enum: ['true', 'false'] },
      },
    ],
    answers: {
      200: { description: 'The census. The connection that asks for it counts.', schema: ref('Census') },
    },
    handle: ({ parameters }, { census }) => json(censusView(census({ heap: parameters.heap === 'true' }))),
  },
  view('routes', '/v1/routes', 'Routes with their counters', 'routes', 'Route'),
  view('streams', '/v1/streams', 'Streams and their groups', 'streams', 'Stream'),
  {
    ...LOOK,
    id: 'peers',
    path: '/v1/peers',
    tag: 'node',
    summary: 'Peers and how they are',
    access: 'authorized',
    parameters: [
      {
        name: 'route',
        in: 'query',
        description: 'Those of this route.',
        schema: { type: 'string', minLength: 1, maxLength: 64 },
      },
      {
        name: 'limit',
        in: 'query',
        description: 'So many at most; default 1000.',
        schema: { type: 'integer', minimum: 1, maximum: MAX_PEERS },
      },
    ],
    answers: {
      200: {
        description: 'The peers, and how many there are.',
        schema: {
          type: 'object',
          properties: { peers: listOf('Peer'), total: { type: 'integer' } },
          required: ['peers', 'total'],
        },
      },
    },
    handle: ({ parameters }, { health: source }) => {
      const { route, limit = 1000 } = parameters;
      const all = source.peers().filter((peer) => route === undefined || peer.route === route);
      return json({ peers: all.slice(0, Number(limit)).map(peerView), total: all.length });
    },
  },
];
