/**
 * The transports that every behaviour is checked over. Each gives a fresh endpoint to bind; where clients connect is
 * the socket's `lastEndpoint` after that (a real port in place of 0).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { TEST_CERTIFICATE, TEST_KEY } from './certificate.ts';
import { freePort } from './port.ts';

export type TransportName = 'tcp' | 'tcp6' | 'ipc' | 'ipc-abstract' | 'inproc' | 'ws' | 'wss';

export interface TestTransport {
  readonly name: TransportName;
  /** A connection can be cut, retried, refused: all but inproc. */
  readonly wire: boolean;
  /** What each socket needs to use it. */
  readonly options: {
    readonly ipv6?: boolean;
    readonly wssKeyPem?: string;
    readonly wssCertPem?: string;
    readonly wssTrustPem?: string;
    readonly wssTrustSystem?: boolean;
  };
  /** A fresh endpoint for `bind`. */
  endpoint(): string;
  /** A fresh endpoint that is the same for bind and connect, so that connect may come first. */
  fixed(): Promise<string>;
}

let counter = 0;
let folder: string | undefined;

function unique(): string {
  counter += 1;
  return `zeroth-test-${process.pid}-${counter}`;
}

function ipcPath(): string {
  if (process.platform === 'win32') return unique();
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'zeroth-test-'));
    folder = made;
    process.once('exit', () => rmSync(made, { recursive: true, force: true }));
  }
  return join(folder, unique());
}

const tcp: TestTransport = {
  name: 'tcp',
  wire: true,
  options: {},
  endpoint: () => 'tcp://127.0.0.1:0',
  fixed: async () => `tcp://127.0.0.1:${await freePort('127.0.0.1')}`,
};

const tcp6: TestTransport = {
  name: 'tcp6',
  wire: true,
  options: { ipv6: true },
  endpoint: () => 'tcp://[::1]:0',
  fixed: async () => `tcp://[::1]:${await freePort('::1')}`,
};

const ipc: TestTransport = {
  name: 'ipc',
  wire: true,
  options: {},
  endpoint: () => `ipc://${ipcPath()}`,
  fixed: async () => `ipc://${ipcPath()}`,
};

const ipcAbstract: TestTransport = {
  name: 'ipc-abstract',
  wire: true,
  options: {},
  endpoint: () => `ipc://@${unique()}`,
  fixed: async () => `ipc://@${unique()}`,
};

const ws: TestTransport = {
  name: 'ws',
  wire: true,
  options: {},
  endpoint: () => 'ws://127.0.0.1:0/zmq',
  fixed: async () => `ws://127.0.0.1:${await freePort('127.0.0.1')}/zmq`,
};

const wss: TestTransport = {
  name: 'wss',
  wire: true,
  options: {
    wssKeyPem: TEST_KEY,
    wssCertPem: TEST_CERTIFICATE,
    wssTrustPem: TEST_CERTIFICATE,
    // All of the system's take each process 100 ms and more to read.
    wssTrustSystem: false,
  },
  endpoint: () => 'wss://127.0.0.1:0/zmq',
  fixed: async () => `wss://127.0.0.1:${await freePort('127.0.0.1')}/zmq`,
};

const inproc: TestTransport = {
  name: 'inproc',
  wire: false,
  options: {},
  endpoint: () => `inproc://${unique()}`,
  fixed: async () => `inproc://${unique()}`,
};

function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((list) => list?.some((entry) => entry.address === '::1'));
}

/** Those that this machine has. */
export const transports: readonly TestTransport[] = [
  tcp,
  ...(hasIpv6() ? [tcp6] : []),
  ipc,
  ...(process.platform === 'linux' ? [ipcAbstract] : []),
  ws,
  wss,
  inproc,
];

/** Those with a connection in between. */
export const wires: readonly TestTransport[] = transports.filter((transport) => transport.wire);

/** One of each kind of wire, for tests where the address family changes nothing. */
export const basicWires: readonly TestTransport[] = [tcp, ipc, ws];

export { tcp };
