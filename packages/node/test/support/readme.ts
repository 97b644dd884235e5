/**
 * The commands that a README shows, so that a test can run them.
 *
 * Guarantees: every line of every ```sh block is a command of one of the kinds below, or the parser throws; comments and
 * blank lines are none; a backslash at the end of a line joins it with the next.
 */

export type Command =
  /** `npm …`: looked at, not run (a test that runs the tests would not end). */
  | { readonly kind: 'npm'; readonly text: string }
  /** A line with `zeroth` in it, without `npx`. `verb` is the command of zeroth. */
  | { readonly kind: 'zeroth'; readonly text: string; readonly verb: string }
  /** Anything else that a reader may have to type, such as `cd` or `python3 examples/…`: its files must exist. */
  | { readonly kind: 'other'; readonly text: string; readonly files: readonly string[] };

const OTHERS = ['cd', 'git', 'python3', 'node', 'docker', 'code', 'cat', 'sudo', 'apt-get', 'pip', 'kill'];

/** The ```sh blocks of a text, each as the list of its commands. */
export function commandBlocks(markdown: string): Command[][] {
  const blocks: Command[][] = [];
  for (const [, body] of markdown.matchAll(/^ *```sh\r?\n([\s\S]*?)^ *```\s*$/gm)) {
    const lines = (body as string).replace(/\s*\\\r?\n\s*/g, ' ').split(/\r?\n/);
    const texts = lines.map((line) => line.replace(/(^|\s)#\s.*$/, '').trim()).filter((line) => line !== '');
    blocks.push(texts.flatMap((text) => text.split(/\s+&&\s+/)).map(parseCommand));
  }
  return blocks;
}

function parseCommand(text: string): Command {
  const zeroth = /(?:^|\|\s*)(?:npx )?zeroth\s+(\S+)/.exec(text);
  if (zeroth !== null)
    return { kind: 'zeroth', text: text.replaceAll('npx zeroth', 'zeroth'), verb: zeroth[1] as string };
  const [program] = text.split(' ') as [string];
  if (program === 'npm') return { kind: 'npm', text };
  if (!OTHERS.includes(program))
    throw new Error(`a README has a command that no test knows how to run: ${text}`);
  return {
    kind: 'other',
    text,
    files: text.split(/\s+/).filter((word) => /^(?:examples|docs|bench|packages)\//.test(word)),
  };
}
