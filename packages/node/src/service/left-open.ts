/**
 * What keeps a process alive that has done its work.
 *
 * Guarantees: the process ends; if a handle of ours is why it did not by itself, that is said.
 */

/** Milliseconds that the process may take to end by itself when its work is done. */
const GRACE = 2000;

/** The handles and timers that are open, each kind once with its number: `TCPSocketWrap (3), Timeout`. */
export function leftOpen(): string {
  const kinds = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  return [...kinds].map(([kind, count]) => (count === 1 ? kind : `${kind} (${count})`)).join(', ');
}

/** To be called when all is done: ends the process, if need be by force and with a line for `say`. */
export function guardExit(say: (line: string) => void): void {
  setTimeout(() => {
    say(`warning: still open ${GRACE / 1000} s after the end, forcing the exit: ${leftOpen()}`);
    process.exit();
  }, GRACE).unref();
}
