/**
 * What the specification of one configuration key holds. The table in table.ts is made of these, and everything else
 * derives from it: loading, defaults, checks, redaction, docs/config.md and the JSON Schema.
 *
 * Guarantees: a `SectionSpec<T>` has exactly one entry for each key of `T`, of a kind that yields the type of that
 * key. A key cannot be added to the types without its specification, nor the other way round.
 */

/** What a number in the loaded configuration counts. */
export type Unit = 'ms' | 'bytes' | 'messages' | 'peers' | 'records' | 'sessions';

/** Facts about where a configuration is loaded; computed defaults and relative paths depend on them. */
export interface LoadContext {
  /** Relative paths start here: the folder of the file. */
  readonly baseDir: string;
  readonly hostName: string;
}

/** What a function of {@link SectionSpec.rules} found wrong. */
export interface RuleProblem {
  /** The keys that do not fit together. The problem is shown at the first of them that is in the file. */
  readonly keys: readonly string[];
  readonly message: string;
  readonly suggestion: string | null;
}

interface Common {
  /** One or more sentences for docs/config.md and for editors; Markdown without links. */
  readonly description: string;
  readonly unit: Unit | null;
  /** The value is never shown: not in problems, excerpts, logs or diffs. */
  readonly secret: boolean;
  /** A running node takes a new value without a restart. */
  readonly reloadable: boolean;
  /** Other names that people type for this key, lower case, without `-` and `_`; only for suggestions. */
  readonly knownAs: readonly string[];
}

interface Leaf<D> extends Common {
  /** As a person would write it in the file. `null`: there is none, see `computed` and `required`. */
  readonly default: D | null;
  readonly required: boolean;
}

export interface TextSpec extends Leaf<string> {
  readonly type: 'text';
  /** Source of a regular expression for the whole value, and what to tell people about it. */
  readonly pattern: { readonly source: string; readonly allowed: string } | null;
  readonly maxLength: number;
  /** A default that depends on the machine. */
  readonly computed: { readonly text: string; of(context: LoadContext): string } | null;
}

/** A file or folder. Loaded as an absolute path. */
export interface PathSpec extends Leaf<string> {
  readonly type: 'path';
}

export interface BooleanSpec extends Leaf<boolean> {
  readonly type: 'boolean';
}

export interface IntegerSpec extends Leaf<number> {
  readonly type: 'integer';
  readonly min: number;
  readonly max: number;
}

/** Written `10s`, loaded as milliseconds. */
export interface DurationSpec extends Leaf<string> {
  readonly type: 'duration';
  readonly min: string;
  readonly max: string;
}

/** Written `64MiB` or as a number of bytes, loaded as bytes. */
export interface SizeSpec extends Leaf<string> {
  readonly type: 'size';
  readonly min: string;
  readonly max: string;
}

export interface ChoiceSpec<T extends string = string> extends Leaf<T> {
  readonly type: 'choice';
  /** Value to what it means. */
  readonly choices: Readonly<Record<T, string>>;
}

/** One endpoint or a list of them. Loaded as a list, empty when the key is absent. */
export interface EndpointsSpec extends Leaf<string> {
  readonly type: 'endpoints';
  readonly role: 'bind' | 'connect';
  readonly maxItems: number;
}

export type LeafSpec =
  | TextSpec
  | PathSpec
  | BooleanSpec
  | IntegerSpec
  | DurationSpec
  | SizeSpec
  | ChoiceSpec
  | EndpointsSpec;

/** A mapping with known keys. */
export interface AnySectionSpec extends Common {
  readonly type: 'section';
  readonly required: boolean;
  /** Absent it is `null`. Present, though it be empty, it has its defaults. */
  readonly optional: boolean;
  readonly keys: Readonly<Record<string, Spec>>;
  /** Of these keys at least one must be there. */
  readonly atLeastOneOf: readonly string[];
  /** Checks over several keys. A key whose own value is wrong is absent. */
  readonly rules: readonly ((values: Readonly<Record<string, unknown>>) => RuleProblem | null)[];
}

export type KeySpecs<T> = { readonly [K in keyof T]-?: SpecFor<T[K]> };

export interface SectionSpec<T> extends AnySectionSpec {
  readonly optional: false;
  readonly keys: KeySpecs<T>;
}

export interface OptionalSectionSpec<T> extends AnySectionSpec {
  readonly optional: true;
  readonly keys: KeySpecs<T>;
}

/** A mapping whose keys are names chosen by the user. Loaded as a list, in the order of the file, each with `name`. */
export interface AnyEntriesSpec extends Common {
  readonly type: 'entries';
  readonly required: boolean;
  /** What one of them is called. */
  readonly noun: string;
  readonly namePattern: { readonly source: string; readonly allowed: string };
  readonly maxEntries: number;
  readonly entry: AnySectionSpec;
}

export interface EntriesSpec<T> extends AnyEntriesSpec {
  readonly entry: SectionSpec<T>;
}

export type Spec = LeafSpec | AnySectionSpec | AnyEntriesSpec;

/** The kinds of specification that yield a `T`. Tuples keep unions from being taken apart. */
export type SpecFor<T> = [T] extends [boolean]
  ? BooleanSpec
  : [T] extends [number]
    ? IntegerSpec | DurationSpec | SizeSpec
    : [T] extends [string]
      ? string extends T
        ? TextSpec | PathSpec
        : ChoiceSpec<T>
      : [T] extends [readonly string[]]
        ? EndpointsSpec
        : [T] extends [readonly (infer E)[]]
          ? EntriesSpec<Omit<E, 'name'>>
          : null extends T
            ? OptionalSectionSpec<NonNullable<T>>
            : SectionSpec<T>;

/** What most keys have in common. Spread first, then say what differs. */
export const COMMON: {
  readonly unit: null;
  readonly secret: false;
  readonly reloadable: true;
  readonly knownAs: readonly [];
  readonly required: false;
} = { unit: null, secret: false, reloadable: true, knownAs: [], required: false };

/** Of routes and of sessions. */
export const WS_ORIGINS: TextSpec = {
  ...COMMON,
  type: 'text',
  description:
    'Web pages that may connect to endpoints of `ws`, by origin: `https://dashboard.example.com`, several of them separated by spaces, or `*` for all. Without this key: pages of the host that they connect to. Programs send no origin, and are let in.',
  default: '',
  pattern: {
    source: '^(\\*|https?://[^\\s/]+( https?://[^\\s/]+)*)$',
    allowed: 'origins as https://HOST or http://HOST:PORT, separated by spaces; or *',
  },
  maxLength: 2048,
  computed: null,
  knownAs: ['origins', 'allowedorigins', 'cors'],
};

/** What most sections have in common. */
export const SECTION: typeof COMMON & {
  readonly type: 'section';
  readonly optional: false;
  readonly atLeastOneOf: readonly [];
  readonly rules: readonly [];
} = { ...COMMON, type: 'section', optional: false, atLeastOneOf: [], rules: [] };

/** Names of nodes, routes and streams. Not only dots, because names become names of files and folders. */
export const NAME_PATTERN: { readonly source: string; readonly allowed: string } = {
  source: '^(?!\\.+$)[A-Za-z0-9._-]{1,64}$',
  allowed: '1 to 64 letters, digits, ".", "_" or "-", and not only dots',
};
