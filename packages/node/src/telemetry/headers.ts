/** The headers for the collector, out of the text of the configuration, which was checked: `name=value`, separated by commas. */
export function parseHeaders(text: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const part of text.split(',')) {
    const equals = part.indexOf('=');
    if (equals > 0) headers[part.slice(0, equals).trim()] = part.slice(equals + 1).trim();
  }
  return headers;
}
