/**
 * The bound side of ws and wss: TLS where it is asked for, the HTTP request, the upgrade, which the package `ws` does.
 * Loaded when the first connection comes.
 *
 * A stranger holds a connection for the time of a handshake (`handshakeInterval`, from the accept) and 16 KiB of headers.
 * Who asks for a page is told what is here. Every refusal is reported.
 *
 * `ws` takes no subprotocol with a slash, as RFC 45 names them: the header is read here, and answered here.
 */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Socket } from 'node:net';
import * as tls from 'node:tls';
import { WebSocket, WebSocketServer } from 'ws';
import { ZmqError, type ZmqErrorCode } from '../../errors.ts';
import { chooseProtocol, readProtocol } from '../../zmtp/zws.ts';
import { formatMapped, type WsEndpoint } from '../endpoint.ts';
import type { Connection, TransportOptions } from '../transport.ts';
import { fitRecords, PRODUCT, WsConnection } from './connection.ts';
import { refusedOrigin } from './origin.ts';

const MAX_HEADERS = 16_384;

/** As far as the handshake: then the socket is ours. */
class Upgraded extends WebSocket {
  socket: Socket | null = null;
  head: Buffer = Buffer.alloc(0);

  /** Called by `ws` in place of its own. */
  setSocket(socket: Socket, head: Buffer): void {
    this.socket = socket;
    this.head = head;
  }
}

/** What is known of a connection before it is one. */
interface Visitor {
  readonly remote: string;
  readonly local: string;
  /** It had its time or its answer, or the endpoint is gone: what is to be said about it has been said. */
  late: boolean;
  over(): void;
}

const kVisitor: unique symbol = Symbol('visitor');
type VisitorSocket = Socket & { [kVisitor]?: Visitor; _parent?: VisitorSocket | null };

/** For TLS, PEM: as they were when the endpoint was bound. */
export interface Secrets {
  readonly key: string;
  readonly cert: string;
}

export interface Reception {
  /** A connection that was accepted. `local` is the endpoint. */
  take(socket: Socket, local: string): void;
  /** Whoever is not through is sent away. */
  close(): void;
}

export function createReception(
  endpoint: WsEndpoint,
  options: TransportOptions,
  secrets: Secrets | null,
  accept: (connection: Connection) => void,
  report: (error: Error) => void,
): Reception {
  const visitors = new Set<Socket>();
  const chosen = new WeakMap<IncomingMessage, string>();
  const upgrader = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    clientTracking: false,
    WebSocket: Upgraded,
  });
  upgrader.on('headers', (headers, request) => {
    headers.push(`Server: ${PRODUCT}`, `Sec-WebSocket-Protocol: ${chosen.get(request)}`);
  });
  upgrader.on('wsClientError', (error, socket, request) => {
    refuse(socket as Socket, 400, error.message, request);
  });

  const tell = (socket: Socket, detail: string, code: ZmqErrorCode = 'ERR_WEBSOCKET'): void => {
    const visitor = visitorOf(socket);
    // What follows upon the end that we gave it is no news.
    if (visitor?.late === true) return;
    const address = visitor?.remote ?? '';
    report(new ZmqError(code, { address, detail }));
  };
  const refuse = (
    socket: Socket,
    status: number,
    why: string,
    request: IncomingMessage,
    code?: ZmqErrorCode,
  ): void => {
    tell(socket, `refused with ${status}: ${why}`, code);
    const version = request.headers['sec-websocket-version'] === '13' ? '' : 'Sec-WebSocket-Version: 13\r\n';
    const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n${version}`;
    const text = `${why}\n`;
    const body = `Content-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
    socket.once('finish', () => socket.destroy());
    socket.end(head + body);
  };

  const noUpgrade = (request: IncomingMessage, response: ServerResponse): void => {
    tell(request.socket, `an HTTP request (${request.method}) without an upgrade to WebSocket`);
    const visitor = visitorOf(request.socket);
    if (visitor !== undefined) visitor.late = true;
    explain(response);
  };
  const http: Server = createServer({ maxHeaderSize: MAX_HEADERS }, noUpgrade);
  // Node would answer these itself, and keep the connection.
  http.on('checkContinue', noUpgrade);
  http.on('checkExpectation', noUpgrade);
  http.on('connect', (request: IncomingMessage, socket: Socket) => {
    refuse(socket, 405, 'this is a ZeroMQ endpoint, and no proxy', request);
  });
  http.on('clientError', (error, socket) => {
    const { code } = error as NodeJS.ErrnoException;
    // Of the first octet: what begins TLS is no HTTP.
    const way = code === 'HPE_INVALID_METHOD' && secrets === null ? '; does it want wss://, or tcp://?' : '';
    tell(socket as Socket, `no valid HTTP request (${code}: ${error.message})${way}`);
    const status = code === 'HPE_HEADER_OVERFLOW' ? 431 : 400;
    if (socket.writable)
      socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n\r\n`);
    socket.destroy();
  });
  http.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on('error', ignore);
    // Sent behind a request that was answered with an end.
    if (visitorOf(socket)?.late === true) {
      socket.destroySoon();
      return;
    }
    const { headers } = request;
    const offers = headers['sec-websocket-protocol'];
    const protocol = offers === undefined ? null : chooseProtocol(offers, options.mechanism);
    const { origin, host } = headers;
    const page = refusedOrigin({ origin, host, address: socket.localAddress }, options.wsOrigins);
    const path = request.url ?? '/';
    // As in libzmq, an endpoint without a path takes all.
    if (endpoint.path !== '/' && path !== endpoint.path) {
      refuse(socket, 404, 'there is no ZeroMQ endpoint at this path', request);
    } else if (page !== null) refuse(socket, 403, page, request);
    else if (protocol === null) {
      const shown = offers === undefined ? 'none' : JSON.stringify(offers.slice(0, 200));
      const why = `the subprotocol has to be ZWS2.0/${options.mechanism} (RFC 45), and ${shown} was offered`;
      const other = /ZWS2\.0/.test(offers ?? '') ? 'ERR_ZMTP_MECHANISM_MISMATCH' : undefined;
      refuse(socket, 400, why, request, other);
    } else {
      delete headers['sec-websocket-protocol'];
      chosen.set(request, protocol);
      fitRecords(socket, headers['user-agent']);
      upgrader.handleUpgrade(request, socket, head, (upgraded) => {
        const { socket: ours, head: rest } = upgraded as Upgraded;
        const visitor = visitorOf(socket);
        if (ours === null || visitor === undefined) return;
        visitor.over();
        ours.off('error', ignore);
        ours.setTimeout(0);
        const agreement = { ...readProtocol(protocol)!, server: true, limits: options };
        accept(new WsConnection(ours, rest, agreement, visitor.remote, visitor.local));
      });
    }
  });

  const secure =
    secrets === null
      ? null
      : tls.createServer({
          ...secrets,
          minVersion: 'TLSv1.2',
          ALPNProtocols: ['http/1.1'],
          // `take` has a limit for all of it.
          handshakeTimeout: 0x7fff_ffff,
        });
  secure?.on('secureConnection', (socket) => http.emit('connection', socket));
  secure?.on('tlsClientError', (error, socket) => {
    tell(socket, `no TLS connection: ${troubleOf(error)}`);
    socket.destroy();
  });

  return {
    take(socket, local) {
      const { remoteAddress, remotePort } = socket;
      const remote =
        remoteAddress === undefined || remotePort === undefined
          ? local
          : `${endpoint.transport}://${formatMapped(remoteAddress, remotePort)}`;
      const time = options.handshakeInterval;
      const late = (): void => {
        const detail = `no complete WebSocket handshake within ${time} ms (handshakeInterval)`;
        visitor.late = true;
        report(new ZmqError('ERR_ZMTP_HANDSHAKE_TIMEOUT', { address: remote, detail }));
        socket.destroy();
      };
      const timer = time > 0 ? setTimeout(late, time) : undefined;
      timer?.unref();
      const over = (): void => {
        clearTimeout(timer);
        visitors.delete(socket);
        socket.off('close', over);
        // Under TLS nobody else listens to it.
        if (secure === null) socket.off('error', ignore);
      };
      const visitor: Visitor = { remote, local, late: false, over };
      (socket as VisitorSocket)[kVisitor] = visitor;
      visitors.add(socket);
      socket.on('close', over);
      socket.on('error', ignore);
      (secure ?? http).emit('connection', socket);
    },
    close() {
      for (const socket of visitors) {
        const visitor = visitorOf(socket);
        if (visitor !== undefined) visitor.late = true;
        socket.destroy();
      }
    },
  };
}

/** Of the socket, or of that under its TLS. */
function visitorOf(socket: Socket): Visitor | undefined {
  const { [kVisitor]: visitor, _parent: parent } = socket as VisitorSocket;
  return visitor ?? parent?.[kVisitor];
}

/** Why TLS failed: OpenSSL's reason without the places in its source, and what may help. */
function troubleOf(error: Error): string {
  const { code, reason } = error as NodeJS.ErrnoException & { reason?: string };
  if (code === 'ECONNRESET') return 'the client left in the middle of it; does it trust the certificate?';
  const why = reason ?? error.message;
  const meant =
    code === 'ERR_SSL_HTTP_REQUEST' ? 'ws' : code === 'ERR_SSL_WRONG_VERSION_NUMBER' ? 'tcp' : null;
  if (meant !== null) return `the client speaks no TLS (${why}): has it ${meant}:// in place of wss://?`;
  if (/certificate|unknown ca/.test(why)) return `the client does not trust the certificate (${why})`;
  return why;
}

function explain(response: ServerResponse): void {
  response.writeHead(426, {
    Upgrade: 'websocket',
    Connection: 'close, Upgrade',
    'Content-Type': 'text/plain; charset=utf-8',
  });
  response.end(
    'This is a ZeroMQ endpoint: connect to it with a ZeroMQ socket, by a ws:// or wss:// address.\n',
  );
}

function ignore(): void {}
