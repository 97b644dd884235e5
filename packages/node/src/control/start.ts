/**
 * Keeps the configuration of a running node: loads what changes, checks it, applies it, and remembers it.
 *
 * Guarantees: one operation at a time, in the order in which they were asked for; a configuration that is refused, or
 * that the node can't take, changes nothing; nothing throws for bad input; after `close` no timer, handle or listener is left.
 */

import { diffConfig } from '../config/diff.ts';
import type { LayerText } from '../config/layers.ts';
import type { Problem } from '../config/problem.ts';
import { findKey } from '../config/set.ts';
import type { LogLevel } from '../config/types.ts';
import type { Log } from '../log/log.ts';
import type { SourceText } from '../source/source.ts';
import { Audit } from './audit.ts';
import { Centre } from './centre.ts';
import type { Control } from './control.ts';
import { ConfigFile } from './file.ts';
import type { Texts } from './history.ts';
import { digestOf, History } from './history.ts';
import type { OpenedConfig } from './open.ts';
import { invalid } from './open.ts';
import { held, MAX_FOR, MAX_OVERRIDES, MAX_VALUE } from './overrides.ts';
import { originOf, Running } from './running.ts';
import type {
  Actor,
  Applied,
  DiffReport,
  HistoryEntry,
  Listener,
  Override,
  Refused,
  Reloadable,
  ReloadOutcome,
  ReloadReport,
  SetOptions,
  Snapshot,
  SourceStatus,
} from './types.ts';
import type { WatchTimes } from './watch.ts';

export interface ControlOptions<A extends Applied> {
  readonly opened: OpenedConfig;
  /** It runs with `opened.config`. */
  readonly node: Reloadable<A>;
  readonly log: Log;
  readonly setLevel: (level: LogLevel) => void;
  readonly times?: WatchTimes;
}

/** Texts to take over. */
interface Candidate {
  readonly texts: Texts;
  readonly origin: string;
  /** Of the centre, if what it says now is among them. */
  readonly centre: SourceText | null;
}

export async function startControl<A extends Applied>(options: ControlOptions<A>): Promise<Control<A>> {
  const { opened, log } = options;
  const history = await History.open(opened.config.node.dataDir, log);
  const control = new NodeControl(options, history);
  await control.begin();
  return control;
}

class NodeControl<A extends Applied> implements Control<A> {
  readonly reloads: { accepted: number; refused: number } = { accepted: 0, refused: 0 };
  readonly #log: Log;
  readonly #audit: Audit;
  readonly #running: Running<A>;
  readonly #history: History;
  readonly #file: ConfigFile;
  readonly #centre: Centre | null;
  #queue: Promise<unknown> = Promise.resolve();
  #last: ReloadOutcome | null = null;
  #closed = false;

  constructor({ opened, node, log, setLevel, times }: ControlOptions<A>, history: History) {
    const { texts, source, from } = opened;
    this.#log = log;
    this.#audit = new Audit(log);
    this.#history = history;
    this.#centre = source === null ? null : new Centre(source, log);
    this.#file = new ConfigFile(
      from,
      texts.file.text,
      () => this.#background(() => this.#lookAtFile()),
      times,
    );
    const last = history.versions.at(-1);
    this.#running = new Running({
      opened,
      node,
      log,
      setLevel,
      audit: this.#audit,
      expired: (override) => this.#background(() => this.#expire(override)),
      // What ran last goes on, as the same version.
      version: last?.digest === digestOf(texts) ? last.version : (last?.version ?? 0) + 1,
      by: { via: 'start', who: texts.file.name },
    });
    this.#running.listen(() => this.#watch());
  }

  async begin(): Promise<void> {
    if (this.#history.versions.at(-1)?.version !== this.snapshot.version) await this.#remember();
    if (this.#centre !== null) {
      const by = { via: 'source', who: this.#centre.name } as const;
      await this.#centre.begin();
      this.#centre.follow(() => this.#background(() => this.#load(by)));
    }
    this.#watch();
  }

  get snapshot(): Snapshot {
    return this.#running.snapshot;
  }

  reload(by: Actor): Promise<ReloadReport<A>> {
    return this.#change(async () => {
      const trouble = (await this.#centre?.refresh()) ?? null;
      const report = await this.#load(by);
      if (trouble === null || !report.ok) return report;
      return { ...report, warnings: [...report.warnings, `${trouble}; its text of before counts`] };
    });
  }

  set(key: string, value: string, options: SetOptions): Promise<ReloadReport<A>> {
    const { by, for: time } = options;
    return this.#change(async () => {
      if (time !== null && !(Number.isSafeInteger(time) && time > 0 && time <= MAX_FOR))
        return this.#refuse(by, wrong(`a key is set for 1ms to ${MAX_FOR / 86_400_000}d, not ${time} ms`));
      if (value.length > MAX_VALUE)
        return this.#refuse(by, wrong(`a value has at most ${MAX_VALUE} characters`));
      const found = findKey(key, this.snapshot.config);
      if (!found.ok) return this.#refuse(by, invalid([found.problem]));
      const { path, secret } = found;
      const next = held(found.key, { path, secret, text: value }, options);
      const all = this.#running.overrides.without(found.key, next);
      if (all.length > MAX_OVERRIDES)
        return this.#refuse(by, wrong(`at most ${MAX_OVERRIDES} keys can be set`));
      const report = await this.#running.apply(by, this.#running.base, all);
      if (!report.ok) return this.#refuse(by, report);
      this.#audit.set(next.override, report.changes);
      return report;
    });
  }

  unset(key: string, by: Actor): Promise<ReloadReport<A>> {
    return this.#change(async () => {
      const { overrides, base } = this.#running;
      const found = findKey(key, this.snapshot.config);
      if (!found.ok) return this.#refuse(by, invalid([found.problem]));
      if (overrides.get(found.key) === undefined) {
        const keys = overrides.all().map(({ override }) => override.key);
        const there = keys.length === 0 ? 'no key is' : `these are: ${keys.slice(0, 20).join(', ')}`;
        return this.#refuse(by, wrong(`${found.key} is not set by hand; ${there}`));
      }
      const report = await this.#running.apply(by, base, overrides.without(found.key));
      if (!report.ok) return this.#refuse(by, report);
      this.#audit.ended('config:unset', found.key, by, report.changes);
      return report;
    });
  }

  rollback(version: number | null, by: Actor): Promise<ReloadReport<A>> {
    return this.#change(async () => {
      const { versions } = this.#history;
      const current = this.snapshot.version;
      const to = version ?? versions.findLast((each) => each.version < current)?.version;
      if (to === undefined) return this.#refuse(by, wrong('there is no version before this one'));
      const texts = await this.#history.read(to);
      if (texts === null) {
        const there = versions.map((each) => each.version).join(', ');
        return this.#refuse(by, wrong(`there is no version ${to}; the history has ${there}`));
      }
      const origin = `version ${to}`;
      const report = await this.#take(by, { texts, origin, centre: null });
      // The lines are not those of the file as it is now.
      const names = [texts.file.name, texts.centre?.name];
      const within = (problem: Problem): Problem =>
        names.includes(problem.file) ? { ...problem, file: `${origin} of ${problem.file}` } : problem;
      if (!report.ok)
        return this.#refuse(by, report.problems.length === 0 ? report : invalid(report.problems.map(within)));
      if (report.version === current) return report;
      const note = rollbackNote(texts);
      this.#audit.rolledBack(this.snapshot, to, note);
      const above = this.snapshot.overrides.map(
        ({ key }) => `${key}: set by hand, and still counts above it`,
      );
      return { ...report, warnings: [...report.warnings, note, ...above] };
    });
  }

  diff(): Promise<DiffReport> {
    return this.#enqueue(async () => {
      const file = await this.#file.peek();
      if ('problems' in file) return invalid(file.problems);
      const { texts } = this.#candidate(file, (await this.#centre?.peek()) ?? null);
      const { config, problems } = this.#running.read(texts, this.#running.overrides.all());
      if (config === null) return invalid(problems);
      return { ok: true, changes: diffConfig(this.snapshot.config, config) };
    });
  }

  history(): readonly HistoryEntry[] {
    const current = this.snapshot.version;
    return this.#history.versions.map(({ version, at, by, origin, digest }) => {
      return { version, at, by, origin, digest, current: version === current };
    });
  }

  sources(): readonly SourceStatus[] {
    return this.#centre === null ? [] : [this.#centre.status];
  }

  lastReload(): ReloadOutcome | null {
    return this.#last;
  }

  get listening(): number {
    return this.#running.listening;
  }

  listen(listener: Listener): () => void {
    return this.#running.listen(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#watch();
    this.#running.close();
    await this.#centre?.close();
    await this.#queue;
  }

  #enqueue<T>(operation: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(operation);
    // Whoever asked hears of a fault; those who wait behind do not.
    this.#queue = result.catch(() => {});
    return result;
  }

  #change(operation: () => Promise<ReloadReport<A>>): Promise<ReloadReport<A>> {
    return this.#enqueue(async () => (this.#closed ? STOPPING : operation()));
  }

  /** What nobody waits for. A fault in it must not end a node that runs. */
  #background(operation: () => Promise<unknown>): void {
    this.#enqueue(async () => (this.#closed ? null : operation())).catch((err: unknown) => {
      this.#log.event('config:fault', { err });
    });
  }

  #watch(): void {
    this.#file.watch(this.snapshot.config.node.watch && !this.#closed);
  }

  /** The file as it is now, and the newest text of the centre. */
  async #load(by: Actor): Promise<ReloadReport<A>> {
    const file = await this.#file.read();
    if ('problems' in file) {
      const content = file.problems.map(({ code, line }) => `${code} ${line}`).join();
      return this.#refuseLoad(by, invalid(file.problems), content);
    }
    const candidate = this.#candidate(file, this.#centre?.text ?? null);
    const report = await this.#take(by, candidate);
    return report.ok ? report : this.#refuseLoad(by, report, digestOf(candidate.texts));
  }

  async #lookAtFile(): Promise<void> {
    if (await this.#file.differs())
      await this.#load({ via: 'file', who: this.#running.base.texts.file.name });
  }

  #candidate(file: LayerText, centre: SourceText | null): Candidate {
    const name = this.#centre?.name ?? '';
    const texts = { centre: centre === null ? null : { name, text: centre.text }, file };
    return { texts, origin: originOf(texts), centre };
  }

  /** Checked alone first, so that what is set by hand can end at any time. */
  async #take(by: Actor, { texts, origin, centre }: Candidate): Promise<ReloadReport<A>> {
    const { config, problems, warnings } = this.#running.read(texts, []);
    if (config === null) return invalid(problems);
    const { base, overrides } = this.#running;
    const changed = diffConfig(base.config, config).length > 0;
    const next = { texts, config, warnings, digest: digestOf(texts), origin };
    const version = changed ? this.#nextVersion() : null;
    const report = await this.#running.apply(by, next, overrides.all(), version);
    if (!report.ok) return report;
    this.#last = { ok: true, message: null, at: Date.now() };
    this.#audit.good();
    if (centre !== null) this.#centre?.accepted(centre);
    if (changed) {
      this.reloads.accepted++;
      this.#audit.applied(this.snapshot, report.changes, report.applied?.elapsed ?? 0);
      await this.#remember();
    } else if (hearsOnlyTheLog(by)) this.#audit.unchanged(this.snapshot, by);
    if (centre !== null) await this.#centre?.keep(centre);
    return report;
  }

  async #expire(override: Override): Promise<void> {
    const { key } = override;
    const { overrides, base } = this.#running;
    // Who waited in front of this may have set it again.
    if (overrides.get(key)?.override !== override) return;
    const by = { via: 'expiry', who: key } as const;
    const report = await this.#running.apply(by, base, overrides.without(key));
    if (report.ok) this.#audit.ended('config:expired', key, by, report.changes);
    else {
      this.#refuse(by, report);
      overrides.later(override);
    }
  }

  #nextVersion(): number {
    return Math.max(this.snapshot.version, this.#history.versions.at(-1)?.version ?? 0) + 1;
  }

  async #remember(): Promise<void> {
    const { version, by, appliedAt: at } = this.snapshot;
    const { digest, texts, origin } = this.#running.base;
    await this.#history.add({ version, at, by, origin, digest }, texts);
  }

  /** Of something that was asked for by itself. */
  #refuse(by: Actor, refused: Refused): Refused {
    this.#audit.refused(by, refused, null);
    return refused;
  }

  /** Of what the file and the centre say. */
  #refuseLoad(by: Actor, refused: Refused, content: string): Refused {
    this.reloads.refused++;
    this.#last = { ok: false, message: refused.message, at: Date.now() };
    const inCentre = refused.problems.some(({ file }) => file === this.#centre?.name);
    if (by.via === 'source' || inCentre) this.#centre?.refused(refused.message);
    this.#audit.refused(by, refused, hearsOnlyTheLog(by) ? null : `${content} ${refused.code}`);
    return refused;
  }
}

/** Who sent a signal gets no report. */
function hearsOnlyTheLog({ via }: Actor): boolean {
  return via === 'signal' || via === 'service';
}

function rollbackNote({ file, centre }: Texts): string {
  const names = [file.name, ...(centre === null ? [] : [centre.name])].join(' and ');
  return `${names} still has another content: that counts again at its next change, at a reload, and at the next start`;
}

function wrong(message: string): Refused {
  return { ok: false, code: 'INPUT_INVALID', message, problems: [] };
}

const STOPPING: Refused = { ...wrong('the node is stopping'), code: 'RELOAD_FAILED' };
