/** What the sources of the tests say: which tests there are, of which clause, and where they run. */
import { readdirSync, readFileSync } from 'node:fs';
import type { ScopeName } from './matrix.ts';

const TESTS = new URL('../../../test/', import.meta.url);

/** The text of a file below test/. */
function source(path: string): string {
  return readFileSync(new URL(path, TESTS), 'utf8').replaceAll('\r\n', '\n');
}

export type Where = ScopeName | 'octets' | 'octetsBound' | 'octetsConnected';

export interface ConformanceTest {
  readonly file: string;
  readonly clause: string;
  readonly where: Where;
}

/** A call of `holds` or `octets`, or the clause that a shared body of common.ts is given. */
const CALL =
  /\b(holds|octets|octetsBound|octetsConnected)\(\s*'((?:[^'\\]|\\.)+)'(?:,\s*'(\w+)')?|\b(\w+)\(\s*\{\s*clause:\s*'((?:[^'\\]|\\.)+)'/g;

/** Every test of this folder. */
export function conformanceTests(): ConformanceTest[] {
  const names = readdirSync(new URL('conformance/', TESTS)).filter((name) => name.endsWith('.test.ts'));
  const shared = sharedBodies();
  return names.flatMap((name) =>
    [...source(`conformance/${name}`).matchAll(CALL)].map(([, call, clause, where, helper, given]) => {
      const scope = call === 'holds' ? where : call !== undefined ? call : shared[helper as string];
      if (scope === undefined) throw new Error(`${name}: where does ${helper} run?`);
      const said = (clause ?? given ?? '').replaceAll("\\'", "'");
      return { file: `conformance/${name}`, clause: said, where: scope as Where };
    }),
  );
}

/** The functions that call `holds` or `octets` with the clause that they are given. */
function sharedBodies(): Record<string, Where> {
  const found: Record<string, Where> = {};
  const body =
    /function (\w+)\([^)]*\bKind\b[^{]*\{\s*(holds|octets|octetsBound|octetsConnected)\(clause(?:, '(\w+)')?/g;
  for (const file of readdirSync(new URL('conformance/', TESTS)).filter((name) => name.endsWith('.ts'))) {
    for (const [, name, call, where] of source(`conformance/${file}`).matchAll(body)) {
      found[name as string] = (call === 'holds' ? where : call) as Where;
    }
  }
  return found;
}

/**
 * Where a test outside this folder runs: the lists that its enclosing loops go over; null if there is no such test. One
 * whose name is a variable is called as the variable.
 */
export function loopsAround(file: string, test: string): string[] | null {
  const lines = source(`${file}.test.ts`)
    .replaceAll(/\$\{[^}]*\}/g, '…')
    .split('\n');
  const quoted = [`it('${test.replaceAll("'", "\\'")}'`, `it("${test}"`, `it(\`${test}\``, `it(${test},`];
  const at = lines.findIndex((line) => quoted.some((name) => line.includes(name)));
  if (at < 0) return null;
  let indent = lines[at]!.search(/\S/);
  const loops: string[] = [];
  for (let line = at - 1; line >= 0; line--) {
    const text = lines[line]!;
    const depth = text.search(/\S/);
    if (depth < 0 || depth >= indent) continue;
    indent = depth;
    const loop = /for \(const .* of (\w+)/.exec(text);
    if (loop !== null) loops.push(loop[1] as string);
  }
  return loops;
}
