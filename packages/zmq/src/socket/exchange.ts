/** What the socket types and their peers owe each other, as far as it matters to who parts from a peer. */
import type { WireSocketType } from '../zmtp/sockets.ts';
import { receives } from './options.ts';

/** Whether what peers send is anybody's: what an XPUB receives are wishes, which end with their peer. */
export function takesIn(type: WireSocketType): boolean {
  return receives(type) && type !== 'XPUB';
}

/** Whether messages go to the peer that asked for them: it stays known until it has them. */
export function answers(type: WireSocketType): boolean {
  return type === 'ROUTER' || type === 'REP' || type === 'PAIR';
}

/** Whether messages go both ways. */
export function converses(type: WireSocketType): boolean {
  return answers(type) || type === 'DEALER' || type === 'REQ';
}

/**
 * Replies that are due, given what was sent less what was received: above 0 by us, below 0 by the peer. NaN where that
 * can't be told by counting.
 */
export function owed(type: WireSocketType, outstanding: number): number {
  switch (type) {
    case 'ROUTER':
    case 'REP':
      return Math.max(0, -outstanding);
    case 'DEALER':
    case 'REQ':
      return -outstanding;
    case 'PAIR':
      return Number.NaN;
    default:
      return 0;
  }
}
