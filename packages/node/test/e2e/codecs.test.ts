/** --encode and --decode of the tools, and that what one prints the other takes. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import { cli, folder, jsonLines, start } from '../support/cli.ts';

const PROTO =
  'syntax = "proto3"; package shop; message Order { int64 id = 1; string note = 2; bytes raw = 3; }';
const ORDER = { id: '9007199254740993', note: 'ä\u001b[31m', raw: { base64: 'AAE=' } };

async function codecs(t: TestContext): Promise<string[]> {
  const file = join(await folder(t), 'shop.proto');
  await writeFile(file, PROTO);
  return ['json', 'msgpack', `protobuf:${file}#shop.Order`];
}

describe('--encode and --decode', () => {
  it('carry a value from push to pull, and back again', async (t) => {
    for (const codec of await codecs(t)) {
      const pull = start(t, ['pull', '--bind', 'tcp://127.0.0.1:0', '-n', '2', '--json', '--decode', codec]);
      const [, endpoint = ''] = await pull.waitFor('stderr', /"endpoint":"(\S+)"/);
      const text = JSON.stringify(ORDER);
      const sent = await cli(['push', endpoint, text, '--stdin', '--encode', codec], { input: `${text}\n` });
      assert.equal(sent.code, 0, sent.stderr);
      const { stdout } = await pull.ended;
      assert.deepEqual(
        jsonLines(stdout).map(({ value }) => value),
        [ORDER, ORDER],
        codec,
      );
    }
  });

  it('go with requests, replies and topics', async (t) => {
    for (const codec of await codecs(t)) {
      const rep = start(t, [
        'rep',
        '--bind',
        'tcp://127.0.0.1:0',
        '-n',
        '1',
        '--decode',
        codec,
        '--encode',
        codec,
        '--',
        '{"note":"ok"}',
      ]);
      const [, endpoint = ''] = await rep.waitFor('stderr', /bound to (\S+)/);
      const reply = await cli([
        'req',
        endpoint,
        '{"note":"hello"}',
        '--encode',
        codec,
        '--decode',
        codec,
        '--json',
      ]);
      const [line] = jsonLines(reply.stdout) as { value?: { note: string } }[];
      assert.equal(line?.value?.note, 'ok', codec);
      assert.match((await rep.ended).stdout, /"note":"hello"/);
    }
    const sub = start(t, ['sub', '--bind', 'tcp://127.0.0.1:0', 't/', '-n', '1', '--decode', 'msgpack']);
    const [, endpoint = ''] = await sub.waitFor('stderr', /bound to (\S+)/);
    await cli(['pub', endpoint, 't/1', '[1,"two"]', '--encode', 'msgpack']);
    assert.equal((await sub.ended).stdout, 't/1\t[1,"two"]\n');
  });

  it('print what is none as such, safely, and go on', async (t) => {
    const pull = start(t, ['pull', '--bind', 'tcp://127.0.0.1:0', '-n', '2', '--decode', 'json']);
    const [, endpoint = ''] = await pull.waitFor('stderr', /bound to (\S+)/);
    await cli(['push', endpoint, '{"secret', '"\u0085\u202e"']);
    assert.equal(
      (await pull.ended).stdout,
      '(not decoded as json: not JSON, at offset 8)\n"\\x85\\u{202e}"\n',
    );
  });

  it('refuse what is no codec, no JSON, and what does not fit', async (t) => {
    const [, , protobuf = ''] = await codecs(t);
    for (const [args, code, words] of [
      [['--encode', 'xml'], 2, /a codec is json, msgpack or protobuf:FILE#TYPE, not xml/],
      [['--encode', protobuf.replace('Order', 'None')], 2, /no message type shop\.None/],
      [['--encode', 'protobuf:/none.proto#A'], 2, /cannot read .*none\.proto/],
      [['--encode', 'json'], 2, /a message is not JSON/],
    ] as const) {
      const { code: ended, stderr } = await cli(['push', 'tcp://127.0.0.1:1', 'text', ...args]);
      assert.equal(ended, code, stderr);
      assert.match(stderr, words);
    }
    const { stderr } = await cli(['push', 'tcp://127.0.0.1:1', '{"nte":1}', '--encode', protobuf]);
    assert.match(stderr, /Order has a field that the type does not have/);
    const line = await cli(['push', 'tcp://127.0.0.1:1', '--encode', 'json'], { input: '{' });
    assert.match(line.stderr, /line 1 of standard input: a message is not JSON/);
    const raw = await cli(['pull', 'tcp://127.0.0.1:1', '--raw', '--decode', 'json']);
    assert.match(raw.stderr, /--raw goes with neither/);
  });
});
