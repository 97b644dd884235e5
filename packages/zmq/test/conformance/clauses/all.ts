/** Every clause, by specification. */
import type { Clause } from './clause.ts';
import { rfc28 } from './rfc28.ts';

export interface Chapter {
  readonly title: string;
  readonly clauses: readonly Clause[];
}

export const chapters: readonly Chapter[] = [{ title: 'RFC 28: request and reply', clauses: rfc28 }];

export const clauses: readonly Clause[] = chapters.flatMap((chapter) => chapter.clauses);
