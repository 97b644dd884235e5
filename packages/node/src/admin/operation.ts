/**
 * What an operation of the control API is: one row of the table that routing, checking and docs/openapi.json come from.
 */
import type { HealthDetails } from '../config/types.ts';
import type { Control } from '../control/control.ts';
import type { Actor } from '../control/types.ts';
import type { ErrorCode } from '../errors.ts';
import { ZerothError } from '../errors.ts';
import type { Node } from '../flow/topology.ts';
import type { Census, CensusOptions } from '../health/census.ts';
import type { Health } from '../health/health.ts';
import type { Schema } from './schema.ts';

/** `metrics`: everybody on this machine; from beyond it, who has the token. */
export type Access = 'everybody' | 'metrics' | 'authorized';

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly description: string;
  readonly schema: Schema;
}

/** A request that passed all checks. */
export interface Call {
  /** From path and query, as the table says: integers are numbers. */
  readonly parameters: Readonly<Record<string, string | number>>;
  /** Empty for a request without a body. */
  readonly body: Readonly<Record<string, unknown>>;
  /** With the token, or over a local socket. */
  readonly authorized: boolean;
  /** Who asks, for the audit. */
  readonly by: Actor;
}

export type Answer =
  | { readonly type: 'json'; readonly status: number; readonly body: unknown }
  | { readonly type: 'text'; readonly contentType: string; readonly body: string }
  /** One JSON text a line, until the reader goes away or the lines end. `close` is called once, whatever happens. */
  | { readonly type: 'lines'; readonly lines: AsyncIterable<unknown>; close(): void };

export interface Operation {
  readonly id: string;
  readonly method: Method;
  /** `/v1/streams/{name}/purge` */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly access: Access;
  readonly parameters: readonly Parameter[];
  /** Of the JSON body, a request without one is the same as `{}`; null: there must be none. */
  readonly request: Schema | null;
  /** By status: what it means, and its schema (none: it is no JSON). Errors of every operation are added. */
  readonly answers: Readonly<
    Record<number, { readonly description: string; readonly schema?: Schema; readonly contentType?: string }>
  >;
  handle(call: Call, parts: AdminParts): Answer | Promise<Answer>;
}

/** What the operations work on. */
export interface AdminParts {
  readonly node: Node;
  readonly control: Control;
  readonly health: Health;
  /** Loads what it needs with the first call. */
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>;
  census(options: CensusOptions): Census;
  /** Who sees the components in /health. */
  readonly details: HealthDetails;
  readonly version: string;
  readonly startedAt: number;
}

/** A refusal, with its HTTP status. */
export class ApiError extends ZerothError {
  readonly status: number;
  readonly hint: string | null;
  /** Sent with it. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: ErrorCode,
    message: string,
    options: { hint?: string; headers?: Record<string, string> } = {},
  ) {
    super(code, message);
    this.status = status;
    this.hint = options.hint ?? null;
    this.headers = options.headers ?? {};
  }
}

export function json(body: unknown, status = 200): Answer {
  return { type: 'json', status, body };
}
