/**
 * The connecting side of ws and wss: a connection, over it the upgrade, which the package `ws` does. Loaded when the first
 * endpoint is connected.
 *
 * `ws` does not offer subprotocols with a slash, as RFC 45 names them, nor take one for an answer: the header is written
 * here, and read before `ws` looks at it.
 */
import type { IncomingMessage } from 'node:http';
import { connect, isIP, type Socket } from 'node:net';
import * as tls from 'node:tls';
import { WebSocket } from 'ws';
import { ZmqError } from '../../errors.ts';
import { offeredProtocols, readProtocol } from '../../zmtp/zws.ts';
import { formatAddress, formatEndpoint, formatMapped, type WsEndpoint } from '../endpoint.ts';
import { codeOf, systemError } from '../system-error.ts';
import { applyKeepalive } from '../tcp.ts';
import type { DialCallback, TransportOptions } from '../transport.ts';
import { fitRecords, PRODUCT, WsConnection } from './connection.ts';

/** libzmq does so when no subprotocol is its own. */
const HUNG_UP =
  'the server closed the connection in the middle of the handshake: has it another security mechanism, or speaks no ZeroMQ?';

/** A WebSocket as far as its handshake: then the socket is ours. */
class Handshake extends WebSocket {
  onSocket: (socket: Socket, head: Buffer) => void = () => {};

  /** Called by `ws` in place of its own. */
  setSocket(socket: Socket, head: Buffer): void {
    this.onSocket(socket, head);
  }
}

/** One attempt; returns the function that cancels it. */
export function dialUpgrade(endpoint: WsEndpoint, options: TransportOptions, done: DialCallback): () => void {
  const { host, port, transport } = endpoint;
  const address = formatAddress(host, port);
  const target = { host, port, family: options.ipv6 ? 0 : 4, noDelay: true };
  const secure = transport === 'wss';
  let socket: Socket;
  try {
    socket = secure ? tls.connect({ ...target, ...trust(endpoint, options) }) : connect(target);
  } catch (error) {
    const pending = setImmediate(() => done(tlsError(error, address), null));
    return () => clearImmediate(pending);
  }
  let timer: NodeJS.Timeout | undefined;
  let over = false;
  const stop = (): void => {
    over = true;
    clearTimeout(timer);
  };
  const giveUp = (): void => {
    stop();
    // A late error of an attempt that nobody waits for.
    socket.on('error', () => {});
    socket.destroy();
  };
  const fail = (error: ZmqError): void => {
    if (over) return;
    giveUp();
    done(error, null);
  };
  const limit = (time: number, error: (time: number) => ZmqError): void => {
    clearTimeout(timer);
    if (time > 0) timer = setTimeout(() => fail(error(time)), time);
  };
  const onError = (error: Error): void => {
    fail(secure ? tlsError(error, address) : systemError(error, address));
  };
  const onClose = (): void => {
    fail(new ZmqError('ERR_WEBSOCKET', { address, detail: HUNG_UP }));
  };
  socket.on('error', onError);
  socket.on('close', onClose);
  limit(options.connectTimeout, (time) => {
    const detail = `no connection within ${time} ms (connectTimeout)`;
    return new ZmqError('ETIMEDOUT', { address, detail });
  });
  socket.once(secure ? 'secureConnect' : 'connect', () => {
    limit(options.handshakeInterval, (time) => {
      const detail = `no answer to the WebSocket handshake within ${time} ms (handshakeInterval)`;
      return new ZmqError('ERR_ZMTP_HANDSHAKE_TIMEOUT', { address, detail });
    });
    applyKeepalive(socket, options);
    upgrade(socket, endpoint, options, fail, (connected, head, protocol) => {
      if (over) return;
      stop();
      connected.off('error', onError);
      connected.off('close', onClose);
      const { remoteAddress, remotePort, localAddress = '0.0.0.0', localPort = 0 } = connected;
      const remote =
        remoteAddress === undefined || remotePort === undefined
          ? formatEndpoint(endpoint)
          : `${transport}://${formatMapped(remoteAddress, remotePort)}${endpoint.path}`;
      const local = `${transport}://${formatMapped(localAddress, localPort)}`;
      const agreement = { ...protocol, server: false, limits: options };
      done(null, new WsConnection(connected, head, agreement, remote, local));
    });
  });
  return giveUp;
}

type Opened = (socket: Socket, head: Buffer, protocol: { mechanism: string; bare: boolean }) => void;

function upgrade(
  socket: Socket,
  endpoint: WsEndpoint,
  options: TransportOptions,
  fail: (error: ZmqError) => void,
  opened: Opened,
): void {
  const address = formatAddress(endpoint.host, endpoint.port);
  const offers = offeredProtocols(options.mechanism);
  const refuse = (detail: string, cause?: unknown): void =>
    fail(
      new ZmqError('ERR_WEBSOCKET', cause === undefined ? { address, detail } : { address, detail, cause }),
    );
  let handshake: Handshake;
  try {
    handshake = new Handshake(urlOf(endpoint), [], {
      createConnection: () => socket,
      perMessageDeflate: false,
      headers: { 'Sec-WebSocket-Protocol': offers.join(','), 'User-Agent': PRODUCT },
    });
  } catch (error) {
    refuse(`${endpoint.text} can't be written as a URL`, error);
    return;
  }
  let agreed: ReturnType<typeof readProtocol> = null;
  handshake.on('error', (error) => {
    const what =
      codeOf(error) === 'ECONNRESET' ? HUNG_UP : `the WebSocket handshake failed: ${error.message}`;
    refuse(what, error);
  });
  handshake.on('unexpected-response', (_request, response: IncomingMessage) =>
    refuse(refusal(response, endpoint)),
  );
  handshake.on('upgrade', (response: IncomingMessage) => {
    fitRecords(socket, response.headers.server);
    const chosen = response.headers['sec-websocket-protocol'];
    delete response.headers['sec-websocket-protocol'];
    agreed = chosen === undefined || !offers.includes(chosen) ? null : readProtocol(chosen);
    if (agreed !== null) return;
    const what = chosen === undefined ? 'no subprotocol' : `the subprotocol ${JSON.stringify(chosen)}`;
    refuse(`the server chose ${what}; this socket offered ${offers.join(', ')}: is it a ZeroMQ endpoint?`);
  });
  handshake.onSocket = (connected, head) => {
    if (agreed !== null) opened(connected, head, agreed);
  };
}

/** For the request. The zone of an IPv6 address means something to this machine only, and is no part of a URL. */
function urlOf(endpoint: WsEndpoint): string {
  const { transport, host, port, path } = endpoint;
  return `${transport}://${formatAddress(isIP(host) === 6 ? host.replace(/%.*/, '') : host, port)}${path}`;
}

/** What the answer of a server means that did not upgrade. */
function refusal(response: IncomingMessage, endpoint: WsEndpoint): string {
  const status = `${response.statusCode} ${response.statusMessage ?? ''}`.trim();
  const said = `the server answered ${status} to the WebSocket handshake`;
  switch (response.statusCode) {
    case 400:
      return `${said}: does it have another security mechanism, or speak no ZeroMQ?`;
    case 401:
    case 407:
      return `${said}: it, or a proxy in front of it, asks for credentials`;
    case 403:
      return `${said}: it does not let this client in (wsOrigins, or a proxy)`;
    case 404:
      return `${said}: nothing is at the path ${endpoint.path}`;
    default:
      return said;
  }
}

/** Whom to trust, and by what name. */
function trust(endpoint: WsEndpoint, options: TransportOptions): tls.ConnectionOptions {
  const { wssTrustPem, wssTrustSystem, wssHostname } = options;
  if (wssTrustPem === null && !wssTrustSystem) {
    const detail = 'with wssTrustSystem off, wssTrustPem has to name the certificates that are trusted';
    throw new ZmqError('EINVAL', { address: endpoint.text, detail });
  }
  const name = wssHostname ?? endpoint.host;
  const trusted: tls.ConnectionOptions = { minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] };
  // An address is no name for SNI; the certificate is compared with it all the same.
  if (isIP(name) === 0) trusted.servername = name.replace(/\.$/, '');
  else if (wssHostname !== null)
    trusted.checkServerIdentity = (_, certificate) => tls.checkServerIdentity(name, certificate);
  if (wssTrustPem !== null) trusted.secureContext = contextFor(wssTrustPem, wssTrustSystem);
  return trusted;
}

/** The last one made: to read all the certificates of a system takes 50 ms and more, for each attempt to connect. */
let kept: { readonly pem: string; readonly system: boolean; readonly context: tls.SecureContext } | null =
  null;

function contextFor(pem: string, system: boolean): tls.SecureContext {
  if (kept === null || kept.pem !== pem || kept.system !== system) {
    const ca = system ? [...tls.rootCertificates, pem] : [pem];
    kept = { pem, system, context: tls.createSecureContext({ ca, minVersion: 'TLSv1.2' }) };
  }
  return kept.context;
}

/** What TLS has against a certificate, as a way out. */
const CERTIFICATE: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is self-signed: put it into wssTrustPem',
  SELF_SIGNED_CERT_IN_CHAIN: 'its authority is not trusted: put the certificate of that into wssTrustPem',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its authority is not known: put the certificate of that into wssTrustPem',
  UNABLE_TO_GET_ISSUER_CERT: 'its authority is not known: put the certificate of that into wssTrustPem',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'its authority is not known: put the certificate of that into wssTrustPem',
  ERR_TLS_CERT_ALTNAME_INVALID: 'it is for another name: connect by a name that it has, or set wssHostname',
  CERT_HAS_EXPIRED: 'it has expired: the server needs a new one',
  CERT_NOT_YET_VALID: 'it is not valid yet: is the clock right?',
};

function tlsError(error: unknown, address: string): ZmqError {
  if (error instanceof ZmqError) return error;
  const code = codeOf(error);
  const way = CERTIFICATE[code];
  const message = error instanceof Error ? error.message : String(error);
  if (way !== undefined) {
    const detail = `the server's certificate is refused (${message}); ${way}`;
    return new ZmqError('ERR_WEBSOCKET', { address, detail, cause: error });
  }
  // OpenSSL's own, such as a server that does not speak TLS.
  if (code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS') || code.startsWith('ERR_OSSL')) {
    const detail = `TLS failed: ${message}; does the server speak TLS there (wss), or plain HTTP (ws)?`;
    return new ZmqError('ERR_WEBSOCKET', { address, detail, cause: error });
  }
  return systemError(error, address);
}
