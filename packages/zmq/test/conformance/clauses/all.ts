/** Every clause, by specification. */
import type { Clause } from './clause.ts';
import { rfc41, rfc48, rfc49, rfc51, rfc52 } from './drafts.ts';
import { behaviours } from './libzmq.ts';
import { rfc28 } from './rfc28.ts';
import { rfc29 } from './rfc29.ts';
import { rfc30, rfc31 } from './rfc30.ts';
import { rfc23, rfc37 } from './rfc37.ts';
import { rfc45 } from './rfc45.ts';
import { rfc24, rfc26, rfc27, rfc32 } from './security.ts';

export interface Chapter {
  readonly title: string;
  readonly clauses: readonly Clause[];
}

export const chapters: readonly Chapter[] = [
  { title: 'RFC 28: request and reply', clauses: rfc28 },
  { title: 'RFC 29: publish and subscribe', clauses: rfc29 },
  { title: 'RFC 30: pipeline', clauses: rfc30 },
  { title: 'RFC 31: exclusive pair', clauses: rfc31 },
  { title: 'RFC 37: ZMTP 3.1', clauses: rfc37 },
  { title: 'RFC 23: ZMTP 3.0', clauses: rfc23 },
  { title: 'RFC 24: PLAIN', clauses: rfc24 },
  { title: 'RFC 25 and 26: CURVE', clauses: rfc26 },
  { title: 'RFC 27: ZAP', clauses: rfc27 },
  { title: 'RFC 32: Z85', clauses: rfc32 },
  { title: 'RFC 45: ZWS 2.0', clauses: rfc45 },
  { title: 'RFC 41: client and server', clauses: rfc41 },
  { title: 'RFC 48: radio and dish', clauses: rfc48 },
  { title: 'RFC 49: scatter and gather', clauses: rfc49 },
  { title: 'RFC 51: peer', clauses: rfc51 },
  { title: 'RFC 52: channel', clauses: rfc52 },
  { title: 'The test suite of libzmq', clauses: behaviours },
];

export const clauses: readonly Clause[] = chapters.flatMap((chapter) => chapter.clauses);
