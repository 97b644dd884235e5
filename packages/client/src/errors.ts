/**
 * Every error that `@zeroth/client` throws, rejects with or reports as a state is a {@link ClientError}: one class, a
 * literal `code` each. docs/errors.md has a heading for each code.
 */

/** All codes, for tests and documentation. */
export const CLIENT_ERROR_CODES = [
  'ERR_OPTION',
  'ERR_CONNECT',
  'ERR_CONNECTION_LOST',
  'ERR_CLOSED',
  'ERR_REPLACED',
  'ERR_PROTOCOL',
  'ERR_PROTOCOL_VERSION',
  'ERR_TOO_MANY_SESSIONS',
  'ERR_BUSY',
  'ERR_TIMEOUT',
  'ERR_RECORD_INVALID',
  'ERR_STREAM_UNKNOWN',
  'ERR_STREAM_FAILED',
  'ERR_REFUSED',
  'ERR_GROUP_MISMATCH',
  'ERR_TOO_MANY_CONSUMERS',
  'ERR_REQUEST_INVALID',
  'ERR_CONSUMER_ENDED',
  'ERR_CODEC_MISSING',
  'ERR_ENCODE',
  'ERR_DECODE',
  'ERR_SCHEMA',
] as const;

/** A literal error code of this package. */
export type ClientErrorCode = (typeof CLIENT_ERROR_CODES)[number];

/** What a {@link ClientError} may carry beside its code. */
export interface ClientErrorDetails {
  /** The stream concerned. */
  readonly stream?: string;
  /** The endpoint concerned. */
  readonly endpoint?: string;
  /** Where in the bytes that were decoded it is. */
  readonly offset?: number;
  /** The error underneath. */
  readonly cause?: unknown;
}

/** The one error class of this package. Compare `code`, never the message. */
export class ClientError extends Error {
  /** Literal code, see docs/errors.md. */
  readonly code: ClientErrorCode;
  /** The stream concerned, where there is one. */
  declare readonly stream?: string;
  /** The endpoint concerned, where there is one. */
  declare readonly endpoint?: string;
  /** Where in the bytes that were decoded it is, where that is known. */
  declare readonly offset?: number;

  constructor(code: ClientErrorCode, message: string, details: ClientErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    if (details.stream !== undefined) this.stream = details.stream;
    if (details.endpoint !== undefined) this.endpoint = details.endpoint;
    if (details.offset !== undefined) this.offset = details.offset;
  }
}

// The name belongs on the prototype, so that `console.log` and `String(error)` show it without an own property.
Object.defineProperty(ClientError.prototype, 'name', {
  value: 'ClientError',
  configurable: true,
  writable: true,
});

/** The error for a code of the node (docs/wire.md), or `otherwise` for one that this client does not know. */
export function fromNode(
  trouble: { readonly code: string; readonly message: string },
  otherwise: ClientErrorCode,
  details: ClientErrorDetails,
): ClientError {
  const code = `ERR_${trouble.code}` as ClientErrorCode;
  const message = trouble.message === '' ? trouble.code : trouble.message;
  return CLIENT_ERROR_CODES.includes(code)
    ? new ClientError(code, message, details)
    : new ClientError(otherwise, `${trouble.code}: ${trouble.message}`, details);
}
