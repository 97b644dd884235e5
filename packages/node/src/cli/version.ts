/**
 * The version of this package: stated in its package.json and nowhere else.
 */
// By its own name, which is right wherever this file was compiled to; a bundler puts the value in.
import manifest from 'zeroth/package.json' with { type: 'json' };

export function packageVersion(): string {
  return manifest.version;
}
