import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { ZMQ_ERROR_CODES, ZmqError } from '../../src/errors.ts';

/** Headings of docs/errors.md, with what stands under them. */
function sections(): Map<string, string> {
  const file = new URL('../../../../../docs/errors.md', import.meta.url);
  const [, text = ''] = readFileSync(file, 'utf8')
    .replaceAll('\r\n', '\n')
    .split(/^(?=## Sockets)/m);
  const found = new Map<string, string>();
  for (const part of text.split(/^(?=#{1,3} )/m)) {
    const [, heading, body] = /^### (\S+)\n([\s\S]*)$/.exec(part) ?? [];
    if (heading === undefined || body === undefined) continue;
    assert.ok(!found.has(heading), `docs/errors.md has ${heading} twice`);
    found.set(heading, body.trim());
  }
  return found;
}

describe('docs/errors.md', () => {
  const documented = sections();

  for (const code of ZMQ_ERROR_CODES) {
    it(`says what ${code} means and what to do`, () => {
      const body = documented.get(code);
      assert.ok(body !== undefined, `no heading "### ${code}"`);
      assert.match(body, /^\S[\s\S]{30,}\n\n\*\*What to do\.\*\* \S/);
    });
  }

  it('has no code of the sockets that does not exist', () => {
    const ours = [...documented.keys()].filter((code) => /^(E[A-Z]+|ERR_\w+)$/.test(code));
    const known: readonly string[] = ZMQ_ERROR_CODES;
    assert.deepEqual(
      ours.filter((code) => !known.includes(code)),
      [],
    );
  });
});

describe('ZmqError', () => {
  it('is an Error with a code, a number and a name', () => {
    const error = new ZmqError('EAGAIN');
    assert.ok(error instanceof Error);
    assert.deepEqual([error.code, error.errno, error.name], ['EAGAIN', 11, 'ZmqError']);
    assert.equal(String(error), 'ZmqError: Operation was not possible or timed out');
    assert.deepEqual(Object.keys(error).sort(), ['code', 'errno']);
  });

  it('carries what is known beside the code', () => {
    const cause = new Error('below');
    const error = new ZmqError('EINVAL', { address: 'tcp://x', detail: 'why', message: 'own words', cause });
    assert.deepEqual(
      [error.address, error.detail, error.message, error.cause],
      ['tcp://x', 'why', 'own words', cause],
    );
  });

  it('has a message of its own for each code, and a number for those of the system', () => {
    // What is wrong in a ZAP reply is in the code; libzmq has one text for all of it.
    const own = ZMQ_ERROR_CODES.filter((code) => !code.startsWith('ERR_ZAP_'));
    const messages = own.map((code) => new ZmqError(code).message);
    assert.equal(new Set(messages).size, messages.length);
    for (const code of ZMQ_ERROR_CODES) {
      assert.equal(new ZmqError(code).errno > 0, !code.startsWith('ERR_'), code);
    }
  });

  it('takes over the code of a system error that it knows', () => {
    const system = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), {
      code: 'ECONNREFUSED',
      errno: -111,
    });
    const error = ZmqError.fromSystem(system, { address: 'tcp://127.0.0.1:1' });
    assert.deepEqual([error.code, error.errno, error.address], ['ECONNREFUSED', 111, 'tcp://127.0.0.1:1']);
    assert.equal(error.detail, 'connect ECONNREFUSED 127.0.0.1:1');
    assert.equal(error.cause, system);
  });

  it('calls everything else EIO, names of the prototype included', () => {
    for (const thrown of [
      new Error('odd'),
      { code: 'EWHATEVER' },
      { code: 'constructor' },
      'text',
      null,
      undefined,
      5,
    ]) {
      const error = ZmqError.fromSystem(thrown);
      assert.equal(error.code, 'EIO');
      assert.equal(error.cause, thrown);
    }
  });

  it('leaves its own kind alone', () => {
    const error = new ZmqError('EFSM');
    assert.equal(ZmqError.fromSystem(error, { address: 'x' }), error);
  });
});
