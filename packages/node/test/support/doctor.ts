/** What checks of the machine are given, for a configuration text. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { openConfig } from '../../src/control/open.ts';
import type { CheckResult, CheckStatus, ConfiguredSurroundings } from '../../src/doctor/check.ts';
import { ZerothError } from '../../src/errors.ts';

export async function surroundings(
  yaml: string,
  more: Partial<ConfiguredSurroundings> = {},
): Promise<ConfiguredSurroundings> {
  const opened = await openConfig({ from: { text: yaml, source: 'test' } });
  if (!opened.ok) throw new Error(opened.message);
  return {
    file: null,
    environment: {},
    openManager: () => Promise.reject(new ZerothError('SERVICE_UNSUPPORTED', 'not in a test')),
    signal: new AbortController().signal,
    opened,
    ...more,
  };
}

/** A pipeline with one endpoint that is bound or connected; `more` are further top keys. */
export function one(endpoint: string, how: 'bind' | 'connect' = 'bind', more = ''): string {
  return `routes:\n  jobs: { pattern: pipeline, frontend: { ${how}: "${endpoint}" }, backend: { bind: "inproc://out" } }\n${more}`;
}

export function outcome(results: readonly CheckResult[]): readonly (readonly [string, CheckStatus])[] {
  return results.map(({ id, status }) => [id, status]);
}

/** The one result; a test that gets others fails with all of them. */
export function only(results: readonly CheckResult[]): CheckResult {
  const [first] = results;
  if (first === undefined || results.length !== 1) throw new Error(JSON.stringify(results, null, 2));
  return first;
}

/** Another process that runs `script`, a module; resolves with it and the first line that it prints. */
export async function another(t: TestContext, script: string): Promise<{ pid: number; line: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  return { pid: child.pid as number, line: line.trim() };
}
