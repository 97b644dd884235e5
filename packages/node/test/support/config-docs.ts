/**
 * docs/config.md, made from the specification.
 *
 * Guarantees: pure; every key of the specification is in it. test/unit/config/docs.test.ts compares the file with
 * this and writes it when UPDATE_DOCS is set.
 */

import { allowedValues } from '../../src/config/leaf.ts';
import type { AnySectionSpec, LeafSpec, Spec } from '../../src/config/spec/kinds.ts';
import { SPEC } from '../../src/config/spec/table.ts';
import { DEFAULT_CONFIG_YAML } from '../../src/config/templates.ts';

const INTRO = `# Configuration

<!-- Made from packages/node/src/config/spec by \`UPDATE_DOCS=1 npm test\`. Do not edit. -->

\`zeroth run FILE\` reads one YAML 1.2 file; without FILE it runs the default below, also when a \`zeroth.yaml\` is in the
folder. \`zeroth init\` writes such a file with comments, \`zeroth check FILE\` says what is wrong with one, and
\`zeroth schema\` prints a JSON Schema for editors.

\`\`\`yaml
${DEFAULT_CONFIG_YAML}\`\`\`

## Values

| kind | written | note |
|---|---|---|
| duration | \`500ms\` \`5s\` \`2m\` \`1h\` \`1d\` | a whole number and a unit; a bare number is refused |
| size | \`512\` \`64KiB\` \`10MiB\` \`1GiB\` \`10MB\` | a bare number is bytes; KiB, MiB and GiB are powers of 1024, KB, MB and GB of 1000 |
| endpoint | \`tcp://*:5555\` \`tcp://10.0.0.5:6000\` \`"tcp://[::1]:5555"\` \`ipc:///run/zeroth.sock\` \`inproc://name\` | brackets need quotes in YAML; \`inproc\` joins routes of one node |
| path | \`./data\` \`/var/lib/zeroth\` | a relative path starts at the folder of the file |

The file is UTF-8, has at most 1 MiB, and holds one document. Unknown keys, keys that stand twice and values out of range
are errors, each with its place; the codes are in [errors.md](errors.md). Anchors and aliases work; merge keys (\`<<\`) are
not part of YAML 1.2.
`;

export function configDocs(): string {
  return `${INTRO}${sections(SPEC, '').join('')}`;
}

function sections(spec: Spec, path: string): string[] {
  if (spec.type === 'entries')
    return [...entriesHead(spec, path), ...sections(spec.entry, `${path}.<${spec.noun}>`)];
  if (spec.type !== 'section') return [];
  const own = path === '' ? [] : [table(spec, path)];
  return [
    ...own,
    ...Object.entries(spec.keys).flatMap(([name, key]) =>
      sections(key, path === '' ? name : `${path}.${name}`),
    ),
  ];
}

function entriesHead(spec: Extract<Spec, { type: 'entries' }>, path: string): string[] {
  return [
    `\n## ${path}\n\n${spec.description} A name has ${spec.namePattern.allowed}. At most ${spec.maxEntries}.\n`,
  ];
}

function table(spec: AnySectionSpec, path: string): string {
  const rows = Object.entries(spec.keys).map(([name, key]) => row(name, key, path, spec.reloadable));
  const oneOf = spec.atLeastOneOf.map((name) => `\`${name}\``).join(' or ');
  const lines = [
    '',
    `## ${path.replaceAll('<', '\\<')}`,
    '',
    spec.description + (oneOf === '' ? '' : ` At least one of ${oneOf} is needed.`),
    '',
    '| key | type | default | allowed | meaning |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ];
  return lines.join('\n');
}

function row(name: string, spec: Spec, path: string, above: boolean): string {
  const cells = [`\`${name}\``, typeText(spec), defaultText(spec), allowedText(spec)];
  const see = spec.type === 'section' || spec.type === 'entries' ? ` See \`${path}.${name}\` below.` : '';
  const choices =
    spec.type === 'choice'
      ? ` ${Object.entries(spec.choices)
          .map(([word, meaning]) => `\`${word}\`: ${meaning}`)
          .join('; ')}.`
      : '';
  const secret = spec.secret ? ' Secret: never shown.' : '';
  const restart = spec.reloadable && above ? '' : ' A change counts from the next start.';
  return `| ${[...cells, `${spec.description}${choices}${see}${secret}${restart}`].map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function typeText(spec: Spec): string {
  switch (spec.type) {
    case 'endpoints':
      return 'endpoint or list';
    case 'section':
    case 'entries':
      return 'mapping';
    case 'integer':
      return spec.unit === null ? 'integer' : `integer (${spec.unit})`;
    default:
      return spec.type;
  }
}

function defaultText(spec: Spec): string {
  if (spec.required) return 'required';
  if (spec.type === 'section' && spec.optional) return 'none';
  if (spec.type === 'section' || spec.type === 'entries') return '';
  if (spec.type === 'text' && spec.computed !== null) return spec.computed.text;
  return spec.default === null ? 'none' : `\`${spec.default}\``;
}

function allowedText(spec: Spec): string {
  if (spec.type === 'section' || spec.type === 'entries') return '';
  return allowedValues(spec as LeafSpec)
    .map((text) => (spec.type === 'endpoints' || spec.type === 'choice' ? `\`${text}\`` : text))
    .join(', ');
}
