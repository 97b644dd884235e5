/**
 * What becomes of a request.
 *
 * Guarantees: it is looked at in this order, and nothing of it is used before: path, headers, token, Host, Origin,
 * operation, parameters, body; whoever may not is told nothing about the node; an error inside ends one answer and not
 * the node.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isLoopback } from '../config/endpoint.ts';
import type { Actor } from '../control/types.ts';
import { ZerothError } from '../errors.ts';
import type { Log } from '../log/log.ts';
import { respond, respondError } from './answer.ts';
import { readBody } from './body.ts';
import type { Entrance } from './endpoint.ts';
import { checkHeaders, checkHost, checkOrigin, checkTarget, refused } from './guard.ts';
import type { Access, AdminParts } from './operation.ts';
import { OPERATIONS } from './operations.ts';
import { parametersOf, route } from './router.ts';
import { check } from './schema.ts';
import type { Tokens } from './token.ts';
import { unauthorized } from './token.ts';

/** What a request has to pass. */
export interface Gate {
  readonly entrance: Entrance;
  readonly tokens: Tokens;
  /** Hosts by which this node is known. */
  readonly names: ReadonlySet<string>;
  readonly parts: AdminParts;
  readonly log: Log;
}

/** A request whose head is good. */
interface Checked {
  readonly authorized: boolean;
  readonly by: Actor;
  readonly headers: ReadonlyMap<string, string>;
}

export async function serve(request: IncomingMessage, response: ServerResponse, gate: Gate): Promise<void> {
  try {
    await answer(request, response, gate);
  } catch (error) {
    // Who asked is gone.
    if (request.socket.destroyed) return;
    if (!(error instanceof ZerothError)) {
      gate.log.event('admin:failed', { method: request.method, err: error });
    }
    respondError(request, response, error);
  }
}

async function answer(request: IncomingMessage, response: ServerResponse, gate: Gate): Promise<void> {
  const { segments, query } = checkTarget(request.url ?? '');
  const checked = await checkHead(request, gate);
  const found = route(OPERATIONS, request.method ?? '', segments);
  if (found.operation === null) {
    response.writeHead(204, { Allow: found.allow }).end();
    return;
  }
  const { operation, values } = found;
  const { authorized, by, headers } = checked;
  if (!may(operation.access, authorized, request, headers)) throw unauthorized('this needs the token');
  const parameters = parametersOf(operation, values, query);
  const body = (await readBody(request, response, headers)) ?? {};
  if (operation.request === null && Object.keys(body).length > 0)
    throw refused(400, 'there is no body for this');
  const problem = operation.request === null ? null : check(body, operation.request, 'body');
  if (problem !== null) throw refused(400, problem);
  const call = { parameters, body: body as Record<string, unknown>, authorized, by };
  await respond(request, response, await operation.handle(call, gate.parts));
}

async function checkHead(request: IncomingMessage, { entrance, tokens, names }: Gate): Promise<Checked> {
  const headers = checkHeaders(request.rawHeaders);
  const { remoteAddress } = request.socket;
  const remote = remoteAddress ?? 'local';
  const withToken = !entrance.local && (await tokens.check(headers.get('authorization'), remote));
  // Who has the token is no page of another site.
  if (!withToken) checkHost(headers.get('host'), names);
  checkOrigin(headers.get('origin'), headers.get('host'));
  const by: Actor = entrance.local
    ? { via: 'socket', who: agentOf(headers.get('user-agent')) }
    : { via: 'http', who: remote };
  return { authorized: entrance.local || withToken, by, headers };
}

function may(
  access: Access,
  authorized: boolean,
  { socket }: IncomingMessage,
  headers: ReadonlyMap<string, string>,
): boolean {
  if (authorized || access === 'everybody') return true;
  if (access !== 'metrics') return false;
  // What a proxy of this machine passes on comes from beyond it.
  const passedOn = headers.has('x-forwarded-for') || headers.has('forwarded') || headers.has('via');
  const address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  return !passedOn && isLoopback(address);
}

/** For the audit: what a command says of itself, as far as it is plain. */
function agentOf(text: string | undefined): string {
  return text !== undefined && /^[\w./@ ()+-]{1,100}$/.test(text) ? text : 'local socket';
}
