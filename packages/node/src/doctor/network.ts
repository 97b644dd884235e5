/**
 * The network of this machine: it reaches itself, has IPv6 or not, and has ports left for outgoing connections.
 */
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import type { Config } from '../config/types.ts';
import type { CheckResult, ConfiguredSurroundings } from './check.ts';
import { codeOf, failure, millisecondWords, ok, plural, rounded, warning } from './check.ts';
import { kernelText } from './kernel.ts';
import { patience } from './patience.ts';

const WITHIN = 1000;

/** Milliseconds, or the code of the error. */
export type Probe = (host: string) => Promise<number | string>;

export async function checkNetwork(
  { opened }: ConfiguredSurroundings,
  probe: Probe = roundTrip,
): Promise<readonly CheckResult[]> {
  const [four, six, crowd] = await Promise.all([probe('127.0.0.1'), probe('::1'), outgoing()]);
  const figures = {
    loopbackMs: typeof four === 'number' ? rounded(four) : null,
    ipv6: typeof six === 'number',
    ...crowd,
  };
  if (typeof four === 'string') {
    const way =
      'bring the loopback interface up (ip link set lo up), and see whether a firewall is in the way';
    return [failure('network', `nothing comes through 127.0.0.1 (${four})`, way, figures)];
  }
  const what = `127.0.0.1 after ${millisecondWords(four)}, ${typeof six === 'number' ? 'IPv6 too' : `no IPv6 (${six})`}`;
  const results: CheckResult[] = [];
  if (typeof six === 'string' && wantsIpv6(opened.config))
    results.push(
      warning(
        'network',
        `${what}, which the configuration asks for`,
        'turn IPv6 on (sysctl net.ipv6.conf.all.disable_ipv6=0), or use IPv4',
        figures,
      ),
    );
  if (crowd !== null && crowd.waiting > crowd.outgoingPorts / 2) {
    const way = 'see who opens so many short connections; widen net.ipv4.ip_local_port_range';
    const message = `${what}; ${plural(crowd.waiting, 'connection')} in TIME_WAIT, of ${crowd.outgoingPorts} ports for outgoing ones`;
    results.push(warning('network', message, way, figures));
  }
  const ports =
    crowd === null
      ? ''
      : `; ${crowd.outgoingPorts} ports for outgoing connections, ${crowd.waiting} in TIME_WAIT`;
  return results.length > 0 ? results : [ok('network', `${what}${ports}`, figures)];
}

function wantsIpv6({ routes, sessions }: Config): boolean {
  return routes.some(({ ipv6 }) => ipv6) || sessions?.ipv6 === true;
}

interface Crowd {
  readonly outgoingPorts: number;
  readonly waiting: number;
}

/** Linux only. */
async function outgoing(): Promise<Crowd | null> {
  const [range, sockets] = await Promise.all([
    kernelText('/proc/sys/net/ipv4/ip_local_port_range'),
    kernelText('/proc/net/sockstat'),
  ]);
  return crowdOf(range, sockets);
}

export function crowdOf(range: string, sockets: string): Crowd | null {
  const [low, high] = range.trim().split(/\s+/).map(Number);
  const waiting = /^TCP:.* tw (\d+)/m.exec(sockets)?.[1];
  if (low === undefined || high === undefined || waiting === undefined) return null;
  return { outgoingPorts: high - low + 1, waiting: Number(waiting) };
}

/** A connection to a port of our own, and an octet there and back. */
function roundTrip(host: string): Promise<number | string> {
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.pipe(socket);
    });
    const end = (result: number | string): void => {
      stop();
      client?.destroy();
      server.close();
      resolve(result);
    };
    let client: ReturnType<typeof connect> | null = null;
    const stop = patience(WITHIN, () => end('ETIMEDOUT'));
    server.on('error', (error) => end(codeOf(error)));
    server.listen(0, host, () => {
      const began = performance.now();
      const made = connect((server.address() as AddressInfo).port, host);
      client = made;
      made.on('error', (error) => end(codeOf(error)));
      made.once('data', () => end(performance.now() - began));
      made.write('?');
    });
  });
}
