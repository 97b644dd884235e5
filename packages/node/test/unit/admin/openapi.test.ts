/** docs/openapi.json is what the table of operations says, and is a good description. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { openApi } from '../../../src/admin/openapi.ts';
import { OPERATIONS } from '../../../src/admin/operations.ts';
import { route } from '../../../src/admin/router.ts';
import { SCHEMAS } from '../../../src/admin/schemas.ts';
import { packageVersion } from '../../../src/cli/version.ts';
import { docsFile } from '../docs-file.ts';

interface Described {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters?: readonly { name: string; in: string; required: boolean; schema: object }[];
  readonly responses: Readonly<Record<string, { description?: string; $ref?: string; content?: object }>>;
  readonly security: readonly object[];
}

const document = openApi(OPERATIONS, packageVersion()) as {
  openapi: string;
  paths: Record<string, Record<string, Described>>;
  components: { schemas: object; responses: object; securitySchemes: object };
};
const all = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, described]) => ({ path, method, described })),
);

describe('docs/openapi.json', () => {
  it('is what the table says (UPDATE_DOCS=1 writes it)', () => {
    const path = docsFile('openapi.json');
    const text = `${JSON.stringify(document, null, 2)}\n`;
    if (process.env.UPDATE_DOCS !== undefined) writeFileSync(path, text);
    assert.equal(
      readFileSync(path, 'utf8').replaceAll('\r\n', '\n'),
      text,
      'run: UPDATE_DOCS=1 npm test -- packages/node/test/unit/admin/openapi.test.ts',
    );
  });
});

describe('the description of the API', () => {
  it('has schemas that compile, and references that lead somewhere', () => {
    const text = JSON.stringify(document);
    for (const [, name] of text.matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      const found = (name as string)
        .split('/')
        .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document);
      assert.ok(found !== undefined, name);
    }
    const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, formats: { 'date-time': true } });
    ajv.addVocabulary(['components']);
    ajv.addSchema({ $id: 'zeroth', components: { schemas: SCHEMAS } });
    for (const name of Object.keys(SCHEMAS)) ajv.compile({ $ref: `zeroth#/components/schemas/${name}` });
  });

  it('has all that OpenAPI 3.1 asks of an operation', () => {
    assert.match(document.openapi, /^3\.1\./);
    const ids = all.map(({ described }) => described.operationId);
    assert.equal(new Set(ids).size, ids.length);
    for (const { path, described } of all) {
      const { parameters = [], responses, summary } = described;
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();
      const said = parameters.filter((one) => one.in === 'path');
      assert.deepEqual(said.map(({ name }) => name).sort(), inPath, path);
      assert.ok(said.every(({ required }) => required));
      assert.ok(summary.length > 10);
      assert.ok(Object.keys(responses).some((status) => status.startsWith('2')));
      for (const response of Object.values(responses))
        assert.ok(response.$ref !== undefined || (response.description ?? '').length > 3);
    }
  });

  it('asks for the token everywhere but for health and the description', () => {
    const open = all.filter(({ described }) => described.security.length === 0).map(({ path }) => path);
    assert.deepEqual(open.sort(), ['/health', '/health/live', '/health/ready', '/openapi.json']);
  });

  it('leads each request to one operation', () => {
    for (const operation of OPERATIONS) {
      const segments = operation.path
        .replaceAll(/\{\w+\}/g, 'x')
        .split('/')
        .slice(1);
      const same = OPERATIONS.filter(
        ({ method, path }) =>
          method === operation.method &&
          path.replaceAll(/\{\w+\}/g, 'x') === operation.path.replaceAll(/\{\w+\}/g, 'x'),
      );
      assert.equal(same.length, 1, operation.path);
      assert.equal(route(OPERATIONS, operation.method, segments).operation, operation);
    }
  });
});
