/**
 * The matrix: a behaviour is written once, for one socket of ours and its peers, and runs in every cell of its scope:
 * each transport, our socket binding and connecting, peers of ours and, where it has the transport, of libzmq. A test is
 * named by the clause that it holds us to; `./clauses` has them all, and clauses.test.ts holds the two together.
 */
import { it, type TestContext } from 'node:test';
import * as theirDrafts from 'zeromq/draft.js';
import * as ourDrafts from '../../src/draft.ts';
import { type Library, type LooseSocket, ours, type SocketName, theirs } from '../support/libs.ts';
import { RawPeer, RawServer } from '../support/rawpeer.ts';
import {
  type AnySocket,
  bindTo,
  type Scope as Cleanup,
  scope as cleanup,
  link,
  ready,
} from '../support/scope.ts';
import { basicWires, type TestTransport, tcp, transports, wires } from '../support/transports.ts';
import { clauses } from './clauses/all.ts';

/** STREAM, and the drafts; PEER and CHANNEL are ours alone. */
type MoreNames =
  | 'Stream'
  | 'Server'
  | 'Client'
  | 'Radio'
  | 'Dish'
  | 'Gather'
  | 'Scatter'
  | 'Peer'
  | 'Channel';
export type AnyName = SocketName | MoreNames;

/** Any socket of either library; what goes with the messages of a draft socket is an object beside them. */
export interface CellSocket extends Omit<LooseSocket, 'send'> {
  send(
    message: string | Uint8Array | null | readonly (string | Uint8Array)[],
    beside?: { routingId?: number; group?: string },
  ): Promise<void>;
  join(...groups: string[]): void;
  leave(...groups: string[]): void;
}

/** What only our sockets have. */
export interface Tested extends CellSocket {
  readonly stats: { readonly messagesIn: number; readonly queuedIn: number; readonly dropped: number };
}

type Classes = Readonly<Record<AnyName, new (options?: object) => CellSocket>>;

const CLASSES: Readonly<Record<Library['name'], Classes>> = {
  ours: { ...ours.sockets, ...ourDrafts } as unknown as Classes,
  libzmq: { ...theirs.sockets, ...theirDrafts } as unknown as Classes,
};

type Options = Readonly<Record<string, unknown>>;

export interface Cell {
  readonly t: TestContext;
  readonly scope: Cleanup;
  readonly transport: TestTransport;
  /** Our socket binds; else its peers do. */
  readonly binds: boolean;
  /** The peers are libzmq's. */
  readonly theirs: boolean;
  /** The socket under test, of ours. */
  tested(name: AnyName, options?: Options): Tested;
  /** A peer of it. */
  peer(name: AnyName, options?: Options): CellSocket;
  /** Binds and connects as the cell says; resolves when all have shaken hands. */
  join(tested: AnySocket, ...peers: AnySocket[]): Promise<void>;
}

/** A peer made by hand, in place of a library. */
export interface WireCell extends Omit<Cell, 'peer' | 'theirs'> {
  /** A new connection of the tested socket, nothing said yet. */
  dial(tested: AnySocket): Promise<RawPeer>;
  /** The next connection to the same endpoint. */
  again(tested: AnySocket): Promise<RawPeer>;
  /** As `dial`, and both have shaken hands. */
  meet(tested: AnySocket, socketType: string, identity?: string): Promise<RawPeer>;
}

interface ScopeSpec {
  readonly transports: readonly TestTransport[];
  readonly libraries: readonly Library[];
  /** Whether our socket binds. */
  readonly roles: readonly boolean[];
}

const BOTH = [true, false];

/** Where a test runs. docs/conformance.md has these in words (`SCOPE_WORDS` of docs.ts). */
const SCOPES = {
  /** All of it. */
  everywhere: { transports, libraries: [ours, theirs], roles: BOTH },
  /** Needs a connection that can end. */
  wires: { transports: wires, libraries: [ours, theirs], roles: BOTH },
  /** Our socket binds: about what is kept of peers that come and go. */
  bound: { transports, libraries: [ours, theirs], roles: [true] },
  boundWires: { transports: wires, libraries: [ours, theirs], roles: [true] },
  /** Our socket connects. */
  connected: { transports, libraries: [ours, theirs], roles: [false] },
  connectedWires: { transports: wires, libraries: [ours, theirs], roles: [false] },
  /** The zeromq package has no such socket. */
  ours: { transports, libraries: [ours], roles: BOTH },
  oursConnected: { transports, libraries: [ours], roles: [false] },
  /** The transport makes no difference. */
  basic: { transports: basicWires, libraries: [ours, theirs], roles: BOTH },
  /** A socket of ours by itself. */
  alone: { transports: [tcp], libraries: [ours], roles: [true] },
} as const satisfies Record<string, ScopeSpec>;

export type ScopeName = keyof typeof SCOPES;

/** As tcp and as ws, but for the address and TLS: there one role with each library is enough where both are asked. */
const ONCE: readonly string[] = ['tcp6', 'wss'];

function rolesIn({ roles }: ScopeSpec, transport: TestTransport, library: Library): readonly boolean[] {
  return roles.length > 1 && ONCE.includes(transport.name) ? [library === ours] : roles;
}

const NOT_LIBZMQ: readonly string[] = ['inproc', 'ipc-abstract', 'wss'];

/** No libzmq for inproc, nor for abstract names: Node 20 fills these up with zeros (libuv), libzmq does not. */
function speaks(library: Library, transport: TestTransport): boolean {
  return library === ours || !NOT_LIBZMQ.includes(transport.name);
}

const known: ReadonlySet<string> = new Set(clauses.map((clause) => clause.name));

function check(clause: string): void {
  if (!known.has(clause)) throw new Error(`no clause in ./clauses is called ${JSON.stringify(clause)}`);
}

const LIMIT = { timeout: 30_000 };

/** A test of a clause in each cell of the scope. */
export function holds(clause: string, where: ScopeName, body: (cell: Cell) => Promise<void>): void {
  check(clause);
  const spec: ScopeSpec = SCOPES[where];
  for (const transport of spec.transports) {
    for (const library of spec.libraries) {
      if (!speaks(library, transport)) continue;
      for (const binds of rolesIn(spec, transport, library)) {
        const role = where === 'alone' ? '' : `, ours ${binds ? 'binds' : 'connects'}, ${library.name}`;
        it(`${clause} [${transport.name}${role}]`, LIMIT, (t) => body(cellOf(t, transport, library, binds)));
      }
    }
  }
}

function cellOf(t: TestContext, transport: TestTransport, library: Library, binds: boolean): Cell {
  const s = cleanup(t, transport);
  return {
    t,
    scope: s,
    transport,
    binds,
    theirs: library === theirs,
    tested: (name, options) => s.open(CLASSES.ours[name], options) as Tested,
    peer: (name, options) => s.open(CLASSES[library.name][name], options),
    join: async (tested, ...peers) => {
      if (binds) {
        await link(transport, tested, ...peers);
        return;
      }
      for (const peer of peers) tested.connect(await bindTo(peer, transport));
      await Promise.all([
        ready(tested, transport, peers.length),
        ...peers.map((peer) => ready(peer, transport)),
      ]);
    },
  };
}

/** A test of a clause octet by octet: a raw peer over tcp, our socket binding and connecting. */
export function octets(clause: string, body: (cell: WireCell) => Promise<void>): void {
  raw(clause, BOTH, body);
}

/** As `octets`, where only a socket that binds is asked. */
export function octetsBound(clause: string, body: (cell: WireCell) => Promise<void>): void {
  raw(clause, [true], body);
}

/** As `octets`, where only a socket that connects is asked. */
export function octetsConnected(clause: string, body: (cell: WireCell) => Promise<void>): void {
  raw(clause, [false], body);
}

function raw(clause: string, roles: readonly boolean[], body: (cell: WireCell) => Promise<void>): void {
  check(clause);
  for (const binds of roles) {
    it(`${clause} [octets, ours ${binds ? 'binds' : 'connects'}]`, LIMIT, (t) => body(wireCellOf(t, binds)));
  }
}

function wireCellOf(t: TestContext, binds: boolean): WireCell {
  const { scope: s, transport, tested, join } = cellOf(t, tcp, ours, binds);
  const servers = new Map<AnySocket, RawServer>();
  const again = async (socket: AnySocket): Promise<RawPeer> => {
    const server = servers.get(socket);
    return server === undefined
      ? s.use(await RawPeer.connect(socket.lastEndpoint as string))
      : server.accept();
  };
  const dial = async (socket: AnySocket): Promise<RawPeer> => {
    if (binds) {
      if (socket.lastEndpoint === null) await bindTo(socket, tcp);
    } else {
      const server = s.use(await RawServer.listen());
      servers.set(socket, server);
      socket.connect(server.endpoint);
    }
    return again(socket);
  };
  return {
    t,
    scope: s,
    transport,
    binds,
    tested,
    join,
    dial,
    again,
    meet: async (socket, socketType, identity = '') => {
      const peer = await dial(socket);
      await peer.handshake({ socketType, identity });
      await ready(socket, tcp);
      return peer;
    },
  };
}
