/** Operations on the configuration that runs. */
import { configValues } from '../../config/diff.ts';
import { parseDuration } from '../../config/units.ts';
import type { DiffReport, ReloadReport } from '../../control/types.ts';
import type { Answer, Operation, Parameter } from '../operation.ts';
import { ApiError, json } from '../operation.ts';
import { listOf, ref } from '../schemas.ts';
import { configurationView, iso, reloadView } from '../views.ts';

/** A year: longer is for good. */
const MAX_FOR = 366 * 86_400_000;

const CONFIG = { tag: 'config', access: 'authorized', parameters: [], request: null } as const;

const KEY: Parameter = {
  name: 'key',
  in: 'path',
  description: 'As in the file, with dots: routes.orders.timeout',
  schema: { type: 'string', minLength: 1, maxLength: 256 },
};

const APPLIED = {
  200: { description: 'What changed, and what the node did.', schema: ref('Reload') },
  422: { description: 'Refused: everything runs as before.', schema: ref('Error') },
};

function applied(report: ReloadReport): Answer {
  return report.ok ? json(reloadView(report)) : refusal(report);
}

function refusal({ code, message, problems }: (ReloadReport | DiffReport) & { readonly ok: false }): Answer {
  return json({ error: { code, message, problems } }, 422);
}

/** `10m`; null: for good. @throws ApiError */
function durationOf(value: unknown): number | null {
  if (value === undefined) return null;
  const parsed = parseDuration(String(value));
  if (parsed.ok && parsed.value > 0 && parsed.value <= MAX_FOR) return parsed.value;
  throw new ApiError(400, 'ADMIN_REFUSED', 'body.for is not a duration between 1ms and 366d', {
    hint: 'such as 30s, 10m or 2h',
  });
}

export const CONFIGURING: readonly Operation[] = [
  {
    ...CONFIG,
    id: 'config',
    method: 'GET',
    path: '/v1/config',
    summary: 'The configuration that runs, every key with its value, without secrets',
    answers: {
      200: {
        description: 'Where it is from, and its values.',
        schema: {
          type: 'object',
          properties: {
            config: ref('Configuration'),
            values: {
              type: 'array',
              items: {
                type: 'object',
                properties: {
                  key: { type: 'string' },
                  value: { type: 'string' },
                  reloadable: { type: 'boolean' },
                },
                required: ['key', 'value', 'reloadable'],
              },
            },
          },
          required: ['config', 'values'],
        },
      },
    },
    handle: (_call, { control }) =>
      json({
        config: configurationView(control.snapshot, control.sources()),
        values: configValues(control.snapshot.config),
      }),
  },
  {
    ...CONFIG,
    id: 'diff',
    method: 'GET',
    path: '/v1/config/diff',
    summary: 'What a reload would change',
    answers: {
      200: {
        description: 'The changes; none: a reload does nothing.',
        schema: { type: 'object', properties: { changes: listOf('Change') }, required: ['changes'] },
      },
      422: { description: 'What the file or the source has now would be refused.', schema: ref('Error') },
    },
    handle: async (_call, { control }) => {
      const report = await control.diff();
      return report.ok ? json({ changes: report.changes }) : refusal(report);
    },
  },
  {
    ...CONFIG,
    id: 'history',
    method: 'GET',
    path: '/v1/config/history',
    summary: 'Versions of the configuration, the newest last',
    answers: {
      200: {
        description: 'The versions.',
        schema: { type: 'object', properties: { versions: listOf('HistoryEntry') }, required: ['versions'] },
      },
    },
    handle: (_call, { control }) =>
      json({ versions: control.history().map(({ at, ...entry }) => ({ ...entry, at: iso(at) })) }),
  },
  {
    ...CONFIG,
    id: 'reload',
    method: 'POST',
    path: '/v1/config/reload',
    summary: 'Read the file and the source, and apply what they say, or nothing of it',
    answers: APPLIED,
    handle: async ({ by }, { control }) => applied(await control.reload(by)),
  },
  {
    ...CONFIG,
    id: 'rollback',
    method: 'POST',
    path: '/v1/config/rollback',
    summary: 'Go back to a version; without one, to that before the current one',
    request: {
      type: 'object',
      properties: { version: { type: 'integer', minimum: 1 } },
      additionalProperties: false,
    },
    answers: APPLIED,
    handle: async ({ body, by }, { control }) => {
      const { version } = body as { version?: number };
      return applied(await control.rollback(version ?? null, by));
    },
  },
  {
    ...CONFIG,
    id: 'set',
    method: 'PUT',
    path: '/v1/config/values/{key}',
    summary: 'Set one key, above the file, for a while or until it is unset',
    parameters: [KEY],
    request: {
      type: 'object',
      properties: {
        value: { type: 'string', maxLength: 4096, description: 'As it would stand in the file.' },
        for: { type: 'string', maxLength: 20, description: 'How long: 10m. Without it: until it is unset.' },
      },
      required: ['value'],
      additionalProperties: false,
    },
    answers: APPLIED,
    handle: async ({ parameters, body, by }, { control }) => {
      const time = durationOf(body.for);
      return applied(await control.set(String(parameters.key), String(body.value), { for: time, by }));
    },
  },
  {
    ...CONFIG,
    id: 'unset',
    method: 'DELETE',
    path: '/v1/config/values/{key}',
    summary: 'Take back what was set: the key has the value of the file again',
    parameters: [KEY],
    answers: APPLIED,
    handle: async ({ parameters, by }, { control }) =>
      applied(await control.unset(String(parameters.key), by)),
  },
];
