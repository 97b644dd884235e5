/** Socket types on the wire and which of them may talk to each other (RFC 28 to 31, 41, 48, 49, 51, 52,
 * "shall connect to"). */

/** The value of the Socket-Type property. */
export type WireSocketType =
  | 'PAIR'
  | 'PUB'
  | 'SUB'
  | 'REQ'
  | 'REP'
  | 'DEALER'
  | 'ROUTER'
  | 'PULL'
  | 'PUSH'
  | 'XPUB'
  | 'XSUB'
  | 'STREAM'
  | 'SERVER'
  | 'CLIENT'
  | 'RADIO'
  | 'DISH'
  | 'GATHER'
  | 'SCATTER'
  | 'PEER'
  | 'DGRAM'
  | 'CHANNEL';

const COMPATIBLE: Readonly<Record<WireSocketType, readonly WireSocketType[]>> = {
  PAIR: ['PAIR'],
  PUB: ['SUB', 'XSUB'],
  SUB: ['PUB', 'XPUB'],
  REQ: ['REP', 'ROUTER'],
  REP: ['REQ', 'DEALER'],
  DEALER: ['REP', 'DEALER', 'ROUTER'],
  ROUTER: ['REQ', 'DEALER', 'ROUTER'],
  PULL: ['PUSH'],
  PUSH: ['PULL'],
  XPUB: ['SUB', 'XSUB'],
  XSUB: ['PUB', 'XPUB'],
  // Speaks no ZMTP, so that it meets no socket type.
  STREAM: [],
  DGRAM: [],
  SERVER: ['CLIENT'],
  CLIENT: ['SERVER'],
  RADIO: ['DISH'],
  DISH: ['RADIO'],
  GATHER: ['SCATTER'],
  SCATTER: ['GATHER'],
  PEER: ['PEER'],
  CHANNEL: ['CHANNEL'],
};

export function compatible(ours: WireSocketType, theirs: string): theirs is WireSocketType {
  return (COMPATIBLE[ours] as readonly string[]).includes(theirs);
}

export function partners(ours: WireSocketType): readonly string[] {
  return COMPATIBLE[ours];
}
