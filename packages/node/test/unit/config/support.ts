/** What the tests of config/ share. */

import assert from 'node:assert/strict';
import { loadConfig } from '../../../src/config/load.ts';
import type { Problem, ProblemCode } from '../../../src/config/problem.ts';
import type { Config } from '../../../src/config/types.ts';

export const CONTEXT = { baseDir: '/etc/zeroth', hostName: 'plant-7' } as const;

/** Loads a text that must be good, without warnings. */
export function good(text: string): Config {
  const { config, problems, warnings } = loadConfig({ text, source: 'good.yaml' }, CONTEXT);
  assert.deepEqual([...problems, ...warnings], []);
  assert.ok(config !== null);
  return config;
}

/** Loads a text that must be refused. */
export function bad(text: string): readonly Problem[] {
  const { config, problems } = loadConfig({ text, source: 'bad.yaml' }, CONTEXT);
  assert.equal(config, null);
  assert.notEqual(problems.length, 0);
  return problems;
}

export function codes(problems: readonly Problem[]): ProblemCode[] {
  return problems.map(({ code }) => code);
}

/** A route that is right but for what is put in. */
export function route(extra: string): string {
  return `routes:\n  r:\n    pattern: pipeline\n    frontend: { bind: tcp://*:5560 }\n    backend: { bind: tcp://*:5561 }\n${extra}`;
}
