/** The table of all operations: routing, checks and docs/openapi.json come from it. */
import { openApi } from './openapi.ts';
import type { Operation } from './operation.ts';
import { json } from './operation.ts';
import { CONFIGURING } from './operations/config.ts';
import { LOOKING } from './operations/look.ts';
import { SERVING } from './operations/services.ts';
import { STREAMING } from './operations/streams.ts';
import { TAPPING } from './operations/tap.ts';

const DESCRIBING: Operation = {
  id: 'openapi',
  method: 'GET',
  path: '/openapi.json',
  tag: 'health',
  summary: 'This description of the API',
  access: 'everybody',
  parameters: [],
  request: null,
  answers: { 200: { description: 'OpenAPI 3.1.', schema: { type: 'object', additionalProperties: true } } },
  handle: (_call, { version }) => json(openApi(OPERATIONS, version)),
};

export const OPERATIONS: readonly Operation[] = [
  ...LOOKING,
  DESCRIBING,
  ...CONFIGURING,
  ...STREAMING,
  ...TAPPING,
  ...SERVING,
];
