/**
 * Words for the files that systemd reads.
 *
 * Guarantees: systemd reads back exactly the word that went in; words have no control characters (spec.ts refuses them).
 */

/** A word of a list or of a command: systemd.syntax(7), "Quoting". `%` begins a specifier everywhere. */
export function quoteWord(word: string): string {
  const escaped = word.replaceAll('%', '%%');
  if (/^[\w@%+=:,./-]+$/.test(escaped)) return escaped;
  return `"${escaped.replace(/[\\"]/g, '\\$&')}"`;
}

/** The rest of a line, which systemd takes as it is but for specifiers. */
export function plainText(text: string): string {
  // A backslash at the end would go on with the next line.
  return text.replaceAll('%', '%%').replace(/[\s\\]+$/, '');
}

/** A command: the colon says that `$` stands for itself. systemd.service(5), "Special executable prefixes". */
export function quoteCommand([program, ...rest]: readonly [string, ...string[]]): string {
  return [quoteWord(`:${program}`), ...rest.map(quoteWord)].join(' ');
}

/** A line of an EnvironmentFile: read like a shell reads double quotes. systemd.exec(5), "EnvironmentFile=". */
export function environmentLine(key: string, value: string): string {
  return `${key}="${value.replace(/[\\"$`]/g, '\\$&')}"`;
}
