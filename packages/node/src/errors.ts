/**
 * Every error that the node raises on purpose: one base class, a literal `code` each.
 *
 * Guarantees: imports nothing; a code never changes its meaning; docs/errors.md has a heading for each code
 * (test/unit/errors-docs.test.ts holds the two together). Add a code here and its heading there.
 */

export const ERROR_CODES = [
  /** The configuration has problems, each with a code of its own. */
  'CONFIG_INVALID',
  /** An endpoint of a route can't be bound; `RouteError.hint` says what to do. */
  'BIND_FAILED',
  /** An endpoint can't be connected: its form or its transport is wrong. */
  'CONNECT_FAILED',
  /** A running route ended on its own. */
  'ROUTE_FAILED',
  /** A new configuration can't be taken over; the node runs as before. */
  'RELOAD_FAILED',
  /** The command line is wrong. */
  'USAGE',
  /** Nobody took, sent or answered a message in time, or a peer cut it off. */
  'TIMEOUT',
  /** What a tool should send can't be read: bad hex, bad JSON, a line over the limit. */
  'INPUT_INVALID',
  /** A file can't be read or written. */
  'FILE_FAILED',
  /** Another process writes in the data folder. */
  'STORE_LOCKED',
  /** The data folder can't be used at all: no permission, no folder, an unknown format. */
  'STORE_FAILED',
  /** A stream does not accept records: the disk is full, read-only or broken. */
  'STREAM_FAILED',
  /** Records of a stream are damaged; those around them are not. */
  'STREAM_DAMAGED',
  /** The stream was closed. */
  'STREAM_CLOSED',
  /** There is no stream of that name. */
  'STREAM_UNKNOWN',
  /** A file is there already and would be overwritten. */
  'FILE_EXISTS',
  /** A configuration centre can't be reached, refuses us, or holds no text. */
  'SOURCE_FAILED',
  /** A configuration centre has no such key. */
  'SOURCE_KEY_MISSING',
  /** What was said of an instance of a service can't be: a name, a time, a text. */
  'SERVICE_INVALID',
  /** The registry of services holds as many instances as it may. */
  'SERVICES_FULL',
  /** As many taps look at the node as may. */
  'TAPS_FULL',
  /** A request to the control API is refused: malformed, too large, from another origin, or not possible now. */
  'ADMIN_REFUSED',
  /** A request to the control API without a token, or with a wrong one. */
  'ADMIN_UNAUTHORIZED',
  /** The control API has nothing of that name. */
  'ADMIN_NOT_FOUND',
  /** The control API could not answer because of a fault of the node. */
  'ADMIN_FAILED',
  /** `admin.tokenFile` can't be read, or holds no token. */
  'ADMIN_TOKEN_FILE',
  /** No node runs here that a command could talk to, or none of that name, or several. */
  'NODE_NOT_FOUND',
  /** A node does not answer, or what answers is no node. */
  'NODE_UNREACHABLE',
  /** A service of that name is installed already. */
  'SERVICE_EXISTS',
  /** No service of that name is installed. */
  'SERVICE_UNKNOWN',
  /** The service manager of the system refused, or did not do it in time. */
  'SERVICE_FAILED',
  /** Installing and controlling services needs an administrator. */
  'SERVICE_ELEVATION',
  /** This system has no service manager that we know, or something is missing to talk with it. */
  'SERVICE_UNSUPPORTED',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** The base class of all errors of the package. `code` says which; `message` is for people and may change. */
export class ZerothError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ZerothError';
    this.code = code;
  }
}

/** What an error says, or whatever else was thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  try {
    return String(error);
  } catch {
    // An object without a prototype, say.
    return 'something was thrown that can not be told';
  }
}
