/**
 * Names of streams. A stream's folder has its name, so it has to be one on every system: a data folder can be moved.
 */

/** What Windows takes for a device, with or without an extension. */
const DEVICE = /^(con|nul|prn|aux|com[1-9]|lpt[1-9])(\.|$)/i;

/** Windows drops a dot at the end, which makes two names one. */
export function isStreamName(name: string): boolean {
  return /^[A-Za-z0-9._-]{1,64}$/.test(name) && !name.endsWith('.') && !DEVICE.test(name);
}

/** The same for names that are one where the file system ignores case. */
export function keyOfName(name: string): string {
  return name.toLowerCase();
}
