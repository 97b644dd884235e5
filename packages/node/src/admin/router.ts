/**
 * Finds the operation of a request.
 *
 * Guarantees: a path fits one operation of each method at most (a test holds this); parameters come back checked.
 */
import { refused } from './guard.ts';
import type { Operation } from './operation.ts';
import { ApiError } from './operation.ts';
import { check } from './schema.ts';

export type Found =
  | { readonly operation: Operation; readonly values: Readonly<Record<string, string>> }
  /** What to answer to OPTIONS. */
  | { readonly operation: null; readonly allow: string };

/** @throws {@link ApiError} 404, 405. */
export function route(operations: readonly Operation[], method: string, segments: readonly string[]): Found {
  const allowed: string[] = [];
  // HEAD is GET without the body, which node leaves out.
  const wanted = method === 'HEAD' ? 'GET' : method;
  for (const operation of operations) {
    const values = match(operation.path, segments);
    if (values === null) continue;
    if (operation.method === wanted) return { operation, values };
    allowed.push(operation.method, ...(operation.method === 'GET' ? ['HEAD'] : []));
  }
  if (allowed.length === 0)
    throw new ApiError(404, 'ADMIN_NOT_FOUND', 'there is nothing at this path', {
      hint: '/openapi.json lists what there is',
    });
  const allow = [...allowed, 'OPTIONS'].join(', ');
  if (method === 'OPTIONS') return { operation: null, allow };
  throw new ApiError(405, 'ADMIN_REFUSED', `${method} is not for this path: ${allow}`, {
    headers: { Allow: allow },
  });
}

function match(template: string, segments: readonly string[]): Record<string, string> | null {
  const parts = template.split('/').slice(1);
  if (parts.length !== segments.length) return null;
  const values: Record<string, string> = {};
  for (const [at, part] of parts.entries()) {
    const segment = segments[at] as string;
    if (part.startsWith('{')) values[part.slice(1, -1)] = segment;
    else if (part !== segment) return null;
  }
  return values;
}

/** Values of path and query as the table has them. @throws {@link ApiError} 400. */
export function parametersOf(
  { parameters }: Operation,
  values: Readonly<Record<string, string>>,
  query: URLSearchParams,
): Record<string, string | number> {
  const checked: Record<string, string | number> = {};
  for (const name of new Set(query.keys())) {
    if (!parameters.some((parameter) => parameter.in === 'query' && parameter.name === name))
      throw refused(400, 'an unknown parameter stands in the query');
    if (query.getAll(name).length > 1) throw refused(400, `the parameter ${name} stands there twice`);
  }
  for (const { name, in: place, schema } of parameters) {
    const text = place === 'path' ? values[name] : (query.get(name) ?? undefined);
    if (text === undefined) continue;
    const value = schema.type === 'integer' && /^\d{1,16}$/.test(text) ? Number(text) : text;
    const problem = check(value, schema, name);
    if (problem !== null) throw refused(400, problem);
    checked[name] = value;
  }
  return checked;
}
