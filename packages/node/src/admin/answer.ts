/**
 * Writes answers.
 *
 * Guarantees: what is left of a refused body is never kept, and its connection ends soon; a reader that is slow holds up what is made for it, and not the node's memory; nothing is cached or embedded by a browser.
 */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ZerothError } from '../errors.ts';
import type { Answer } from './operation.ts';
import { ApiError } from './operation.ts';

const HEADERS = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Content-Security-Policy': "default-src 'none'",
} as const;

/** Milliseconds. */
const LINGER = 500;

export async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
): Promise<void> {
  if (answer.type === 'lines') return await respondLines(request, response, answer);
  const json = answer.type === 'json';
  const text = json ? `${JSON.stringify(answer.body)}\n` : answer.body;
  const contentType = json ? 'application/json; charset=utf-8' : answer.contentType;
  write(request, response, { status: json ? answer.status : 200, contentType, text });
}

export function respondError(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const { status, headers } = error instanceof ApiError ? error : { status: statusOf(error), headers: {} };
  const { hint, problems } = (error ?? {}) as { hint?: string | null; problems?: readonly unknown[] };
  const ours = error instanceof ZerothError;
  const body = {
    error: {
      code: ours ? error.code : 'ADMIN_FAILED',
      // What is unexpected stands in the log, and not in an answer.
      message: ours ? error.message : 'the node could not answer; its log says why',
      ...(ours && typeof hint === 'string' ? { hint } : {}),
      ...(ours && Array.isArray(problems) ? { problems } : {}),
    },
  };
  const text = `${JSON.stringify(body)}\n`;
  write(request, response, { status, contentType: 'application/json; charset=utf-8', text, headers });
}

function statusOf(error: unknown): number {
  if (!(error instanceof ZerothError)) return 500;
  switch (error.code) {
    case 'STREAM_UNKNOWN':
      return 404;
    case 'SERVICE_INVALID':
      return 400;
    default:
      return 409;
  }
}

function write(
  request: IncomingMessage,
  response: ServerResponse,
  {
    status,
    contentType,
    text,
    headers = {},
  }: { status: number; contentType: string; text: string; headers?: Readonly<Record<string, string>> },
): void {
  const body = Buffer.from(text);
  response.writeHead(status, {
    ...HEADERS,
    ...headers,
    'Content-Type': contentType,
    'Content-Length': body.length,
  });
  response.end(body);
  if (!request.complete) forgetRest(request);
}

/** What is left of a body is thrown away: closing at once would take the answer away from who still sends. */
function forgetRest(request: IncomingMessage): void {
  const timer = setTimeout(() => request.socket.destroy(), LINGER);
  timer.unref();
  const done = (): void => clearTimeout(timer);
  request.once('end', done).once('close', done).resume();
}

async function respondLines(
  request: IncomingMessage,
  response: ServerResponse,
  { lines, close }: Answer & { readonly type: 'lines' },
): Promise<void> {
  // Nothing may pass for hours.
  request.socket.setTimeout(0);
  const gone = new AbortController();
  gone.signal.addEventListener('abort', close, { once: true });
  response.once('close', () => gone.abort());
  response.writeHead(200, { ...HEADERS, 'Content-Type': 'application/x-ndjson' });
  try {
    if (request.method === 'HEAD') return;
    response.flushHeaders();
    for await (const line of lines) {
      if (response.destroyed) return;
      // Nothing is left listening, whoever waits for a slow reader a thousand times.
      if (!response.write(`${JSON.stringify(line)}\n`))
        await once(response, 'drain', { signal: gone.signal }).catch(() => {});
    }
  } finally {
    gone.abort();
    if (!response.destroyed) response.end();
  }
}
