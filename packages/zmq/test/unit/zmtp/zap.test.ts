import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ZmqError, type ZmqErrorCode } from '../../../src/errors.ts';
import {
  parseZapReply,
  ZAP_METADATA_MAX,
  ZAP_STRING_MAX,
  type ZapQuestion,
  zapRequest,
} from '../../../src/zmtp/zap.ts';
import { runs } from '../../support/property.ts';
import { hex, property, show } from '../../support/wire.ts';

const question = (fields: Partial<ZapQuestion> = {}): ZapQuestion => ({
  domain: 'test',
  address: '192.168.55.1',
  identity: Buffer.from('BOB'),
  credentials: { mechanism: 'PLAIN', frames: [Buffer.from('admin'), Buffer.from('secret')] },
  ...fields,
});

type Part = Uint8Array | string;

/** A good reply to request "7", with other frames in places. */
function reply(changes: Readonly<Record<number, Part>> = {}, more: readonly Part[] = []): Buffer[] {
  const frames: Part[] = ['', '1.0', '7', '200', 'OK', 'joe', property('Colour', 'blue')];
  return [...frames.map((frame, index) => changes[index] ?? frame), ...more].map((part) => Buffer.from(part));
}

function codeOf(frames: readonly Uint8Array[]): ZmqErrorCode | null {
  try {
    parseZapReply(frames, '7');
    return null;
  } catch (error) {
    assert.ok(error instanceof ZmqError, String(error));
    assert.equal(error.message, 'ZAP protocol error');
    return error.code;
  }
}

describe('a ZAP request', () => {
  it('has the frames of RFC 27 for each mechanism', () => {
    assert.deepEqual(
      show(zapRequest('0001', question())),
      ['', '1.0', '0001', 'test', '192.168.55.1', 'BOB', 'PLAIN', 'admin', 'secret'].map(
        (text) => `'${text}'`,
      ),
    );
    const plain = question({ credentials: { mechanism: 'NULL', frames: [] } });
    assert.deepEqual(show(zapRequest('1', plain)).slice(5), ["'BOB'", "'NULL'"]);
    const key = hex('00 ff'.repeat(16));
    const curve = question({ credentials: { mechanism: 'CURVE', frames: [key] } });
    assert.deepEqual(show(zapRequest('1', curve)).slice(6), ["'CURVE'", '00ff'.repeat(16)]);
  });
});

describe('a ZAP reply', () => {
  it('lets in, and says who it is', () => {
    const { verdict, text } = parseZapReply(reply(), '7');
    assert.deepEqual([verdict.status, verdict.userId, text], [200, 'joe', 'OK']);
    assert.deepEqual([...verdict.metadata], [['colour', Buffer.from('blue')]]);
  });

  it('says nothing of somebody who is not let in', () => {
    for (const status of [300, 400, 500]) {
      const { verdict, text } = parseZapReply(reply({ 3: String(status), 4: 'no' }), '7');
      assert.deepEqual([verdict.status, verdict.userId, verdict.metadata.size, text], [status, '', 0, 'no']);
    }
  });

  it('keeps nothing of the memory that it came in', () => {
    const frames = reply();
    const { verdict } = parseZapReply(frames, '7');
    for (const frame of frames) frame.fill(0);
    assert.equal(String(verdict.metadata.get('colour')), 'blue');
    assert.equal(verdict.userId, 'joe');
  });

  const long = 'x'.repeat(ZAP_STRING_MAX + 1);
  const BAD: readonly (readonly [what: string, frames: Buffer[], code: ZmqErrorCode])[] = [
    ['no frames', [], 'ERR_ZAP_MALFORMED_REPLY'],
    ['too few frames', reply().slice(0, 6), 'ERR_ZAP_MALFORMED_REPLY'],
    ['too many frames', reply({}, ['']), 'ERR_ZAP_MALFORMED_REPLY'],
    ['a delimiter that is not empty', reply({ 0: 'x' }), 'ERR_ZAP_MALFORMED_REPLY'],
    ['another version', reply({ 1: '9.9' }), 'ERR_ZAP_BAD_VERSION'],
    ['a longer version', reply({ 1: '1.01' }), 'ERR_ZAP_BAD_VERSION'],
    ['another request id', reply({ 2: '8' }), 'ERR_ZAP_BAD_REQUEST_ID'],
    ['no request id', reply({ 2: '' }), 'ERR_ZAP_BAD_REQUEST_ID'],
    ...['', '100', '201', '600', '20', '2000', ' 200', '2e2', 'OK', '0xc8', '200\n'].map(
      (status) =>
        [
          `the status ${JSON.stringify(status)}`,
          reply({ 3: status }),
          'ERR_ZAP_INVALID_STATUS_CODE',
        ] as const,
    ),
    ['a text that is too long', reply({ 4: long }), 'ERR_ZAP_MALFORMED_REPLY'],
    ['a user id that is too long', reply({ 5: long }), 'ERR_ZAP_MALFORMED_REPLY'],
    ['metadata that leads out', reply({ 6: 'x' }), 'ERR_ZAP_INVALID_METADATA'],
    ['metadata that leads out, with a refusal', reply({ 3: '400', 6: 'x' }), 'ERR_ZAP_INVALID_METADATA'],
    [
      'metadata that is too long',
      reply({ 6: property('a', Buffer.alloc(ZAP_METADATA_MAX)) }),
      'ERR_ZAP_INVALID_METADATA',
    ],
  ];
  for (const [what, frames, code] of BAD) it(`is none: ${what}`, () => assert.equal(codeOf(frames), code));

  it('takes what is just short enough', () => {
    const most = 'x'.repeat(ZAP_STRING_MAX);
    const metadata = property('a', Buffer.alloc(ZAP_METADATA_MAX - 6));
    assert.equal(codeOf(reply({ 4: most, 5: most, 6: metadata })), null);
  });

  it('whatever the frames are: an answer or one of the five codes', () => {
    const frame = fc.oneof(
      fc.constantFrom('', '1.0', '7', '200', '400', '500', 'OK').map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 40 }).map((octets) => Buffer.from(octets)),
    );
    const seen = new Set<string | null>();
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 8 }), fc.nat(6), (frames, at) => {
        seen.add(codeOf(frames));
        const good = reply();
        good[at] = frames[0] ?? Buffer.alloc(0);
        seen.add(codeOf(good));
      }),
      runs(2000),
    );
    for (const code of seen) assert.ok(code === null || code.startsWith('ERR_ZAP_'), String(code));
    assert.equal(seen.size, 6, [...seen].join());
  });
});
