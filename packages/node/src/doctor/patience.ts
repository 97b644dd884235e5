/**
 * A limit of time for what comes through the event loop of this process.
 *
 * Guarantees: the loop has turned many times before it is over. Where the process was held up, what has come meanwhile is
 * read first: a busy machine is not taken for a silent peer.
 */
const STEPS = 10;

/** Calls `late` after so many milliseconds, unless the returned function is called before. */
export function patience(milliseconds: number, late: () => void): () => void {
  let left = STEPS;
  // Turns of an interval that were missed do not come later.
  const timer = setInterval(() => {
    if (--left > 0) return;
    clearInterval(timer);
    late();
  }, milliseconds / STEPS);
  return () => clearInterval(timer);
}
