/** What sessions tell of records with a trace context, for whoever makes spans of it. Nothing of it may throw. */
export interface SpanHook {
  /** A record was published; returns the context that goes on with it. */
  published(stream: string, sequence: number, traceparent: string): string;
  /** A record was sent to a consumer; null: of no group. */
  delivered(stream: string, group: string | null, sequence: number, traceparent: string): void;
}
