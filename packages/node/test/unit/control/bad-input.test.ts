/**
 * Every kind of bad configuration, by each way in: at the start, by a reload of the file, and from a centre. Each is
 * refused with file, line, key, value and what is allowed, and the running node is untouched.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Problem, ProblemCode } from '../../../src/config/problem.ts';
import { openConfig } from '../../../src/control/open.ts';
import { ZerothError } from '../../../src/errors.ts';
import { FakeSource, folderOf, ME, refused, run, text, until } from './support.ts';

interface Case {
  readonly code: ProblemCode;
  readonly line: number;
  readonly key: string;
  readonly value?: string;
  readonly allowed?: RegExp;
  readonly message: RegExp;
}

const GOOD = text('', '');
/** Inside of a mapping. */
const CUT = GOOD.slice(0, GOOD.indexOf('5558 }'));
const HUGE = 100 * 1024 * 1024;

const CASES: readonly (readonly [what: string, content: string, expected: Case])[] = [
  [
    'empty',
    '',
    { code: 'CONFIG_EMPTY', line: 0, key: '', allowed: /node, log, routes/, message: /no settings/ },
  ],
  ['only comments', '# a\n# b\n', { code: 'CONFIG_EMPTY', line: 0, key: '', message: /no settings/ }],
  ['truncated', CUT, { code: 'CONFIG_SYNTAX', line: 5, key: '', message: /./ }],
  [
    'of more than 1 MiB',
    '#'.repeat(1024 * 1024 + 1),
    {
      code: 'CONFIG_FILE_TOO_LARGE',
      line: 0,
      key: '',
      allowed: /at most 1048576 bytes/,
      message: /more than 1048576/,
    },
  ],
  [
    'cyclic by anchors',
    `${GOOD}streams: &s { a: *s }\n`,
    { code: 'CONFIG_ALIAS_CYCLE', line: 6, key: '', message: /contains it/ },
  ],
  [
    'that grows by anchors',
    `a: &a [x,x,x,x,x,x,x,x,x,x]\n${['b', 'c', 'd', 'e', 'f']
      .map((name, i) => `${name}: &${name} [${Array(10).fill(`*${'abcde'[i]}`).join()}]\n`)
      .join('')}`,
    { code: 'CONFIG_TOO_MANY_ALIASES', line: 5, key: '', allowed: /at most 100000 nodes/, message: /expand/ },
  ],
  [
    'nested too deeply',
    `a: ${'['.repeat(100_000)}`,
    { code: 'CONFIG_TOO_DEEP', line: 1, key: '', allowed: /at most 64 levels/, message: /64 levels/ },
  ],
  [
    'with a key twice',
    `${GOOD}    timeout: 1s\n    timeout: 2s\n`,
    { code: 'CONFIG_DUPLICATE_KEY', line: 7, key: 'routes.orders.timeout', message: /also on line 6/ },
  ],
  [
    'with a wrong type',
    `${GOOD}    maxPeers: many\n`,
    {
      code: 'CONFIG_WRONG_TYPE',
      line: 6,
      key: 'routes.orders.maxPeers',
      value: 'many',
      allowed: /0 to 1000000/,
      message: /whole number/,
    },
  ],
  [
    'with a list for a mapping',
    'routes: [a]\n',
    { code: 'CONFIG_WRONG_TYPE', line: 1, key: 'routes', value: 'a list', message: /mapping/ },
  ],
  [
    'with an unknown key',
    `${GOOD}    timout: 1s\n`,
    {
      code: 'CONFIG_UNKNOWN_KEY',
      line: 6,
      key: 'routes.orders.timout',
      allowed: /timeout/,
      message: /unknown key/,
    },
  ],
  [
    'with a value out of range',
    `${GOOD}    timeout: 2d\n`,
    {
      code: 'CONFIG_OUT_OF_RANGE',
      line: 6,
      key: 'routes.orders.timeout',
      value: '2d',
      allowed: /0s to 1d/,
      message: /too large/,
    },
  ],
  [
    'with a port twice',
    `${GOOD}admin: { bind: tcp://127.0.0.1:5557 }\n`,
    {
      code: 'CONFIG_ENDPOINT_TWICE',
      line: 6,
      key: 'admin.bind',
      value: 'tcp://127.0.0.1:5557',
      message: /already taken by routes\.orders\.frontend\.bind .*line 4/,
    },
  ],
  [
    'open to all without a token',
    `${GOOD}admin: { bind: tcp://*:5580 }\n`,
    { code: 'CONFIG_CONFLICT', line: 6, key: 'admin.bind', message: /there is no token/ },
  ],
];

function check(problems: readonly Problem[], file: string, expected: Case): void {
  const [problem] = problems;
  assert.deepEqual(
    [problem?.code, problem?.file, problem?.line, problem?.key],
    [expected.code, file, expected.line, expected.key],
  );
  if (expected.value !== undefined) assert.equal(problem?.value, expected.value);
  assert.match(problem?.allowed.join(', ') ?? '', expected.allowed ?? /(?:)/);
  assert.match(problem?.message ?? '', expected.message);
}

describe('a bad configuration', () => {
  for (const [what, content, expected] of CASES) {
    it(`${what}: at the start`, async (t) => {
      const path = join(folderOf(t), 'zeroth.yaml');
      writeFileSync(path, content);
      const opened = await openConfig({ from: { path } });
      assert.ok(!opened.ok);
      check(opened.problems, path, expected);
    });

    it(`${what}: by a reload`, async (t) => {
      const { control, node, path, log } = await run(t, text());
      const before = control.snapshot;
      writeFileSync(path, content);
      const report = refused(await control.reload(ME));
      assert.equal(report.code, 'CONFIG_INVALID');
      check(report.problems, path, expected);
      assert.deepEqual([control.snapshot, node.configs.length, control.history().length], [before, 0, 1]);
      assert.equal(log.of('config:refused').length, 1);
    });

    it(`${what}: from a centre`, async (t) => {
      const source = new FakeSource(GOOD, new ZerothError('SOURCE_FAILED', 'down'));
      const file = 'node: { watch: false }\nsource: { kind: etcd, url: "http://a:1" }\n';
      const { control, node, log } = await run(t, file, { source });
      const before = control.snapshot;
      source.say(content);
      await until(() => log.of('config:refused').length === 1);
      const report = refused(await control.reload(ME));
      check(report.problems, source.name, expected);
      assert.deepEqual([control.snapshot, node.configs.length], [before, 0]);
      assert.equal(log.of('config:refused').length, 1);
    });
  }

  it('of 100 MB is refused without reading it', async (t) => {
    const { control, node, path } = await run(t, text());
    const file = openSync(path, 'w');
    ftruncateSync(file, HUGE);
    closeSync(file);
    const before = process.memoryUsage().arrayBuffers;
    const report = refused(await control.reload(ME));
    assert.equal(report.problems[0]?.code, 'CONFIG_FILE_TOO_LARGE');
    assert.ok(process.memoryUsage().arrayBuffers - before < HUGE / 10);
    assert.equal(node.configs.length, 0);
  });

  it('that is a pipe does not hold anybody up', {
    skip: process.platform === 'win32' ? 'no such pipes' : false,
  }, async (t) => {
    const { control, path } = await run(t, text());
    rmSync(path);
    execFileSync('mkfifo', [path]);
    assert.equal(refused(await control.reload(ME)).problems[0]?.code, 'CONFIG_FILE_NOT_A_FILE');
  });

  it('that is a folder, or gone', async (t) => {
    const { control, path } = await run(t, text());
    rmSync(path);
    assert.equal(refused(await control.reload(ME)).problems[0]?.code, 'CONFIG_FILE_NOT_FOUND');
    mkdirSync(path);
    const { code } = refused(await control.reload(ME)).problems[0] as Problem;
    assert.ok(code === 'CONFIG_FILE_NOT_A_FILE' || process.platform === 'win32', code);
  });
});
