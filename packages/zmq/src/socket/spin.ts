/**
 * Looks for a reply without going to sleep first. A process that sleeps in `epoll` needs some 30 us to be woken, which is
 * half of a round trip on one machine; so a REQ that waits keeps the event loop turning for a moment. Everything else in
 * the loop gets its turn meanwhile, and a reply that takes longer finds the process asleep as usual.
 * (bench: req-rep-64)
 */
import { availableParallelism } from 'node:os';

/** Long enough for a round trip on one machine; at worst this much processor time for each request. */
const SPIN_MS = 0.1;
// With one processor it would only keep the peer from answering.
const USEFUL: boolean = availableParallelism() > 1;

let end = 0;
let spinning = false;

/** A reply is expected about now. */
export function spin(): void {
  if (!USEFUL) return;
  end = performance.now() + SPIN_MS;
  if (spinning) return;
  spinning = true;
  setImmediate(turn);
}

function turn(): void {
  if (performance.now() < end) setImmediate(turn);
  else spinning = false;
}
