/** One event, as every system keeps it. */
export interface EventRecord {
  /** 1 to 65535. */
  readonly id: number;
  readonly name: string;
  readonly level: 'info' | 'warn' | 'error' | 'fatal';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** Milliseconds since 1970. */
  readonly time: number;
}
