/** The same octets to an engine in every way that a network may cut them. */
import assert from 'node:assert/strict';
import { PeerLog, type PeerLogOptions } from './peerlog.ts';

/** What came of it: events in order, octets sent, how it ended. */
interface Outcome {
  readonly log: readonly string[];
  readonly sent: string;
  readonly code: string | null;
}

function outcome(peer: PeerLog): Outcome {
  return { log: peer.log, sent: peer.sent.toString('hex'), code: peer.error?.code ?? null };
}

/** Feeds `bytes` whole, octet by octet and split in two at every position, and returns what all of that came to. */
export function everyWay(bytes: Uint8Array, options: PeerLogOptions = {}): Outcome {
  const whole = outcome(new PeerLog(options).feed(bytes));
  assert.deepEqual(outcome(new PeerLog(options).feedIn(bytes, [1])), whole, 'octet by octet');
  for (let at = 1; at < bytes.length; at++) {
    const split = new PeerLog(options).feed(bytes.subarray(0, at)).feed(bytes.subarray(at));
    assert.deepEqual(outcome(split), whole, `split at ${at}`);
  }
  return whole;
}
