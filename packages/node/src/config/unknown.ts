/**
 * What to say about a key that nobody knows.
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

export function soundsSecret(name: string): boolean {
  return /pass|pwd|secret|token|credential|private|auth|apikey|accesskey|secretkey/.test(fold(name));
}

/** Names of all keys whose values are secret. */
export function secretNames(spec: Spec): readonly string[] {
  if (spec.type === 'entries') return secretNames(spec.entry);
  if (spec.type !== 'section') return [];
  return Object.entries(spec.keys).flatMap(([key, child]) => [...(child.secret ? [key] : []), ...secretNames(child)]);
}
