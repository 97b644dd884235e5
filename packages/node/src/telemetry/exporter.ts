/**
 * What stands between the SDK and its exporters: it tells what became of each export, and ends those that take too long.
 *
 * Guarantees: `done` is called exactly once for each export, within `EXPORT_WITHIN` ms and a half second whatever the
 * collector does, and when `end` is called; no timer holds the process.
 */
import type { LogRecordExporter } from '@opentelemetry/sdk-logs';

/** Of an export. */
export type Result = Parameters<Parameters<LogRecordExporter['export']>[1]>[0];
export type Done = (result: Result) => void;

/** ExportResultCode.FAILED: the enum is in a package that only the SDK needs. */
const FAILED = 1;

/** Milliseconds; attempts of the exporter, which tries again what may succeed, included. */
export const EXPORT_WITHIN = 4000;

export class Exports {
  readonly #open: Set<(error: Error) => void> = new Set();

  /** Calls `send`, and `done` as well as `told` with what became of it. */
  watch(send: (done: Done) => void, done: Done, told: (error: Error | null) => void): void {
    const settle = (result: Result): void => {
      if (!this.#open.delete(fail)) return;
      clearTimeout(timer);
      told(result.code === FAILED ? (result.error ?? new Error('the export failed')) : null);
      done(result);
    };
    const fail = (error: Error): void => settle({ code: FAILED, error });
    this.#open.add(fail);
    const late = `no answer within ${EXPORT_WITHIN / 1000} s`;
    const timer = setTimeout(() => fail(new Error(late)), EXPORT_WITHIN + 500);
    timer.unref();
    try {
      send(settle);
    } catch (error) {
      fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Gives up those that are under way. */
  end(): void {
    for (const fail of this.#open) fail(new Error('telemetry ends'));
  }
}
