/**
 * What `zeroth run` tells a person: where to connect, and a line to copy that sends a first message.
 *
 * Guarantees: shows the addresses that are really bound; the lines to copy work on this machine as they stand.
 */
import type { EndpointStatus, RouteStatus, SideStatus } from '../flow/status.ts';

export interface BannerWords {
  readonly version: string;
  readonly name: string;
  /** The configuration file, or null for the embedded defaults. */
  readonly file: string | null;
  /** Where clients of streams connect. */
  readonly sessions: readonly string[];
  /** Where health and metrics are: `http://127.0.0.1:5580`. */
  readonly admin: readonly string[];
}

const WILDCARD = /^(tcp|ws):\/\/(?:\*|0\.0\.0\.0|\[::\])(?=:)/;

/** The whole text, ending with a newline. */
export function banner(
  routes: readonly RouteStatus[],
  { version, name, file, sessions, admin }: BannerWords,
): string {
  const source = file ?? 'embedded default configuration (zeroth init writes a file to change)';
  const rows = [
    ...routes.flatMap((route) => [
      ...sideRows(route, 'frontend', route.frontend),
      ...sideRows(route, 'backend', route.backend),
    ]),
    ...sessions.map(
      (address, index): Row => [
        index === 0 ? 'sessions' : '',
        '',
        address,
        `clients of streams connect ${placeOf(address)}`,
      ],
    ),
    ...admin.map(
      (address, index): Row => [
        index === 0 ? 'control' : '',
        '',
        address,
        'health and metrics: /health, /metrics',
      ],
    ),
  ];
  const first = firstMessage(routes);
  return [
    `zeroth ${version}, node ${name}: ${source}`,
    '',
    ...table(rows),
    '',
    ...first,
    'zeroth status shows how it does. Ctrl-C stops it.',
    '',
  ].join('\n');
}

type Row = readonly [route: string, side: string, address: string, peers: string];

function sideRows(route: RouteStatus, side: 'frontend' | 'backend', status: SideStatus): Row[] {
  const { socketType, peerType } = status;
  return status.endpoints.map(({ how, address }, index) => {
    const title = side === 'frontend' && index === 0 ? titleOf(route) : '';
    if (how === 'connect')
      return [title, side, address, `the node connects there (${socketType} to ${peerType})`];
    return [title, side, address, `connect a ${peerType} ${placeOf(address)}`];
  });
}

function titleOf({ name, pattern, stream }: RouteStatus): string {
  return `${name} (${pattern}${stream === null ? '' : ', kept'})`;
}

/** A wildcard is no address to connect to. */
function placeOf(address: string): string {
  const port = WILDCARD.test(address) ? /\d+(?=\/|$)/.exec(address.replace(WILDCARD, '')) : null;
  return port === null ? 'here' : `to port ${port[0]} of this machine`;
}

function table(rows: readonly Row[]): string[] {
  const width = (column: 0 | 1 | 2): number => Math.max(0, ...rows.map((row) => row[column].length));
  const [first, second, third] = [width(0), width(1), width(2)];
  return rows.map(([route, side, address, peers]) =>
    `  ${route.padEnd(first)}  ${side.padEnd(second)}  ${address.padEnd(third)}  ${peers}`.trimEnd(),
  );
}

/** Per pattern: the tool that sends, what it sends, and the tool that receives. */
const TOOLS = {
  pipeline: { send: 'push', words: 'hello', receive: 'pull' },
  pubsub: { send: 'pub', words: 'greeting hello', receive: 'sub' },
  reqrep: { send: 'req', words: 'hello', receive: 'rep' },
} as const;

function firstMessage(routes: readonly RouteStatus[]): string[] {
  for (const pattern of ['pipeline', 'pubsub', 'reqrep'] as const) {
    for (const route of routes) {
      const front = bound(route.frontend);
      if (route.pattern !== pattern || front === null) continue;
      const { send, words, receive } = TOOLS[pattern];
      const back = bound(route.backend);
      const read = `  npx zeroth ${receive} ${back}`;
      const write = `  npx zeroth ${send} ${front} ${words}`;
      return back === null
        ? ['Send a first message:', write, '']
        : ['Read a first message in another terminal, and send it in a third:', read, write, ''];
    }
  }
  return [];
}

function bound(side: SideStatus): string | null {
  const endpoint = side.endpoints.find(({ how }) => how === 'bind');
  return endpoint === undefined ? null : reachable(endpoint);
}

/** An address to connect to on this machine: a wildcard is none. */
function reachable({ address }: EndpointStatus): string {
  return address.replace(WILDCARD, '$1://127.0.0.1');
}
