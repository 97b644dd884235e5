import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { loadConfig } from '../../../src/config/load.ts';
import { jsonSchema } from '../../../src/config/schema.ts';
import { DEFAULT_CONFIG_YAML, INIT_TEMPLATE } from '../../../src/config/templates.ts';
import { route } from './support.ts';

// enumDescriptions is for editors; ajv knows only the keywords of the standard.
const ajv = new Ajv({
  strict: true,
  strictRequired: false,
  allErrors: true,
  allowUnionTypes: true,
  keywords: ['enumDescriptions'],
});
const validate = ajv.compile(jsonSchema());
const accepts = (text: string): boolean => validate(parse(text));

describe('the JSON Schema', () => {
  it('is valid draft-07 and survives JSON', () => {
    assert.equal(jsonSchema().$schema, 'http://json-schema.org/draft-07/schema#');
    assert.ok(ajv.validateSchema(jsonSchema()));
    assert.deepEqual(JSON.parse(JSON.stringify(jsonSchema())), jsonSchema());
  });

  const right: [string, string][] = [
    ['the default configuration', DEFAULT_CONFIG_YAML],
    ['the template', INIT_TEMPLATE],
    [
      'the template with its comments',
      INIT_TEMPLATE.replace(/^( +)# ([A-Za-z]+: (\S+|\{ .* \}))$/gm, '$1$2'),
    ],
    ['empty sections', `node:\nlog:\n${route('')}`],
    ['no routes', 'routes:'],
    ['sizes as numbers', route('    maxMessageSize: 512\n')],
    ['lists', route('').replace('tcp://*:5561', '[tcp://*:1, ipc:///a, inproc://b]')],
    ['a stream of nothing', route('    stream:\n')],
    ['a stream', route('    stream: { retain: { bytes: 0, age: 90d, count: 7 }, fsync: never }\n')],
    ['streams of nothing', 'streams:\n  a:\n  b: {}\nsessions: { bind: [tcp://*:1] }'],
    ['bind and connect', route('').replace('tcp://*:5561', 'tcp://*:1, connect: tcp://a:1')],
  ];
  for (const [what, text] of right) {
    it(`accepts ${what}, as the loader does`, () => {
      assert.ok(accepts(text), ajv.errorsText(validate.errors));
      assert.deepEqual(loadConfig({ text, source: 'x' }).problems, []);
    });
  }

  const wrong: [string, string][] = [
    ['an empty file', ''],
    ['a list', '- a'],
    ['an unknown key', `nod: {}\n${route('')}`],
    ['an unknown key in a route', route('    hwm: 1\n')],
    ['an unknown key in a side', route('').replace('bind: tcp://*:5561', 'bind: tcp://*:5561, x: 1')],
    ['a route without a pattern', route('').replace(/ +pattern.*\n/, '')],
    ['a route without a backend', route('').replace(/ +backend.*\n/, '')],
    ['a side without endpoints', route('').replace('{ bind: tcp://*:5561 }', '{}')],
    ['a side of nothing', route('').replace('{ bind: tcp://*:5561 }', '')],
    ['a route of nothing', 'routes: { a: }'],
    ['an empty list', route('').replace('tcp://*:5561', '[]')],
    ['an endpoint without a transport', route('').replace('tcp://*:5561', '"*:5561"')],
    ['an unknown transport', route('').replace('tcp://*:5561', 'udp://*:5561')],
    ['an unknown pattern', route('').replace('pipeline', 'pipelin')],
    ['a bad name of a route', route('').replace('  r:', '  my route:')],
    ['a bad node name', 'node: { name: a b }'],
    ['a duration without a unit', 'node: { stopTimeout: 10 }'],
    ['a fraction of a duration', 'node: { stopTimeout: 1.5s }'],
    ['a size with a wrong unit', route('    maxMessageSize: 1mb\n')],
    ['a number out of range', route('    maxPeers: -1\n')],
    ['a text for a number', route('    maxPeers: "5"\n')],
    ['a text for a boolean', route('    ipv6: "true"\n')],
    ['a stream of true', route('    stream: true\n')],
    ['a negative count', 'streams: { a: { retain: { count: -1 } } }'],
    ['sessions of nothing', 'sessions:'],
    ['a level in capitals', 'log: { level: INFO }'],
  ];
  for (const [what, text] of wrong) {
    it(`refuses ${what}, as the loader does`, () => {
      assert.ok(!accepts(text));
      assert.notDeepEqual(loadConfig({ text, source: 'x' }).problems, []);
    });
  }
});
