/**
 * Every error that `@zeroth/zmq` throws, rejects with or reports in an event is a {@link ZmqError}: one class, a
 * literal `code` from the table below. docs/errors.md has a heading for each code.
 *
 * The messages of the codes that zeromq.js also has are its words, because programs compare them; where it says no more
 * than "ZMTP protocol error", the message begins so and goes on. What else is known (the value, the limit, the way out)
 * is in `detail` and `address`.
 */

/** A literal error code of this package. */
export type ZmqErrorCode =
  | 'EAGAIN'
  | 'EACCES'
  | 'EBADF'
  | 'EBUSY'
  | 'ECONNREFUSED'
  | 'ECONNRESET'
  | 'EADDRINUSE'
  | 'EADDRNOTAVAIL'
  | 'EHOSTUNREACH'
  | 'EINVAL'
  | 'EMFILE'
  | 'ENODEV'
  | 'ENOENT'
  | 'ENOTSUP'
  | 'EPROTONOSUPPORT'
  | 'ETIMEDOUT'
  | 'EFSM'
  | 'EIO'
  | 'ERR_ZMTP_UNEXPECTED_COMMAND'
  | 'ERR_ZMTP_INVALID_SEQUENCE'
  | 'ERR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED'
  | 'ERR_ZMTP_MALFORMED_COMMAND_ERROR'
  | 'ERR_ZMTP_MALFORMED_COMMAND_MESSAGE'
  | 'ERR_ZMTP_MALFORMED_COMMAND_HELLO'
  | 'ERR_ZMTP_MALFORMED_COMMAND_WELCOME'
  | 'ERR_ZMTP_MALFORMED_COMMAND_INITIATE'
  | 'ERR_ZMTP_MALFORMED_COMMAND_READY'
  | 'ERR_ZMTP_CRYPTOGRAPHIC'
  | 'ERR_ZMTP_INVALID_METADATA'
  | 'ERR_ZMTP_MECHANISM_MISMATCH'
  | 'ERR_ZMTP_GREETING'
  | 'ERR_ZMTP_VERSION'
  | 'ERR_ZMTP_SOCKET_TYPE'
  | 'ERR_ZMTP_MESSAGE_SIZE'
  | 'ERR_ZMTP_PEER_ERROR'
  | 'ERR_AUTHENTICATION'
  | 'ERR_ZAP_MALFORMED_REPLY'
  | 'ERR_ZAP_BAD_REQUEST_ID'
  | 'ERR_ZAP_BAD_VERSION'
  | 'ERR_ZAP_INVALID_STATUS_CODE'
  | 'ERR_ZAP_INVALID_METADATA'
  | 'ERR_WEBSOCKET'
  | 'ERR_ZMTP_HANDSHAKE_TIMEOUT'
  | 'ERR_ROUTING_ID_TAKEN'
  | 'ERR_TOO_MANY_PEERS'
  | 'ERR_TOO_MANY_SUBSCRIPTIONS'
  | 'ERR_ZMTP_HEARTBEAT_TIMEOUT';

/** code -> [message, errno on Linux]; errno 0: no such number, the code is ours alone. */
const TABLE: Readonly<Record<ZmqErrorCode, readonly [message: string, errno: number]>> = {
  EAGAIN: ['Operation was not possible or timed out', 11],
  EACCES: ['Permission denied', 13],
  EBADF: ['Socket is closed', 9],
  EBUSY: ['Socket is busy', 16],
  ECONNREFUSED: ['Connection refused', 111],
  ECONNRESET: ['Connection reset by peer', 104],
  EADDRINUSE: ['Address already in use', 98],
  EADDRNOTAVAIL: ['Cannot assign requested address', 99],
  EHOSTUNREACH: ['Host unreachable', 113],
  EINVAL: ['Invalid argument', 22],
  EMFILE: ['Too many open file descriptors', 24],
  ENODEV: ['No such device', 19],
  ENOENT: ['No such endpoint', 2],
  ENOTSUP: ['Operation not supported', 95],
  EPROTONOSUPPORT: ['Protocol not supported', 93],
  ETIMEDOUT: ['Connection timed out', 110],
  EFSM: ['Operation cannot be accomplished in current state', 156384763],
  EIO: ['Input/output error', 5],
  ERR_ZMTP_UNEXPECTED_COMMAND: ['ZMTP protocol error: unexpected command', 0],
  ERR_ZMTP_INVALID_SEQUENCE: ['ZMTP protocol error: invalid sequence', 0],
  ERR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED: ['ZMTP protocol error: malformed command', 0],
  ERR_ZMTP_MALFORMED_COMMAND_ERROR: ['ZMTP protocol error: malformed ERROR command', 0],
  ERR_ZMTP_MALFORMED_COMMAND_MESSAGE: ['ZMTP protocol error: malformed MESSAGE command', 0],
  ERR_ZMTP_MALFORMED_COMMAND_HELLO: ['ZMTP protocol error: malformed HELLO command', 0],
  ERR_ZMTP_MALFORMED_COMMAND_WELCOME: ['ZMTP protocol error: malformed WELCOME command', 0],
  ERR_ZMTP_MALFORMED_COMMAND_INITIATE: ['ZMTP protocol error: malformed INITIATE command', 0],
  ERR_ZMTP_MALFORMED_COMMAND_READY: ['ZMTP protocol error: malformed READY command', 0],
  ERR_ZMTP_CRYPTOGRAPHIC: ['ZMTP protocol error: a box could not be opened', 0],
  ERR_ZMTP_INVALID_METADATA: ['ZMTP protocol error: invalid metadata', 0],
  ERR_ZMTP_MECHANISM_MISMATCH: ['ZMTP protocol error: the security mechanisms differ', 0],
  ERR_ZMTP_GREETING: ['Not a ZMTP 3 peer: the greeting is not valid', 0],
  ERR_ZMTP_VERSION: ['The peer speaks a ZMTP version below 3.0', 0],
  ERR_ZMTP_SOCKET_TYPE: ['The peer has a socket type that does not go with this one', 0],
  ERR_ZMTP_MESSAGE_SIZE: ['The peer sent a message over the limit', 0],
  ERR_ZMTP_PEER_ERROR: ['The peer refused the handshake', 0],
  ERR_AUTHENTICATION: ['Authentication failure', 0],
  ERR_ZAP_MALFORMED_REPLY: ['ZAP protocol error', 0],
  ERR_ZAP_BAD_REQUEST_ID: ['ZAP protocol error', 0],
  ERR_ZAP_BAD_VERSION: ['ZAP protocol error', 0],
  ERR_ZAP_INVALID_STATUS_CODE: ['ZAP protocol error', 0],
  ERR_ZAP_INVALID_METADATA: ['ZAP protocol error', 0],
  ERR_WEBSOCKET: ['The WebSocket connection failed', 0],
  ERR_ZMTP_HANDSHAKE_TIMEOUT: ['The peer did not finish the handshake in time', 0],
  ERR_ROUTING_ID_TAKEN: ['The routing id is in use', 0],
  ERR_TOO_MANY_SUBSCRIPTIONS: ['The peer has as many subscriptions as it may have', 0],
  ERR_TOO_MANY_PEERS: ['The socket has as many peers as it may have', 0],
  ERR_ZMTP_HEARTBEAT_TIMEOUT: ['The peer stopped answering heartbeats', 0],
};

/** What ERR_AUTHENTICATION says of a status other than 400, in the words of zeromq.js. */
const REFUSALS: Readonly<Record<number, string>> = { 300: 'Temporary error', 500: 'Internal error' };

/** All codes, for tests and documentation. */
export const ZMQ_ERROR_CODES = Object.keys(TABLE) as readonly ZmqErrorCode[];

/** What a {@link ZmqError} may carry beside its code. */
export interface ZmqErrorDetails {
  /** The endpoint concerned, as the caller wrote it (bind errors of events: `host:port`). */
  address?: string;
  /** The thing, the value and the way out, in a sentence for a person. */
  detail?: string;
  /** ZAP status of a refused handshake: 300, 400 or 500 (RFC 27). */
  status?: number;
  /** Replaces the message of the table. */
  message?: string;
  /** The error underneath. */
  cause?: unknown;
}

/** The one error class of this package. Compare `code`, never the message. */
export class ZmqError extends Error {
  /** Literal code, see docs/errors.md. */
  readonly code: ZmqErrorCode;
  /** The system's number for the code (Linux numbering), 0 where there is none. */
  readonly errno: number;
  /** The endpoint concerned, where there is one. */
  declare readonly address?: string;
  /** What was wrong with which value, and what to do. */
  declare readonly detail?: string;
  /** ZAP status of a refused handshake: 300 (try again later), 400 (no) or 500 (the handler failed). */
  declare readonly status?: number;

  constructor(code: ZmqErrorCode, details: ZmqErrorDetails = {}) {
    const [message, errno] = TABLE[code];
    const words = details.message ?? (details.status === undefined ? undefined : REFUSALS[details.status]);
    super(words ?? message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.errno = errno;
    if (details.address !== undefined) this.address = details.address;
    if (details.detail !== undefined) this.detail = details.detail;
    if (details.status !== undefined) this.status = details.status;
  }

  /** Wraps an error of `node:net`: its code where the table has it, else EIO. */
  static fromSystem(error: unknown, details: ZmqErrorDetails = {}): ZmqError {
    if (error instanceof ZmqError) return error;
    const code = (error as { code?: string } | null)?.code ?? '';
    const known = Object.hasOwn(TABLE, code) ? (code as ZmqErrorCode) : 'EIO';
    const text = error instanceof Error ? error.message : String(error);
    return new ZmqError(known, { detail: text, ...details, cause: error });
  }
}

// The name belongs on the prototype, so that `console.log` and `String(error)` show it without an own property.
Object.defineProperty(ZmqError.prototype, 'name', { value: 'ZmqError', configurable: true, writable: true });
