/** The parts of the tools that need no socket. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { frameFromText, framesFromJson, frameToJson, frameToText } from '../../../src/cli/tool/frames.ts';
import { splitLines } from '../../../src/cli/tool/lines.ts';
import { splitOperands } from '../../../src/cli/tool/operands.ts';
import { Pace } from '../../../src/cli/tool/pace.ts';
import { summaryText, Timing } from '../../../src/cli/tool/timing.ts';

async function* chunked(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function lines(bytes: Buffer, size: number, max?: number): Promise<string[]> {
  const all: string[] = [];
  for await (const line of splitLines(chunked(bytes, size), max)) all.push(line.toString('latin1'));
  return all;
}

describe('splitLines', () => {
  const text = Buffer.from('one\r\n\ntwo \xff\0 bytes\r\r\nlast', 'latin1');
  const expected = ['one', '', 'two \xff\0 bytes\r', 'last'];

  it('gives the same lines whatever the chunks', async () => {
    for (let size = 1; size <= text.length; size++)
      assert.deepEqual(await lines(text, size), expected, `${size}`);
  });

  it('has no line after the last line end', async () => {
    assert.deepEqual(await lines(Buffer.from('a\n'), 10), ['a']);
    assert.deepEqual(await lines(Buffer.from(''), 10), []);
  });

  it('refuses a line over the limit before it is whole', async () => {
    const endless = async function* (): AsyncGenerator<Buffer> {
      for (;;) yield Buffer.alloc(1000, 'x');
    };
    const read = async (): Promise<void> => {
      for await (const _ of splitLines(endless(), 10_000));
    };
    await assert.rejects(read, { code: 'INPUT_INVALID', message: 'a line is over 10000 bytes' });
  });
});

describe('frames', () => {
  it('go through JSON byte for byte', () => {
    const all = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
    for (const frame of [
      all,
      Buffer.alloc(0),
      Buffer.from('grüße\n"\u{1f600}'),
      Buffer.from([0xed, 0xa0, 0x80]),
    ]) {
      for (const hex of [false, true]) {
        const line = JSON.stringify({ frames: [frameToJson(frame, hex)] });
        assert.deepEqual(framesFromJson(line), [frame]);
      }
    }
    assert.deepEqual(framesFromJson('["a", {"hex": "ff00"}]'), [Buffer.from('a'), Buffer.from([255, 0])]);
  });

  it('refuse JSON that has no frames', () => {
    for (const line of [
      '',
      '{',
      '1',
      'null',
      '{}',
      '[]',
      '{"frames":[]}',
      '{"frames":[1]}',
      '{"frames":[{}]}',
    ]) {
      assert.throws(() => framesFromJson(line), { code: 'INPUT_INVALID' }, line);
    }
  });

  it('can do nothing to a terminal', () => {
    const evil = '\u001b]0;title\u0007 \u009b31m \u202egnp.exe\u2066 \r\n\t\u007f';
    const text = frameToText(Buffer.from(evil));
    assert.equal(text, '\\x1b]0;title\\x07 \\x9b31m \\u{202e}gnp.exe\\u{2066} \\r\\n\\t\\x7f');
    assert.equal(
      frameToText(Buffer.from('naïve \u{1f468}\u200d\u{1f469}')),
      'naïve \u{1f468}\u200d\u{1f469}',
    );
    assert.equal(frameToText(Buffer.from([0x41, 0xff, 0x9b])), 'A\\xff\\x9b');
  });

  it('read hex with spaces and 0x, and nothing else', () => {
    assert.deepEqual(frameFromText('0x00 ff', true), Buffer.from([0, 255]));
    assert.deepEqual(frameFromText('', true), Buffer.alloc(0));
    for (const text of ['0', 'zz', '12 3'])
      assert.throws(() => frameFromText(text, true), { code: 'INPUT_INVALID' });
  });
});

describe('splitOperands', () => {
  it('takes leading endpoints only, and none after --', () => {
    const split = splitOperands(['tcp://a:1', 'ipc:///b', 'x', 'tcp://c:2'], null, 'push');
    assert.deepEqual(split, { endpoints: ['tcp://a:1', 'ipc:///b'], rest: ['x', 'tcp://c:2'] });
    const literal = splitOperands(['tcp://a:1'], ['tcp://b:2', '--bind'], 'push');
    assert.deepEqual(literal, { endpoints: ['tcp://a:1'], rest: ['tcp://b:2', '--bind'] });
  });
});

describe('Pace', () => {
  /** Sends at once whenever it is due; returns when each message was sent. */
  async function times(interval: number, count: number, stallAt = -1): Promise<number[]> {
    let time = 0;
    const clock = {
      now: () => time,
      sleep: async (wait: number): Promise<void> => {
        time += wait;
      },
    };
    const pace = new Pace(interval, clock);
    const sent: number[] = [];
    for (let n = 0; n < count; n++) {
      await pace.due(new AbortController().signal);
      sent.push(time);
      if (n === stallAt) time += 10_000;
    }
    return sent;
  }

  it('keeps the interval, and does not wait at all without one', async () => {
    assert.deepEqual(await times(20, 4), [0, 20, 40, 60]);
    assert.deepEqual(await times(0, 3), [0, 0, 0]);
  });

  it('groups messages that are less than a timer tick apart', async () => {
    const sent = await times(0.1, 10_001);
    assert.ok(Math.abs((sent.at(-1) as number) - 1000) <= 1, `${sent.at(-1)}`);
  });

  it('catches up for a second at most after a stall', async () => {
    const sent = await times(100, 50, 4);
    assert.equal(sent[5], 10_400);
    assert.equal(sent.filter((time) => time === 10_400).length, 11);
    assert.equal(sent[20], (sent[19] as number) + 100);
  });

  it('ends its wait with the signal', async () => {
    const controller = new AbortController();
    const pace = new Pace(3_600_000);
    await pace.due(controller.signal);
    const waiting = pace.due(controller.signal);
    controller.abort();
    await assert.rejects(waiting, { name: 'AbortError' });
  });
});

describe('Timing', () => {
  it('counts, and has the percentiles of round trips', () => {
    const timing = new Timing();
    for (let n = 1; n <= 100; n++) {
      timing.roundTrip(n);
      timing.add(1, 1000);
    }
    const { messages, bytes, roundTrip } = timing.summary();
    assert.deepEqual([messages, bytes], [100, 100_000]);
    for (const [percentile, expected] of [
      ['p50', 50],
      ['p90', 90],
      ['p99', 99],
      ['p100', 100],
    ] as const) {
      const value = roundTrip?.[percentile] as number;
      assert.ok(Math.abs(value - expected) <= expected / 500, `${percentile}: ${value}`);
    }
  });

  it('has no rate for less than 10 ms', (t) => {
    let time = 0;
    t.mock.method(performance, 'now', () => time);
    const timing = new Timing();
    timing.add(1, 1);
    time = 9;
    timing.add(1, 1);
    assert.equal(timing.summary().messagesPerSecond, null);
    time = 10;
    timing.add(1, 1);
    assert.equal(timing.summary().messagesPerSecond, 300);
  });

  it('has no rate for nothing', () => {
    assert.equal(summaryText('sent', new Timing().summary()), 'sent 0 messages, 0 B in 0.000 s');
    const one = new Timing();
    one.add(1, 1500);
    assert.match(summaryText('sent', one.summary()), /^sent 1 message, 1\.5 kB in 0\.000 s$/);
  });
});
