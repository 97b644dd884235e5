/** The command line that is written is taken apart again by a parser written from the documented rules. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { commandLine, quoteArgument } from '../../../../src/service/windows/quote.ts';

/** "Parsing C command-line arguments", learn.microsoft.com; the first one is read to its closing quote. */
function parse(line: string): string[] {
  const words: string[] = [];
  let at = 0;
  let program = '';
  if (line[at] === '"') {
    for (at++; at < line.length && line[at] !== '"'; at++) program += line[at];
    at++;
  } else for (; at < line.length && line[at] !== ' ' && line[at] !== '\t'; at++) program += line[at];
  words.push(program);
  for (;;) {
    while (line[at] === ' ' || line[at] === '\t') at++;
    if (at >= line.length) return words;
    let word = '';
    let quoted = false;
    for (; at < line.length; at++) {
      let slashes = 0;
      for (; line[at] === '\\'; at++) slashes++;
      if (line[at] === '"') {
        // 2n backslashes and a quote: n backslashes, the quote begins or ends a part. 2n + 1: n, and a quote as it is.
        word += '\\'.repeat(Math.floor(slashes / 2));
        if (slashes % 2 === 1) word += '"';
        else if (quoted && line[at + 1] === '"') {
          word += '"';
          at++;
        } else quoted = !quoted;
        continue;
      }
      word += '\\'.repeat(slashes);
      if (at >= line.length) break;
      if (!quoted && (line[at] === ' ' || line[at] === '\t')) break;
      word += line[at];
    }
    words.push(word);
  }
}

describe('the command line of a Windows service', () => {
  it('is quoted as Windows reads it', () => {
    assert.equal(
      commandLine([
        'C:\\Program Files\\nodejs\\node.exe',
        'C:\\zeroth\\',
        'run',
        '',
        'a b',
        'c:\\d e\\',
        'say "x\\"',
      ]),
      '"C:\\Program Files\\nodejs\\node.exe" C:\\zeroth\\ run "" "a b" "c:\\d e\\\\" "say \\"x\\\\\\""',
    );
  });

  it('leaves a word alone that needs no quotes', () => {
    assert.equal(quoteArgument('--service=zeroth\\x'), '--service=zeroth\\x');
  });

  it('comes out as it went in, whatever the arguments are', () => {
    const awkward = fc.string({ unit: fc.constantFrom('\\', '"', ' ', '\t', 'a', 'é', '%', "'") });
    fc.assert(
      fc.property(fc.array(fc.oneof(awkward, fc.string()), { maxLength: 6 }), (words) => {
        const program = 'C:\\Program Files\\x.exe';
        assert.deepEqual(parse(commandLine([program, ...words])), [program, ...words]);
      }),
      { numRuns: 2000 },
    );
  });

  it('refuses a program with a quote in its name', () => {
    assert.throws(() => commandLine(['C:\\a"b.exe']), { code: 'SERVICE_FAILED' });
  });
});
