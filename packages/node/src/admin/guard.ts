/**
 * Looks at the head of a request before anything else does: its path, its headers, where it claims to come from.
 *
 * Guarantees: pure; what passes has one Host that is ours, no foreign Origin, no header twice that may be there once, and
 * a path of plain segments, each decoded once, without dots, separators or control characters.
 */
import { isIP } from 'node:net';
import { ApiError } from './operation.ts';

const MAX_PATH = 1024;

export interface Target {
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
}

/** Headers that mean nothing good when they come twice. */
const ONCE = ['host', 'origin', 'authorization', 'content-length', 'content-type', 'transfer-encoding'];

/** The path and the query of a request line. @throws {@link ApiError} */
export function checkTarget(url: string): Target {
  if (url.length > MAX_PATH) throw refused(414, `the path is longer than ${MAX_PATH} characters`);
  const question = url.indexOf('?');
  const path = question === -1 ? url : url.slice(0, question);
  // Encoded dots, separators and percent signs are how one path is written to be read as another.
  if (
    !/^\/[\x21-\x7e]*$/.test(url) ||
    /[\\#]|\/\/|%(?![0-9a-f]{2})|%(?:2e|2f|5c|25|[01][0-9a-f]|7f)/i.test(path)
  )
    throw refused(400, 'the path is malformed');
  const segments = path.split('/').slice(1).map(decoded);
  if (segments.some((segment) => /^\.{1,2}$/.test(segment))) throw refused(400, 'the path is malformed');
  return { segments, query: new URLSearchParams(question === -1 ? '' : url.slice(question + 1)) };
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw refused(400, 'the path is malformed');
  }
}

/** `rawHeaders` of a request, by lower-case name. @throws {@link ApiError} */
export function checkHeaders(raw: readonly string[]): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (let at = 0; at < raw.length; at += 2) {
    const name = (raw[at] as string).toLowerCase();
    if (headers.has(name) && ONCE.includes(name)) throw refused(400, `the header ${name} stands there twice`);
    headers.set(name, raw[at + 1] as string);
  }
  if (headers.has('content-length') && headers.has('transfer-encoding'))
    throw refused(400, 'content-length and transfer-encoding exclude each other');
  const coding = headers.get('transfer-encoding');
  if (coding !== undefined && coding.toLowerCase() !== 'chunked')
    throw refused(400, 'the only transfer-encoding is chunked');
  if (headers.has('content-encoding')) throw refused(415, 'bodies are not compressed here');
  return headers;
}

/**
 * A page of another site that a browser shows can reach this port by a name of its own (DNS rebinding), but it can't
 * choose the Host header or send the token. @throws {@link ApiError}
 */
export function checkHost(host: string | undefined, names: ReadonlySet<string>): void {
  const name = host === undefined ? null : /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.exec(host)?.[1];
  if (name === null || name === undefined) throw refused(400, 'the Host header is missing or malformed');
  const bare = name.replace(/^\[|\]$/g, '').toLowerCase();
  if (isIP(bare) !== 0 || bare === 'localhost' || names.has(bare)) return;
  throw new ApiError(403, 'ADMIN_REFUSED', `this node is not known as ${bare}`, {
    hint: 'use its address, localhost, or a name that stands in admin.bind; or send the token',
  });
}

/** Pages of other sites are refused, and so is a page without a site. @throws {@link ApiError} */
export function checkOrigin(origin: string | undefined, host: string | undefined): void {
  if (origin === undefined || origin.toLowerCase() === `http://${host?.toLowerCase()}`) return;
  throw refused(403, 'requests from other origins are refused');
}

/** @throws {@link ApiError} */
export function checkContentType(type: string | undefined): void {
  if (type !== undefined && /^application\/json(?: *; *charset="?utf-8"?)?$/i.test(type)) return;
  throw refused(415, 'the body has to be application/json');
}

export function refused(status: number, message: string): ApiError {
  return new ApiError(status, 'ADMIN_REFUSED', message);
}
