/**
 * A running node on one screen, for `status` and `top`.
 *
 * Guarantees: no control characters from outside; colours only when asked for; what is wrong stands above what is not.
 */
import { printable } from '../../config/problem.ts';
import { sizeWords, table, timeWords } from '../stream/table.ts';
import { paint } from '../terminal.ts';
import type { Figures } from './figures.ts';
import type { ActorView, PeerView, Status } from './types.ts';

/** Rows of troubled peers. */
const MAX_PEERS = 20;

const COLOURS = { up: 'bold', degraded: 'yellow', down: 'red' } as const;

/** Lines without line feeds. */
export function screenOf(status: Status, figures: Figures, colour: boolean): string[] {
  const lines = [...head(status, colour), '', ...routes(figures)];
  if (figures.streams.length > 0) lines.push('', ...streams(figures));
  if (status.peers.troubled.length > 0) lines.push('', ...peers(status.peers.troubled));
  return lines.map((line) => (/^[A-Z]{4,}( |$)/.test(line) ? paint(line, 'dim', colour) : line));
}

function head({ node, health, config, sessions, peers: { total } }: Status, colour: boolean): string[] {
  const verdict = paint(health.status, COLOURS[health.status], colour);
  const { origin, version, by } = config;
  const applied = timeWords(Date.parse(config.appliedAt));
  const clients =
    sessions === null ? '' : `, ${sessions.connected} of ${sessions.sessions} sessions connected`;
  // A node of an earlier version does not say.
  const { pausedSince = null } = node;
  const paused = pausedSince === null ? '' : `, paused since ${timeWords(Date.parse(pausedSince))}`;
  return [
    `${paint(node.name, 'bold', colour)} is ${verdict}: zeroth ${node.version}, process ${node.pid}, up ${ageWords(node.uptimeMs)}, ${total} peers${clients}${paused}`,
    ...Object.entries(health.components)
      .filter(([, component]) => component.status !== 'up')
      .map(([name, component]) => {
        const text = `  ${component.status}: ${name}${component.message === undefined ? '' : `: ${printable(component.message)}`}`;
        return paint(text, component.status === 'down' ? 'red' : 'yellow', colour);
      }),
    `config version ${version} from ${printable(origin)}, applied ${applied} by ${actorWords(by)}`,
    ...config.sources.map(
      ({ name, state, error }) =>
        `  source ${printable(name)}: ${state}${error === null ? '' : `: ${printable(error)}`}`,
    ),
    ...config.overrides.map(
      ({ key, value, expiresAt }) =>
        `  set by hand: ${printable(key)}: ${printable(value)}${expiresAt === null ? '' : ` until ${timeWords(Date.parse(expiresAt))}`}`,
    ),
    ...(config.restart.length === 0
      ? []
      : [`  waits for the next start: ${config.restart.map(printable).join(', ')}`]),
  ];
}

function routes({ routes: all }: Figures): string[] {
  if (all.length === 0) return ['no routes'];
  const rows = all.map((route) => [
    route.name,
    route.pattern,
    route.state,
    String(route.messages),
    rateWords(route.messagesPerSecond),
    route.bytesPerSecond === null ? '-' : `${sizeWords(route.bytesPerSecond)}/s`,
    String(route.queued),
    String(route.dropped),
    `${route.frontendPeers}/${route.backendPeers}`,
  ]);
  const headings = ['ROUTE', 'PATTERN', 'STATE', 'MESSAGES', 'PER S', 'VOLUME', 'QUEUED', 'DROPPED', 'PEERS'];
  return lines(table(headings, rows, new Set([3, 4, 5, 6, 7, 8])));
}

function streams({ streams: all }: Figures): string[] {
  const rows = all.flatMap(({ name, records, recordsPerSecond, bytes, trouble, groups }) => [
    [
      // Why stands above, with what is wrong.
      trouble === null ? name : `${name} (held)`,
      String(records),
      rateWords(recordsPerSecond),
      sizeWords(bytes),
      '',
      '',
      '',
    ],
    ...groups.map(({ group, consumers, inFlight, lag }) => [
      `  ${printable(group)}`,
      '',
      '',
      '',
      String(consumers),
      String(inFlight),
      String(lag),
    ]),
  ]);
  return lines(
    table(
      ['STREAM', 'RECORDS', 'PER S', 'SIZE', 'CONSUMERS', 'IN FLIGHT', 'LAG'],
      rows,
      new Set([1, 2, 3, 4, 5, 6]),
    ),
  );
}

function peers(troubled: readonly PeerView[]): string[] {
  const rows = troubled
    .slice(0, MAX_PEERS)
    .map((peer) => [
      peer.route,
      peer.side,
      printable(peer.routingId ?? peer.remote),
      `${peer.status}${peer.isolated ? ', isolated' : ''}`,
      ageWords(Date.now() - Date.parse(peer.since)),
      printable(peer.reason ?? ''),
    ]);
  const more = troubled.length - rows.length;
  const shown = lines(table(['TROUBLED', 'SIDE', 'PEER', 'STATUS', 'SINCE', 'WHY'], rows, new Set([4])));
  return more <= 0 ? shown : [...shown, `and ${more} more: zeroth status --json`];
}

/** `file zeroth.yaml`, `signal SIGHUP`; what a node was started with stands beside it anyway. */
export function actorWords({ via, who }: ActorView): string {
  return via === 'start' ? via : `${via} ${printable(who)}`;
}

function lines(text: string): string[] {
  return text.trimEnd().split('\n');
}

export function rateWords(rate: number | null): string {
  if (rate === null) return '-';
  return rate < 10 && rate > 0 ? rate.toFixed(1) : String(Math.round(rate));
}

/** `3d 4h`, `12m 5s`: the two largest units. */
export function ageWords(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  const from = parts.findIndex(([value]) => value > 0);
  if (from === -1) return '0s';
  const shown = parts.slice(from, from + 2).filter(([value]) => value > 0);
  return shown.map(([value, unit]) => `${value}${unit}`).join(' ');
}
