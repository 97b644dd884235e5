/** The page's own isIPv4 and isIPv6 tell what Node's do. */
import assert from 'node:assert/strict';
import * as net from 'node:net';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isIPv4, isIPv6 } from '../../../src/browser/ip.ts';

const TEXTS = [
  ...['', '1.2.3.4', '0.0.0.0', '255.255.255.255', '256.1.1.1', '01.2.3.4', '1.2.3', '1.2.3.4.5', '1.2.3.4 '],
  ...[
    '::',
    '::1',
    '1::',
    '1::2',
    ':::',
    '1:::2',
    '::1::',
    '1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
  ],
  ...[
    '1:2:3:4:5:6:7::',
    '::2:3:4:5:6:7:8',
    '1:2:3:4::5:6:7:8',
    '12345::',
    '::g',
    ':1',
    '1:',
    'fe80::1%eth0',
    '::1%',
  ],
  ...[
    '::1.2.3.4',
    '::ffff:1.2.3.4',
    '1:2:3:4:5:6:1.2.3.4',
    '1:2:3:4:5:6:7:1.2.3.4',
    '1.2.3.4::',
    '::1.2.3.4:5',
    '1.2.3.4',
  ],
  ...['::1.2.3', '1::1.2.3.4', '1:2:3:4:5::1.2.3.4', '1:2:3:4:5:6::1.2.3.4', '%eth0', '[::1]'],
];

describe('IP addresses in a page', () => {
  const same = (text: string): void => {
    assert.equal(isIPv4(text), net.isIPv4(text), `isIPv4(${JSON.stringify(text)})`);
    assert.equal(isIPv6(text), net.isIPv6(text), `isIPv6(${JSON.stringify(text)})`);
  };

  for (const text of TEXTS) it(JSON.stringify(text), () => same(text));

  it('whatever is put together of their parts', () => {
    const part = fc.constantFrom('::', ':', '1', 'ffff', '0', '1.2.3.4', '255', '.', '12345', '%e');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => same(parts.join(''))),
      { numRuns: 2000 },
    );
  });

  it('whole addresses', () => {
    fc.assert(fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), same));
  });
});
