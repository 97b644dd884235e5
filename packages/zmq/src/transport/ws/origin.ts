/**
 * Which web pages may connect. A browser sends the origin of the page with each WebSocket handshake, whatever host it goes
 * to, and no rule of its own holds it back: a page of a stranger, open in a browser on this machine, could otherwise talk
 * to every endpoint that the machine reaches.
 */
import { isIP } from 'node:net';

/** What is known of a handshake. */
export interface Asked {
  /** Undefined: it comes from no browser. */
  readonly origin: string | undefined;
  /** The Host header. */
  readonly host: string | undefined;
  /** The address of this side of the connection. */
  readonly address: string | undefined;
}

/** Why a handshake is refused, for a person; null: it is let in. `listed`: the option `wsOrigins`. */
export function refusedOrigin(asked: Asked, listed: string | null): string | null {
  const { origin, host = '' } = asked;
  if (origin === undefined) return null;
  const way = `list it in wsOrigins to let it in`;
  const shown = JSON.stringify(origin.slice(0, 200));
  if (listed !== null) {
    const known = listed.split(/[\s,]+/).map(written);
    if (known.includes('*') || known.includes(origin.toLowerCase())) return null;
    return `a page of ${shown} is not among the wsOrigins; ${way}`;
  }
  // What a browser writes is the origin and nothing else: two of them, a path, a user's name are somebody else's work.
  const page = written(origin) === origin.toLowerCase() ? hostOf(origin) : null;
  const name = hostOf(`http://${host}`);
  // A development server says `localhost` where the endpoint says 127.0.0.1: a browser takes each for its own machine,
  // and no stranger's page can have one of them for its origin.
  if (page !== null && name !== null && meansThisMachine(page) && meansThisMachine(name)) return null;
  if (page === null || name === null || page !== name) {
    return `a page of ${shown} asked for ${JSON.stringify(host.slice(0, 200))}, which is another host; ${way}`;
  }
  // Any name in the domain of a stranger may be made to mean this machine, or one in the network of the visitor (DNS
  // rebinding). A page with such a name has the right host by its own word only.
  if (isNumber(name) || name === 'localhost' || name.endsWith('.localhost')) return null;
  if (isLoopback(asked.address)) {
    return `a page of ${shown} reached a loopback address by a name, which any domain can have; ${way}`;
  }
  if (isPrivate(asked.address) && !isLocalName(name)) {
    return `a page of ${shown} reached a private address by a public name, which any domain can have; ${way}`;
  }
  return null;
}

/** An origin as browsers write it (RFC 6454, 6.2): no `/` behind it, no default port, names in ASCII. */
function written(origin: string): string {
  if (URL.canParse(origin)) {
    const url = new URL(origin);
    if (url.origin !== 'null') return url.origin;
  }
  return origin.toLowerCase().replace(/\/$/, '');
}

function hostOf(url: string): string | null {
  if (!URL.canParse(url)) return null;
  return new URL(url).hostname.toLowerCase() || null;
}

/** IPv4, or IPv6 in brackets. */
function isNumber(name: string): boolean {
  return isIP(name.startsWith('[') ? name.slice(1, -1) : name) !== 0;
}

/** The names of the machine that the browser runs on. */
function meansThisMachine(name: string): boolean {
  return name === 'localhost' || name === '[::1]' || (isNumber(name) && name.startsWith('127.'));
}

/** A name that nobody can register: without a dot, or in a domain that is kept for local networks. */
function isLocalName(name: string): boolean {
  return !name.includes('.') || /\.(?:local|internal|home\.arpa)$/.test(name);
}

function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return true;
  const plain = unmapped(address);
  return plain.startsWith('127.') || plain === '::1';
}

/** Of a network that is not the Internet (RFC 1918, 3927, 4193, 4291, 6598). */
function isPrivate(address: string | undefined): boolean {
  return (
    address === undefined ||
    /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|f[cd]|fe[89ab])/i.test(
      unmapped(address),
    )
  );
}

function unmapped(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
