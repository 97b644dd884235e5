/** The parser that test/e2e/readme.test.ts trusts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { commandBlocks } from '../../support/readme.ts';

const fence = '```';

describe('commandBlocks', () => {
  it('takes the sh blocks, without comments, joined and split', () => {
    const text = `# Title
${fence}sh
npm ci && npm start   # installs

# a comment
npx zeroth req tcp://127.0.0.1:5557 \\
  ping#1
${fence}
${fence}yaml
zeroth: no command
${fence}
${fence}sh
seq 3 | npx zeroth push tcp://127.0.0.1:5560
python3 examples/python/pull.py
${fence}
`;
    assert.deepEqual(commandBlocks(text), [
      [
        { kind: 'npm', text: 'npm ci' },
        { kind: 'npm', text: 'npm start' },
        { kind: 'zeroth', text: 'zeroth req tcp://127.0.0.1:5557 ping#1', verb: 'req' },
      ],
      [
        { kind: 'zeroth', text: 'seq 3 | zeroth push tcp://127.0.0.1:5560', verb: 'push' },
        { kind: 'other', text: 'python3 examples/python/pull.py', files: ['examples/python/pull.py'] },
      ],
    ]);
  });

  it('refuses a command that nobody would run', () => {
    assert.throws(() => commandBlocks(`${fence}sh\nfrobnicate --now\n${fence}\n`), /frobnicate/);
  });
});
