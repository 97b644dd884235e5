/**
 * ws and wss: ZeroMQ over WebSocket (RFC 45). The port is bound and connections are accepted as with tcp; what HTTP, TLS
 * and WebSocket need is loaded when the first connection comes or is made, so that who has none does not wait for it.
 */
import { ZmqError } from '../../errors.ts';
import { formatAddress, parseEndpoint, type WsEndpoint } from '../endpoint.ts';
import { applyKeepalive, listenOn } from '../tcp.ts';
import type { Connection, DialCallback, Listener, Transport, TransportOptions } from '../transport.ts';
import type { Reception, Secrets } from './server.ts';

export const wsTransport: Transport = { listen, dial };

function listen(
  text: string,
  options: TransportOptions,
  accept: (connection: Connection) => void,
  onError: (error: Error) => void,
): Listener {
  const endpoint = parseWsEndpoint(text, 'bind');
  const { transport, path } = endpoint;
  const secrets = transport === 'wss' ? checkSecrets(endpoint, options) : null;
  let reception: Reception | null = null;
  let loading: Promise<void> | null = null;
  let closed = false;
  const load = async (): Promise<void> => {
    const { createReception } = await import('./server.ts');
    reception = createReception(endpoint, options, secrets, accept, onError);
  };
  const listener = listenOn(
    endpoint,
    options,
    (address) => `${transport}://${address}${path}`,
    (socket, bound) => {
      applyKeepalive(socket, options);
      socket.unref();
      if (reception !== null) {
        reception.take(socket, bound);
        return;
      }
      // Nothing is read of it meanwhile, and yet it may be reset: without a listener that would end the process.
      socket.on('error', ignore);
      loading ??= load();
      loading.then(
        () => {
          if (closed) socket.destroy();
          if (socket.destroyed) return;
          reception?.take(socket, bound);
          socket.off('error', ignore);
        },
        (error: unknown) => {
          socket.destroy();
          onError(ZmqError.fromSystem(error, { address: text }));
        },
      );
    },
    onError,
  );
  const { close } = listener;
  listener.close = () => {
    closed = true;
    reception?.close();
    return close.call(listener);
  };
  return listener;
}

function dial(text: string, options: TransportOptions, done: DialCallback): () => void {
  const endpoint = parseWsEndpoint(text, 'connect');
  let cancelled = false;
  let cancel = (): void => {};
  import('./client.ts').then(
    ({ dialUpgrade }) => {
      if (!cancelled) cancel = dialUpgrade(endpoint, options, done);
    },
    (error: unknown) => {
      if (!cancelled) done(ZmqError.fromSystem(error, { address: text }), null);
    },
  );
  return () => {
    cancelled = true;
    cancel();
  };
}

function parseWsEndpoint(text: string, use: 'bind' | 'connect'): WsEndpoint {
  const endpoint = parseEndpoint(text, use);
  if (endpoint.transport !== 'ws' && endpoint.transport !== 'wss')
    throw new ZmqError('EPROTONOSUPPORT', { address: text });
  return endpoint;
}

/** A bind with a key that is of no use fails at once, not with the first peer. */
function checkSecrets(endpoint: WsEndpoint, { wssKeyPem, wssCertPem }: TransportOptions): Secrets {
  const refuse = (detail: string): ZmqError =>
    new ZmqError('EINVAL', { address: formatAddress(endpoint.host, endpoint.port), detail });
  if (wssKeyPem === null || wssCertPem === null) {
    const missing = wssKeyPem === null ? 'wssKeyPem' : 'wssCertPem';
    throw refuse(`wss needs a private key and a certificate: set ${missing} (PEM) before bind`);
  }
  try {
    process.getBuiltinModule('node:tls').createSecureContext({ key: wssKeyPem, cert: wssCertPem });
  } catch (error) {
    // OpenSSL's words: they have nothing of the key in them.
    const why = error instanceof Error ? error.message : String(error);
    throw refuse(`wssKeyPem and wssCertPem can't be used: ${why}`);
  }
  return { key: wssKeyPem, cert: wssCertPem };
}

function ignore(): void {}
