/**
 * Reads the body of a request.
 *
 * Guarantees: at most {@link MAX_BODY} octets are held; one that says it is longer is refused before any of it is read.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { checkContentType, refused } from './guard.ts';

export const MAX_BODY: number = 64 * 1024;

/** The object of a JSON body; null: there is no body. @throws ApiError */
export async function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  headers: ReadonlyMap<string, string>,
): Promise<unknown> {
  const length = headers.get('content-length');
  if (length === undefined && !headers.has('transfer-encoding')) return null;
  if (length !== undefined && Number(length) > MAX_BODY) throw tooLarge();
  if (length === '0') return null;
  checkContentType(headers.get('content-type'));
  if (headers.get('expect')?.toLowerCase() === '100-continue') response.writeContinue();
  const chunks: Buffer[] = [];
  let size = 0;
  // The connection has to stay for the answer.
  const pieces: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false });
  for await (const chunk of pieces) {
    size += chunk.length;
    if (size > MAX_BODY) throw tooLarge();
    chunks.push(chunk);
  }
  if (size === 0) return null;
  const bytes = Buffer.concat(chunks);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch {
    throw refused(400, 'the body is not JSON');
  }
}

function tooLarge(): Error {
  return refused(413, `a body has at most ${MAX_BODY} octets`);
}
