import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodePlace } from '../../../src/session/core/place.ts';
import { streamInfo } from '../../../src/session/info.ts';
import { MemoryStream, SETTINGS } from '../../support/memory-store.ts';

const place = (acknowledged: number): Uint8Array =>
  encodePlace({
    strategy: 'group',
    prefix: Buffer.alloc(0),
    ackTimeout: 0,
    maxDeliveries: 0,
    deadLetter: 't.dead',
    state: { acknowledged, ranges: [{ first: acknowledged + 1, last: acknowledged + 2 }], deliveries: [] },
  });

describe('what INFO tells of a group without members', () => {
  it('is read from its place once, and again when that has changed', () => {
    const stream = new MemoryStream('t', SETTINGS);
    stream.committed = 11;
    const groups = () =>
      streamInfo({ stream, waiting: new Set(), runners: new Map() }).groups.map(
        ({ name, acknowledged, lag }) => [name, acknowledged, lag],
      );
    const bytes = place(4);
    stream.places.save('db', bytes);
    stream.places.save('other', Buffer.from('{"acknowledged":3}'));
    assert.deepEqual(groups(), [['db', 4, 5]]);
    stream.places.get('db')!.fill(0);
    stream.committed = 12;
    assert.deepEqual(groups(), [['db', 4, 6]]);
    stream.places.save('db', place(6));
    assert.deepEqual(groups(), [['db', 6, 4]]);
  });
});
