/**
 * Whether this process is the one executable (docs/executable.md), and what it carries.
 *
 * Guarantees: also answers on a Node that does not know the module that tells.
 */

/** What `node:sea` has. */
interface SingleExecutable {
  isSea(): boolean;
  getAsset(key: string, encoding: 'utf8'): string;
  getRawAsset(key: string): ArrayBuffer;
}

/** Null: Node runs files. */
export function singleExecutable(): SingleExecutable | null {
  const sea = process.getBuiltinModule?.('node:sea') as SingleExecutable | undefined;
  return sea?.isSea() === true ? sea : null;
}
