import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import v8 from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as zmq from '../../src/index.ts';
import { command, greeting, metadata, RawPeer } from '../support/rawpeer.ts';
import { bindTo, ready, scope } from '../support/scope.ts';
import { tcp } from '../support/transports.ts';

const run = promisify(execFile);

/** What V8 needs for a Buffer of any length over memory of any size. */
const BUFFER_OBJECT = 96;

/** Some hundred KB, by which the memory of any process varies, are to be little beside what is kept of these. */
const MANY = 6_000_000;

interface Kept {
  readonly kept: number;
  readonly octets: number;
  readonly grown: number;
}

/** Keeps one message in 1,000. Resolves with how many times its octets such a message holds, beside its Buffer object. */
async function holds(
  endpoint: string,
  way: string,
  size: number,
  count: number,
  learning = 0,
): Promise<number> {
  const file = fileURLToPath(new URL('../support/keeper.js', import.meta.url));
  const args = ['--expose-gc', file, endpoint, way, String(size), String(count), String(learning)];
  const { stdout } = await run(process.execPath, args);
  const { kept, octets, grown } = JSON.parse(stdout) as Kept;
  assert.equal(kept, count / 1000);
  assert.equal(octets, kept * size);
  return (grown - kept * BUFFER_OBJECT) / octets;
}

describe('memory of a receiver that keeps one message in 1,000', () => {
  for (const way of ['iterate', 'batch']) {
    it(`is at most 4 times what it keeps, 64 B (${way})`, async () => {
      const times = await holds('tcp://127.0.0.1:0', way, 64, MANY);
      assert.ok(times <= 4, `${times.toFixed(2)} times`);
    });
  }

  it('is at most 4 times what it keeps, 64 B, over inproc', async () => {
    const times = await holds('inproc://kept', 'iterate', 64, MANY);
    assert.ok(times <= 4, `${times.toFixed(2)} times`);
  });

  // As above: some 500 KB of each size.
  for (const [size, count] of [
    [200, 3_000_000],
    [1024, 500_000],
  ] as const) {
    it(`is at most 4 times what it keeps, ${size} B, once a collection has shown that it keeps any`, async () => {
      const times = await holds('tcp://127.0.0.1:0', 'iterate', size, count, 400_000);
      assert.ok(times <= 4, `${times.toFixed(2)} times`);
    });
  }

  it('is at most 4 times what it keeps, 16 KiB', async () => {
    const times = await holds('tcp://127.0.0.1:0', 'iterate', 16_384, 15_000);
    assert.ok(times <= 4, `${times.toFixed(2)} times`);
  });
});

it('nothing is kept of the properties that a peer gives beside its type and id', async (t) => {
  const s = scope(t, tcp);
  const pull = s.open(zmq.Pull);
  const endpoint = await bindTo(pull, tcp);
  const pairs = Array.from({ length: 8000 }, (_, n): [string, string] => [n.toString(36), '']);
  const hello = Buffer.concat([greeting(), command('READY', metadata([['Socket-Type', 'PUSH'], ...pairs]))]);
  v8.setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  const before = process.memoryUsage().heapUsed;
  const count = 20;
  for (let n = 0; n < count; n++) {
    const raw = await RawPeer.connect(endpoint);
    s.after(() => raw.close());
    raw.write(hello);
  }
  await ready(pull, tcp, count);
  collect();
  const each = (process.memoryUsage().heapUsed - before) / count;
  // It was 1.4 MB when they were kept.
  assert.ok(each < 400_000, `${Math.round(each)} octets for each peer`);
});
