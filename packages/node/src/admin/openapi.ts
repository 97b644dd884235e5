/**
 * The description of the API (OpenAPI 3.1), from the table of operations.
 *
 * Guarantees: docs/openapi.json is what this makes (a test holds this).
 */
import type { Access, Operation } from './operation.ts';
import { ref, SCHEMAS } from './schemas.ts';

const REFUSALS = {
  400: 'The request is malformed.',
  401: 'It needs the token.',
  403: 'Another origin, or a name that is not that of this node.',
  404: 'There is no such thing.',
  409: 'It can not be done now.',
  413: 'The body is too large.',
  415: 'The body is not application/json.',
  429: 'Too many wrong tokens from this address.',
  500: 'A fault of the node; its log says why.',
} as const;

const WHO: Readonly<Record<Access, string>> = {
  everybody: 'For everybody.',
  metrics: 'For everybody on this machine; from beyond it, with the token.',
  authorized: 'Over the local socket, or with the token.',
};

const DESCRIPTION = `The control API of a Zeroth node: health, metrics, configuration, streams.

It is served over a local socket (a named pipe on Windows) that only the user of the node can open, and over the endpoints
of \`admin.bind\`, where everything but health, metrics and this document needs a bearer token. Durations are milliseconds
(\`…Ms\`), times ISO 8601. Objects may get more members.`;

export function openApi(operations: readonly Operation[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of operations) {
    paths[operation.path] ??= {};
    (paths[operation.path] as Record<string, object>)[operation.method.toLowerCase()] = described(operation);
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Zeroth', version, description: DESCRIPTION, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [
      { url: 'http://127.0.0.1:5580', description: 'The endpoint of the embedded default configuration' },
    ],
    tags: ['health', 'node', 'config', 'streams', 'services'].map((name) => ({ name })),
    paths,
    components: {
      schemas: SCHEMAS,
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      responses: Object.fromEntries(
        Object.entries(REFUSALS).map(([status, description]) => [
          `Refused${status}`,
          { description, content: { 'application/json': { schema: ref('Error') } } },
        ]),
      ),
    },
  };
}

function described(operation: Operation): object {
  const { id, tag, summary, access, parameters, request, answers, method } = operation;
  const found = Object.fromEntries(
    Object.entries(answers).map(([status, { description, schema, contentType }]) => [
      status,
      {
        description,
        content: { [contentType ?? 'application/json']: { schema: schema ?? { type: 'string' } } },
      },
    ]),
  );
  const statuses = [
    400,
    ...(access === 'everybody' ? [] : [401, 429]),
    403,
    ...(parameters.some((one) => one.in === 'path') ? [404] : []),
    ...(method === 'GET' ? [] : [409, 413, 415]),
    500,
  ];
  const refusals = statuses
    .filter((status) => !(status in answers))
    .sort((a, b) => a - b)
    .map((status) => [String(status), { $ref: `#/components/responses/Refused${status}` }]);
  return {
    operationId: id,
    tags: [tag],
    summary,
    description: WHO[access],
    security: access === 'everybody' ? [] : [{ token: [] }],
    ...(parameters.length === 0
      ? {}
      : {
          parameters: parameters.map(({ name, in: place, description, schema }) => ({
            name,
            in: place,
            required: place === 'path',
            description,
            schema,
          })),
        }),
    ...(request === null
      ? {}
      : {
          requestBody: {
            required: (request.required ?? []).length > 0,
            content: { 'application/json': { schema: request } },
          },
        }),
    responses: { ...found, ...Object.fromEntries(refusals) },
  };
}
