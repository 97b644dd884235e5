/**
 * udp: one socket is one {@link Connection}, whoever is at the other end. What is written are pairs, an address
 * (`host:port`; none: the one that was dialled) and a datagram; what arrives is a datagram behind the address that it is
 * from, with its length in front. Nothing is promised: a datagram that the system refuses is lost, and one that is too
 * large as well.
 */
import type { Socket } from 'node:dgram';
import { ZmqError } from '../errors.ts';
import { formatAddress, parseEndpoint, type TcpAddress, type UdpEndpoint } from './endpoint.ts';
import { systemError } from './system-error.ts';
import type { Connection, ConnectionHandler, Transport } from './transport.ts';

/** IPv4 multicast. */
const GROUP = /^(?:22[4-9]|23\d)\./;
const ADDRESS = /^\[?([^\]]+)\]?:(\d{1,5})$/;

export const udpTransport: Transport = {
  listen(text, _options, accept) {
    const { host, port } = parseEndpoint(text) as UdpEndpoint;
    const group = GROUP.test(host);
    const socket = create(host, group);
    let endpoint: string | null = null;
    const ready = new Promise<void>((resolve, reject) => {
      // Nothing else tells of it.
      const detail = 'closed before it was bound';
      socket.once('close', () => reject(new ZmqError('EBADF', { address: text, detail })));
      const failed = (error: unknown): void => {
        shut(socket);
        reject(systemError(error, text));
      };
      socket.once('error', failed);
      // A group is an address to send to: who listens to it listens everywhere.
      socket.bind({ port, address: host === '*' || group ? '0.0.0.0' : host, exclusive: !group }, () => {
        socket.off('error', failed);
        try {
          if (group) socket.addMembership(host);
        } catch (error) {
          failed(error);
          return;
        }
        endpoint = `udp://${formatAddress(host === '*' ? '0.0.0.0' : host, socket.address().port)}`;
        accept(connectionOf(socket, endpoint, null));
        resolve();
      });
    });
    ready.catch(() => {});
    return {
      get endpoint() {
        return endpoint;
      },
      ready,
      error: null,
      // The connection has the socket, and may have something to send.
      close: async () => {
        if (endpoint === null) shut(socket);
      },
    };
  },
  dial(text, _options, done) {
    const target = parseEndpoint(text) as UdpEndpoint;
    const timer = setImmediate(() => done(null, connectionOf(create(target.host, false), text, target)));
    return () => clearImmediate(timer);
  },
};

function create(host: string, reuseAddr: boolean): Socket {
  // On first use: few programs have one.
  const { createSocket } = process.getBuiltinModule('node:dgram');
  return createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', reuseAddr }).unref();
}

const closed = new WeakSet<Socket>();

function shut(socket: Socket): void {
  if (!closed.has(socket)) socket.close();
  closed.add(socket);
}

function connectionOf(socket: Socket, endpoint: string, dialled: TcpAddress | null): Connection {
  let handler: ConnectionHandler | null = null;
  let ending = false;
  let sending = 0;
  const end = (): void => {
    ending = true;
    if (sending === 0) shut(socket);
  };
  const sent = (): void => {
    if (--sending > 0) return;
    if (ending) shut(socket);
    else handler?.onDrain();
  };
  return {
    remote: endpoint,
    local: endpoint,
    keepsBuffers: false,
    datagrams: true,
    start(to) {
      handler = to;
      socket.on('message', (octets, { address, port }) => {
        const from = Buffer.from(formatAddress(address, port));
        if (!ending) to.onData(Buffer.concat([Buffer.of(from.length), from, octets]));
      });
      // Such as a port where nobody listens, on the way of an earlier datagram.
      socket.on('error', () => {});
      socket.once('close', () => to.onClose(null));
    },
    write(pairs) {
      if (closed.has(socket)) return false;
      sending++;
      for (let i = 0; i < pairs.length; i += 2) {
        const target = pairs[i]!.length === 0 ? dialled : addressOf(pairs[i]!);
        if (target === null) continue;
        sending++;
        socket.send(pairs[i + 1]!, target.port, target.host, sent);
      }
      setImmediate(sent);
      return false;
    },
    // Who does not keep up misses datagrams, and counts them: there is nobody to hold up.
    pause() {},
    resume() {},
    endWriting: end,
    end,
    destroy: () => {
      ending = true;
      shut(socket);
    },
  };
}

/** `host:port`, or null for what is none. libzmq ends it with a zero octet. */
function addressOf(octets: Uint8Array): TcpAddress | null {
  const [, host, digits] = ADDRESS.exec(Buffer.from(octets).toString().replace(/\0$/, '')) ?? [];
  const port = Number(digits);
  return host === undefined || port === 0 || port > 65_535 ? null : { host, port };
}
