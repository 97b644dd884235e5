/**
 * The version of this package: stated in its package.json and nowhere else.
 */
import { createRequire } from 'node:module';

export function packageVersion(): string {
  // By its own name, which is right wherever this file was compiled to.
  return (createRequire(import.meta.url)('zeroth/package.json') as { version: string }).version;
}
