/** Operations on the registry of services: instances tell how they are, again and again. */
import { parseDuration } from '../../config/units.ts';
import type { Instance } from '../../health/registry.ts';
import type { Operation, Parameter } from '../operation.ts';
import { ApiError, json } from '../operation.ts';
import { listOf, ref } from '../schemas.ts';
import { iso } from '../views.ts';

const text = (name: string, description: string): Parameter => ({
  name,
  in: 'path',
  description,
  schema: { type: 'string', minLength: 1, maxLength: 255 },
});

const NAMES: readonly Parameter[] = [
  text('service', 'What it does: billing'),
  text('instance', 'Which one: its host, or the routing id of its socket'),
];

const PATH = '/v1/services/{service}/{instance}';

type Verdict = Instance['status'];

export const SERVING: readonly Operation[] = [
  {
    id: 'services',
    method: 'GET',
    path: '/v1/services',
    tag: 'services',
    summary: 'Instances of services, and how they are',
    access: 'authorized',
    parameters: [],
    request: null,
    answers: {
      200: {
        description: 'The instances.',
        schema: { type: 'object', properties: { instances: listOf('Instance') }, required: ['instances'] },
      },
    },
    handle: (_call, { health }) => json({ instances: health.registry.list().map(view) }),
  },
  {
    id: 'register',
    method: 'PUT',
    path: PATH,
    tag: 'services',
    summary: 'Register an instance, or renew it: without a renewal within ttl it is unhealthy',
    access: 'authorized',
    parameters: NAMES,
    request: {
      type: 'object',
      properties: {
        ttl: { type: 'string', maxLength: 20, description: 'How long this is good for: 30s' },
        status: { type: 'string', enum: ['healthy', 'degraded', 'unhealthy'] },
        address: { type: 'string', maxLength: 1000 },
        note: { type: 'string', maxLength: 1000 },
      },
      required: ['ttl'],
      additionalProperties: false,
    },
    answers: { 200: { description: 'As it is registered now.', schema: ref('Instance') } },
    handle: ({ parameters, body }, { health }) => {
      const { ttl, ...told } = body as { ttl: string; status?: Verdict; address?: string; note?: string };
      const parsed = parseDuration(ttl);
      if (!parsed.ok)
        throw new ApiError(400, 'ADMIN_REFUSED', 'body.ttl is not a duration', { hint: 'such as 30s' });
      const { service, instance } = parameters;
      return json(
        view(health.registry.put(String(service), String(instance), { ttl: parsed.value, ...told })),
      );
    },
  },
  {
    id: 'deregister',
    method: 'DELETE',
    path: PATH,
    tag: 'services',
    summary: 'Forget an instance, which leaves in good order',
    access: 'authorized',
    parameters: NAMES,
    request: null,
    answers: {
      200: {
        description: 'It is forgotten.',
        schema: { type: 'object', properties: { removed: { type: 'boolean' } }, required: ['removed'] },
      },
    },
    handle: ({ parameters }, { health }) => {
      if (health.registry.remove(String(parameters.service), String(parameters.instance)))
        return json({ removed: true });
      throw new ApiError(404, 'ADMIN_NOT_FOUND', 'there is no such instance');
    },
  },
];

function view({ renewedAt, ...instance }: Instance): object {
  return { ...instance, renewedAt: iso(renewedAt) };
}
