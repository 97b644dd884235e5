/**
 * What the log says about changes of the configuration: who changed what, when, and what was refused.
 *
 * Guarantees: no secrets (diff.ts and report.ts keep them out); a line has a bounded number of keys and problems;
 * the same bad content has one line, however often it is looked at.
 */

import type { ConfigChange } from '../config/diff.ts';
import { shorten } from '../config/problem.ts';
import type { Log } from '../log/log.ts';
import type { Actor, Override, Refused, Snapshot } from './types.ts';

const MAX_CHANGES = 50;
const MAX_PROBLEMS = 10;

export class Audit {
  readonly #log: Log;
  /** Of the content that was refused last. */
  #bad: string | null = null;

  constructor(log: Log) {
    this.#log = log;
  }

  /** `elapsed`: milliseconds that the node took. */
  applied(
    { version, by, origin, restart }: Snapshot,
    changes: readonly ConfigChange[],
    elapsed: number,
  ): void {
    this.#bad = null;
    const fields = { version, ...by, origin, elapsed, ...told(changes) };
    this.#log.event('config:applied', restart.length === 0 ? fields : { ...fields, restart });
  }

  /** It was asked for, and what there is runs already. */
  unchanged({ version }: Snapshot, by: Actor): void {
    this.#log.event('config:unchanged', { version, ...by });
  }

  /** `content`: what stands for it, null if each time counts. */
  refused(by: Actor, refused: Refused, content: string | null): void {
    const { code, message, problems } = refused;
    const same = content !== null && content === this.#bad;
    if (content !== null) this.#bad = content;
    if (same) return;
    const first = problems
      .slice(0, MAX_PROBLEMS)
      .map(({ file, line, key, value, message: text, allowed, suggestion }) => {
        return {
          file,
          line,
          key,
          value,
          message: text,
          allowed: shorten(allowed.join(', '), 200),
          suggestion,
        };
      });
    const count = problems.length;
    this.#log.event('config:refused', { ...by, code, reason: message, problems: first, count });
  }

  /** The content is what runs already: if it turns bad again, that is news. */
  good(): void {
    this.#bad = null;
  }

  set(override: Override, changes: readonly ConfigChange[]): void {
    const { key, value, by, expiresAt } = override;
    const until = expiresAt === null ? null : new Date(expiresAt).toISOString();
    this.#log.event('config:set', { ...by, key, value, until, ...told(changes) });
  }

  ended(
    event: 'config:unset' | 'config:expired',
    key: string,
    by: Actor,
    changes: readonly ConfigChange[],
  ): void {
    this.#log.event(event, { ...by, key, ...told(changes) });
  }

  /** Its route, stream or section is gone. */
  orphaned(key: string, by: Actor): void {
    this.#log.event('config:orphaned', { ...by, key });
  }

  rolledBack({ version, by }: Snapshot, to: number, note: string): void {
    this.#log.event('config:rollback', { version, ...by, to, note });
  }
}

function told(changes: readonly ConfigChange[]): { changes: readonly object[]; count?: number } {
  const shown = changes.slice(0, MAX_CHANGES).map(({ key, before, after }) => ({ key, before, after }));
  return changes.length > MAX_CHANGES ? { changes: shown, count: changes.length } : { changes: shown };
}
