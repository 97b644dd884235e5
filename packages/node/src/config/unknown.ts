/**
 * What to say about a key that nobody knows, and what not to say.
 *
 * Guarantees: pure; suggests only keys that exist where the unknown one stands, or names the places where it would be right.
 */

import { fold, nearest } from './nearest.ts';
import type { AnySectionSpec, Spec } from './spec/kinds.ts';

/** The key that was probably meant: by another name that it is known as, or by its spelling. */
export function nearestKey(name: string, keys: Readonly<Record<string, Spec>>): string | null {
  const folded = fold(name);
  for (const [key, spec] of Object.entries(keys)) {
    if (fold(key) === folded || spec.knownAs.includes(folded)) return key;
  }
  return nearest(name, Object.keys(keys));
}

/** Where a key of this name exists: `routes.<route>`, `log`. */
export function placesOf(name: string, root: AnySectionSpec): readonly string[] {
  const places: string[] = [];
  const walk = (spec: Spec, path: string): void => {
    if (spec.type === 'entries') walk(spec.entry, `${path}.<${spec.noun}>`);
    if (spec.type !== 'section') return;
    if (path !== '' && Object.hasOwn(spec.keys, name)) places.push(path);
    for (const [key, child] of Object.entries(spec.keys)) walk(child, path === '' ? key : `${path}.${key}`);
  };
  walk(root, '');
  return places;
}

function soundsSecret(name: string): boolean {
  return /pass|pwd|secret|token|credential|private|auth|apikey|accesskey/.test(fold(name));
}

/** Names of keys, by whether their values are secret. A name that is both counts as secret. */
function keyNames(spec: Spec, names: Map<string, boolean>): Map<string, boolean> {
  if (spec.type === 'entries') return keyNames(spec.entry, names);
  if (spec.type !== 'section') return names;
  for (const [key, child] of Object.entries(spec.keys)) {
    names.set(fold(key), child.secret || names.get(fold(key)) === true);
    keyNames(child, names);
  }
  return names;
}

/** Tells which parts of a text to hide, also where the text does not follow the specification. */
export class SecretNames {
  readonly #names: ReadonlyMap<string, boolean>;

  constructor(spec: Spec) {
    this.#names = keyNames(spec, new Map());
  }

  /** A key of this name may have a secret value. Better to hide one endpoint too many than to print a password. */
  has(name: string): boolean {
    return this.#names.get(fold(name)) ?? soundsSecret(name);
  }

  /** Whether anything in a text without usable structure looks like such a key. */
  in(text: string): boolean {
    let folded = fold(text);
    // `tokenFile` has a secret name in it, and is none.
    for (const [name, secret] of this.#names)
      if (!secret && soundsSecret(name)) folded = folded.replaceAll(name, '');
    for (const [name, secret] of this.#names) if (secret && folded.includes(name)) return true;
    for (const [, name] of text.matchAll(/([\w-]{1,64})["']?\s{0,8}:/g))
      if (this.has(name as string)) return true;
    return false;
  }
}
