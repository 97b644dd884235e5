import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { needsOf } from '../../../src/cli/service/inputs.ts';
import { loadConfig } from '../../../src/config/load.ts';

describe('what a service is allowed', () => {
  const cases: readonly (readonly [bind: string, low: boolean])[] = [
    ['tcp://*:443', true],
    ['tcp://*:5555', false],
    ['tcp://*:0', false],
    ['ws://*:80/feed', true],
    ['ws://*:8080/feed', false],
    ['ipc:///run/x.sock', false],
  ];
  for (const [bind, low] of cases) {
    it(`${bind}: ${low ? 'a port of the system' : 'no port of the system'}`, () => {
      const text = `routes: { a: { pattern: pipeline, frontend: { bind: "${bind}" }, backend: { bind: "tcp://*:6000" } } }\n`;
      const { config, problems } = loadConfig({ text, source: 'test' });
      assert.deepEqual(problems, []);
      assert.equal(needsOf(config!, '/').lowPorts, low);
    });
  }
});
