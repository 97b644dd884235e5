/**
 * What holds the process: as in zeromq.js not a socket that is open, but somebody who waits for it. Connections,
 * listeners and the timers of idle sessions are unreferenced; whoever waits holds one timer that all share.
 */

let timer: NodeJS.Timeout | null = null;
let holders = 0;

/** The process does not end before the same number of calls of `letGo`. */
export function hold(): void {
  if (holders++ > 0) return;
  // A timer that never matters: the longest there is.
  if (timer === null) timer = setInterval(() => {}, 0x7fff_ffff);
  else timer.ref();
}

export function letGo(): void {
  if (--holders === 0) timer?.unref();
}
