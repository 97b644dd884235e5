/** Every clause, by specification. */
import type { Clause } from './clause.ts';
import { rfc28 } from './rfc28.ts';
import { rfc29 } from './rfc29.ts';
import { rfc30, rfc31 } from './rfc30.ts';

export interface Chapter {
  readonly title: string;
  readonly clauses: readonly Clause[];
}

export const chapters: readonly Chapter[] = [
  { title: 'RFC 28: request and reply', clauses: rfc28 },
  { title: 'RFC 29: publish and subscribe', clauses: rfc29 },
  { title: 'RFC 30: pipeline', clauses: rfc30 },
  { title: 'RFC 31: exclusive pair', clauses: rfc31 },
];

export const clauses: readonly Clause[] = chapters.flatMap((chapter) => chapter.clauses);
