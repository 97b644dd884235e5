/** Which web pages may connect to ws and wss. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { refusedOrigin } from '../../../src/transport/ws/origin.ts';

const PUBLIC = '203.0.113.7';

describe('wsOrigins, not given', () => {
  const cases: readonly (readonly [
    origin: string | undefined,
    host: string,
    address: string,
    letIn: boolean,
  ])[] = [
    [undefined, 'anything', PUBLIC, true],
    ['https://plant.example', 'plant.example', PUBLIC, true],
    ['https://PLANT.example', 'plant.EXAMPLE:5557', PUBLIC, true],
    ['https://plant.example:8443', 'plant.example:5557', PUBLIC, true],
    ['https://b\u00fccher.example', 'b\u00fccher.example', PUBLIC, false],
    ['https://xn--bcher-kva.example', 'b\u00fccher.example', PUBLIC, true],
    ['http://[2001:db8::7]:80', '[2001:DB8::7]:5557', '2001:db8::7', false],
    ['http://[2001:db8::7]:8080', '[2001:DB8::7]:5557', '2001:db8::7', true],
    ['https://evil.example', 'plant.example', PUBLIC, false],
    ['https://plant.example.', 'plant.example', PUBLIC, false],
    ['https://plant.example.evil.example', 'plant.example', PUBLIC, false],
    // By no browser.
    ['https://evil.example@plant.example', 'plant.example', PUBLIC, false],
    ['https://plant.example/, https://evil.example', 'plant.example', PUBLIC, false],
    ['https://plant.example/', 'plant.example', PUBLIC, false],
    ['null', 'plant.example', PUBLIC, false],
    ['', '', PUBLIC, false],
    ['file://', '', PUBLIC, false],
    ['https://plant.example', 'evil@plant.example', PUBLIC, true],
    // The page's own name was made to mean this machine, or one in the network of the visitor.
    ['http://evil.example', 'evil.example', '127.0.0.1', false],
    ['http://evil', 'evil', '127.0.0.1', false],
    ['http://evil.example', 'evil.example', '::ffff:127.0.0.1', false],
    ['http://evil.example', 'evil.example', '::1', false],
    ['http://evil.example', 'evil.example', '192.168.1.5', false],
    ['http://evil.example', 'evil.example', '10.0.0.1', false],
    ['http://evil.example', 'evil.example', '172.31.255.1', false],
    ['http://evil.example', 'evil.example', '::ffff:169.254.1.1', false],
    ['http://evil.example', 'evil.example', '100.127.1.1', false],
    ['http://evil.example', 'evil.example', 'fd00::1', false],
    ['http://evil.example', 'evil.example', 'fe80::1', false],
    ['http://evil.example', 'evil.example', '172.32.0.1', true],
    ['http://evil.example', 'evil.example', '100.128.0.1', true],
    // Names that a stranger can't have, and none.
    ['http://localhost:3000', 'localhost:5557', '127.0.0.1', true],
    ['http://app.localhost', 'app.localhost:5557', '::1', true],
    ['http://127.0.0.1', '127.0.0.1:5557', '127.0.0.1', true],
    ['http://[::1]:3000', '[::1]:5557', '::1', true],
    // This machine, by its different names: a development server says localhost, the endpoint 127.0.0.1.
    ['http://localhost:5173', '127.0.0.1:5557', '127.0.0.1', true],
    ['http://127.0.0.1:5173', 'localhost:5557', '127.0.0.1', true],
    ['http://[::1]:5173', 'localhost:5557', '::1', true],
    ['http://127.0.0.1.evil.example', '127.0.0.1:5557', '127.0.0.1', false],
    ['http://localhost.evil.example', 'localhost:5557', '127.0.0.1', false],
    ['http://localhost', '192.168.1.5:5557', '192.168.1.5', false],
    ['http://192.168.1.5', 'localhost:5557', '127.0.0.1', false],
    ['https://localhost', '127.0.0.1:5557', '127.0.0.1', true],
    ['http://127.0.0.2', '127.0.0.1:5557', '127.0.0.1', true],
    // In a container, behind a port that its host passes on.
    ['http://localhost:5173', '127.0.0.1:5557', '172.17.0.2', true],
    // Names of this machine that are not its names, in spellings that no browser writes, or with somebody else in them.
    ['http://x.localhost', '127.0.0.1:5557', '127.0.0.1', false],
    ['http://127.evil.example', '127.0.0.1:5557', '127.0.0.1', false],
    ['http://127.0.0.1.nip.example', '127.0.0.1.nip.example:5557', '127.0.0.1', false],
    ['http://0.0.0.0', '127.0.0.1:5557', '127.0.0.1', false],
    ['http://127.0.0.1', '0.0.0.0:5557', '127.0.0.1', false],
    ['http://[::]', '[::1]:5557', '::1', false],
    ['http://127.1', '127.0.0.1:5557', '127.0.0.1', false],
    ['http://0x7f.1', '127.0.0.1:5557', '127.0.0.1', false],
    ['http://0x7f.1', '0x7f.1:5557', '127.0.0.1', false],
    ['http://2130706433', '127.0.0.1:5557', '127.0.0.1', false],
    ['http://\u2460\u2461\u2466.0.0.1', '127.0.0.1:5557', '127.0.0.1', false],
    ['http://local%68ost', 'localhost:5557', '127.0.0.1', false],
    ['http://localhost.', 'localhost:5557', '127.0.0.1', false],
    ['http://localhost', 'localhost.:5557', '127.0.0.1', false],
    ['http://[::ffff:127.0.0.1]', '127.0.0.1:5557', '127.0.0.1', false],
    ['http://[::ffff:7f00:1]', '127.0.0.1:5557', '::ffff:127.0.0.1', false],
    ['http://[::1%25lo]', '[::1]:5557', '::1', false],
    ['http://localhost@evil.example', 'localhost:5557', '127.0.0.1', false],
    ['http://evil.example@localhost', 'localhost:5557', '127.0.0.1', false],
    ['http://evil.example\\@localhost', 'localhost:5557', '127.0.0.1', false],
    ['http://evil.example#@localhost', 'localhost:5557', '127.0.0.1', false],
    ['http://localhost, http://evil.example', 'localhost:5557', '127.0.0.1', false],
    ['blob:http://localhost/1', 'localhost:5557', '127.0.0.1', false],
    ['http://localhost:65536', 'localhost:5557', '127.0.0.1', false],
    ['null', '127.0.0.1:5557', '127.0.0.1', false],
    // A browser writes the host that it went to: it can't be made to write another.
    ['http://evil.example', '127.0.0.1:5557', '127.0.0.1', false],
    ['http://evil.example', 'localhost:5557', '127.0.0.1', false],
    ['http://evil.example', 'evil.example@localhost:5557', '127.0.0.1', false],
    ['http://localhost', '', '127.0.0.1', false],
    ['http://192.168.1.5', '192.168.1.5:5557', '192.168.1.5', true],
    ['http://press4', 'press4:5557', '192.168.1.5', true],
    ['http://press4.local', 'press4.local:5557', '192.168.1.5', true],
    ['http://press4.local.evil.example', 'press4.local.evil.example:5557', '192.168.1.5', false],
  ];
  for (const [origin, host, address, letIn] of cases) {
    it(`${origin} asks for ${host} at ${address}: ${letIn ? 'let in' : 'refused'}`, () => {
      const refused = refusedOrigin({ origin, host, address }, null);
      assert.equal(refused === null, letIn, refused ?? '');
      if (refused !== null) assert.match(refused, /wsOrigins/);
    });
  }
});

describe('wsOrigins, as people write it', () => {
  const asked = (origin: string, listed: string): boolean =>
    refusedOrigin({ origin, host: 'plant.example', address: PUBLIC }, listed) === null;
  const cases: readonly (readonly [listed: string, origin: string, letIn: boolean])[] = [
    ['https://a.example', 'https://a.example', true],
    ['https://a.example/', 'https://a.example', true],
    ['https://a.example:443', 'https://a.example', true],
    ['http://a.example:80/', 'http://a.example', true],
    ['https://a.example:80', 'https://a.example', false],
    ['HTTPS://A.example', 'https://a.example', true],
    ['https://b\u00fccher.example', 'https://xn--bcher-kva.example', true],
    ['  https://a.example\n\thttps://b.example ', 'https://b.example', true],
    ['https://a.example, https://b.example', 'https://a.example', true],
    ['https://a.example,https://b.example', 'https://b.example', true],
    ['https://a.example', 'http://a.example', false],
    ['https://a.example', 'https://a.example.evil.example', false],
    ['https://a.example', 'https://plant.example', false],
    ['', 'https://plant.example', false],
    ['*', 'https://evil.example', true],
    ['*', 'null', true],
    ['https://a.example *', 'https://evil.example', true],
    ['https://*.example', 'https://a.example', false],
    ['null', 'null', true],
    ['chrome-extension://abcdef/', 'chrome-extension://abcdef', true],
  ];
  for (const [listed, origin, letIn] of cases) {
    it(`${JSON.stringify(listed)}: ${origin} is ${letIn ? 'let in' : 'refused'}`, () => {
      assert.equal(asked(origin, listed), letIn);
    });
  }
});
