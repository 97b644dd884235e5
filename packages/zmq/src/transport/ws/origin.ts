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
    const known = listed.toLowerCase().split(/\s+/);
    if (known.includes('*') || known.includes(origin.toLowerCase())) return null;
    return `a page of ${shown} is not among the wsOrigins; ${way}`;
  }
  const page = hostOf(origin);
  const name = hostOf(`http://${host}`);
  if (page === null || name === null || page !== name) {
    return `a page of ${shown} asked for ${JSON.stringify(host.slice(0, 200))}, which is another host; ${way}`;
  }
  // Any name in the domain of a stranger may be made to mean this machine (DNS rebinding). A page with such a name has the
  // right host by its own word only.
  if (isLoopback(asked.address) && name !== 'localhost' && !name.endsWith('.localhost') && !isNumber(name)) {
    return `a page of ${shown} reached a loopback address by a name, which any domain can have; ${way}`;
  }
  return null;
}

function hostOf(url: string): string | null {
  if (!URL.canParse(url)) return null;
  return new URL(url).hostname.toLowerCase() || null;
}

/** IPv4, or IPv6 in brackets. */
function isNumber(name: string): boolean {
  return isIP(name.startsWith('[') ? name.slice(1, -1) : name) !== 0;
}

function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return true;
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address;
  return plain.startsWith('127.') || plain === '::1';
}
