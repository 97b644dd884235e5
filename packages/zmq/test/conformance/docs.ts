/** docs/conformance.md, made from the clauses and from what the sources of their tests say. */
import { chapters } from './clauses/all.ts';
import type { Clause, Reference } from './clauses/clause.ts';
import { type ConformanceTest, conformanceTests, loopsAround, type Where } from './sources.ts';

const INTRO = `# Conformance

<!-- Made from packages/zmq/test/conformance by \`UPDATE_DOCS=1 npm test -- packages/zmq/test/conformance/clauses\`. Do not edit. -->

What the specifications of ZeroMQ and the test suite of libzmq ask of a socket, sentence by sentence in our words, and the
tests that hold \`@zeroth/zmq\` to it. A test checks that each clause has a test and that each test has a clause.

- **level**: MUST, SHOULD or MAY of the RFC; *libzmq*: its test suite checks it, no RFC says so.
- **ours**: transports on which sockets of ours do it among themselves, each end binding once and connecting once if not said otherwise.
- **libzmq**: transports on which the other end is libzmq 4.3.5, and what ours does there.
- *octets*: the other end is made by hand, octet by octet, over tcp.
- *unit*: tested on the part that does it, without a connection.

all: tcp, tcp with IPv6, ipc, ipc with abstract names, inproc, ws and wss. all wires: these without inproc. libzmq is at the other
end over tcp, tcp with IPv6, ipc and ws. Over tcp with IPv6 and over wss ours binds among ourselves, and connects to libzmq.
`;

interface Words {
  readonly ours: string;
  readonly libzmq: string;
}

const words = (ours: string, libzmq: string): Words => ({ ours, libzmq });

const SCOPE_WORDS: Readonly<Record<Where, Words>> = {
  everywhere: words('all', 'binds, connects'),
  wires: words('all wires', 'binds, connects'),
  bound: words('all, binds', 'binds'),
  boundWires: words('all wires, binds', 'binds'),
  connected: words('all, connects', 'connects'),
  connectedWires: words('all wires, connects', 'connects'),
  ours: words('all', ''),
  oursConnected: words('all, connects', ''),
  basic: words('tcp, ipc, ws', 'tcp, ipc, ws: binds, connects'),
  alone: words('by itself', ''),
  octets: words('octets', ''),
  octetsBound: words('octets, binds', ''),
  octetsConnected: words('octets, connects', ''),
};

/** What the loops around a test outside this folder go over, in words. */
const LOOP_WORDS: Readonly<Record<string, string>> = {
  transports: 'all',
  wires: 'all wires',
  basicWires: 'tcp, ipc, ws',
};

function referenceWords({ file, test }: Reference): Words {
  const loops = loopsAround(file, test);
  if (loops === null) throw new Error(`${file}.test.ts has no test ${JSON.stringify(test)}`);
  const where = loops.map((loop) => LOOP_WORDS[loop]).find((found) => found !== undefined);
  if (file.startsWith('interop/')) return words('', `${where ?? 'tcp'}: binds, connects`);
  if (file.startsWith('behaviour/')) return words(where ?? 'tcp', '');
  return words('unit', '');
}

/** Each said once; what is part of another is left out. */
function together(parts: readonly string[]): string {
  const said = [...new Set(parts.filter((part) => part !== ''))];
  const all = said.includes('all');
  const wide = said.filter(
    (part) => !all || part === 'all' || !(part.startsWith('all') || part.startsWith('tcp')),
  );
  return wide.join('; ');
}

function testsOf(clause: Clause, tests: readonly ConformanceTest[]): string {
  const own = tests.filter((test) => test.clause === clause.name).map(({ file }) => link(file));
  const others = clause.see.map(
    ({ file, test }) => `${link(`${file}.test.ts`)}: ${test.replaceAll('|', '\\|')}`,
  );
  return [...new Set([...own, ...others])].join('; ');
}

function link(file: string): string {
  const name = file.replace(/\.test\.ts$/, '');
  return `[${name}](../packages/zmq/test/${file})`;
}

function row(clause: Clause, tests: readonly ConformanceTest[]): string {
  const name = clause.name.replaceAll('|', '\\|');
  if (clause.reason !== undefined) return `| ${name} | ${clause.level} | – | – | ${clause.reason} |`;
  const where = [
    ...tests.filter((test) => test.clause === clause.name).map((test) => SCOPE_WORDS[test.where]),
    ...clause.see.map(referenceWords),
  ];
  const ours = together(where.map((each) => each.ours)) || '–';
  const libzmq = together(where.map((each) => each.libzmq)) || '–';
  return `| ${name} | ${clause.level} | ${ours} | ${libzmq} | ${testsOf(clause, tests)} |`;
}

export function conformanceDocs(): string {
  const tests = conformanceTests();
  const parts = chapters.map(({ title, clauses }) => {
    const rows = clauses.map((clause) => row(clause, tests)).join('\n');
    return `\n## ${title}\n\n| clause | level | ours | libzmq | held by, or why not |\n|---|---|---|---|---|\n${rows}\n`;
  });
  return `${INTRO}${parts.join('')}`;
}
