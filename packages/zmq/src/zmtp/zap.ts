/**
 * ZAP, the question whether a client is let in and its answer, as frames (RFC 27, Message Format). Pure: who is asked, and
 * how, is the business of others. Every length of an answer is checked; nothing of it keeps the memory that it came in.
 */

import { ZmqError } from '../errors.ts';
import type { Credentials, Verdict } from './mechanism/mechanism.ts';
import { EMPTY_METADATA, type Metadata, parseMetadata } from './metadata.ts';

/** Where the handler is bound, within the context of the sockets that ask it. */
export const ZAP_ENDPOINT = 'inproc://zeromq.zap.01';

/** RFC 27, Message Format: all strings are at most 255 characters. */
export const ZAP_STRING_MAX = 255;
/** What the metadata of an answer may take, in octets. */
export const ZAP_METADATA_MAX = 16_384;
/** What a whole answer may take; an over-long one must not be collected before it is refused. */
export const ZAP_REPLY_MAX: number = ZAP_METADATA_MAX + 4 * ZAP_STRING_MAX;

const VERSION = '1.0';
/** An answer: delimiter, version, request id, status code, status text, user id, metadata. */
const REPLY_FRAMES = 7;

/** What the handler is told. */
export interface ZapQuestion {
  /** The option `zapDomain`; empty when it is not set. */
  readonly domain: string;
  /** The client's IP address; empty where there is none (ipc). */
  readonly address: string;
  /** As libzmq: the routing id of the socket that asks. */
  readonly identity: Uint8Array;
  readonly credentials: Credentials;
}

/** What the handler said, beside its words for a person. */
export interface ZapAnswer {
  readonly verdict: Verdict;
  readonly text: string;
}

/** The frames of a request, delimiter included. */
export function zapRequest(id: string, question: ZapQuestion): Uint8Array[] {
  const { domain, address, identity, credentials } = question;
  const strings = [VERSION, id, domain, address];
  return [
    Buffer.alloc(0),
    ...strings.map((text) => Buffer.from(text)),
    identity,
    Buffer.from(credentials.mechanism),
    ...credentials.frames,
  ];
}

/** The answer in the frames of a reply, delimiter included. Throws ERR_ZAP_* for what is none to request `id`. */
export function parseZapReply(frames: readonly Uint8Array[], id: string): ZapAnswer {
  if (frames.length !== REPLY_FRAMES || frames[0]!.length !== 0) {
    const detail = `a reply of ${frames.length} frames; it has ${REPLY_FRAMES}, the first of them empty`;
    throw new ZmqError('ERR_ZAP_MALFORMED_REPLY', { detail });
  }
  const [, version, requestId, status, text, userId, metadata] = frames as Uint8Array[];
  if (read(version!) !== VERSION) {
    throw new ZmqError('ERR_ZAP_BAD_VERSION', {
      detail: `the handler answered in another version than ${VERSION}`,
    });
  }
  if (read(requestId!) !== id) {
    throw new ZmqError('ERR_ZAP_BAD_REQUEST_ID', {
      detail:
        'the handler answered with another request id than it was asked with: send back the one that came',
    });
  }
  const code = /^[2-5]00$/.test(read(status!)) ? Number(read(status!)) : 0;
  return zapAnswer(code, read(text!), read(userId!), () => {
    if (metadata!.length === 0) return EMPTY_METADATA;
    if (metadata!.length > ZAP_METADATA_MAX) throw invalidMetadata(`${metadata!.length} octets`);
    return parseMetadata(Buffer.from(metadata!));
  });
}

/** An answer, checked. `metadata` may throw. */
export function zapAnswer(status: number, text: string, userId: string, metadata: () => Metadata): ZapAnswer {
  if (status !== 200 && status !== 300 && status !== 400 && status !== 500) {
    throw new ZmqError('ERR_ZAP_INVALID_STATUS_CODE', { detail: 'the status is 200, 300, 400 or 500' });
  }
  for (const [name, value] of [
    ['status text', text],
    ['user id', userId],
  ] as const) {
    if (Buffer.byteLength(value) <= ZAP_STRING_MAX) continue;
    const detail = `a ${name} of ${Buffer.byteLength(value)} octets; at most ${ZAP_STRING_MAX}`;
    throw new ZmqError('ERR_ZAP_MALFORMED_REPLY', { detail });
  }
  let properties: Metadata;
  try {
    properties = metadata();
  } catch (error) {
    if (error instanceof ZmqError && error.code === 'ERR_ZAP_INVALID_METADATA') throw error;
    throw invalidMetadata(error instanceof ZmqError ? (error.detail ?? '') : 'it can not be read');
  }
  // Of somebody who is not let in nothing is kept.
  const verdict: Verdict =
    status === 200
      ? { status, userId, metadata: properties }
      : { status, userId: '', metadata: EMPTY_METADATA };
  return { verdict, text };
}

function invalidMetadata(what: string): ZmqError {
  return new ZmqError('ERR_ZAP_INVALID_METADATA', { detail: `the handler's metadata: ${what}` });
}

function read(frame: Uint8Array): string {
  return Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength).toString();
}
