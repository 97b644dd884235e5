/**
 * The exit codes of `zeroth`: a promise to scripts and service managers. docs/operations.md lists the same table.
 *
 * Guarantees: a code never changes its meaning.
 */

export const EXIT = {
  /** Done; for `run`: stopped on request, whether or not everything could be delivered. */
  ok: 0,
  /** A fault of ours, or of the system. */
  unexpected: 1,
  /** The command line is wrong. */
  usage: 2,
  /** The configuration has problems. */
  config: 3,
  /** Could not start: an endpoint can't be bound or connected, the data folder can't be used; no node answers; `doctor` found a failure. */
  start: 4,
  /** Nobody took, sent or answered a message in time, or a peer cut it off. */
  timeout: 5,
  /** `stream verify` found records that are damaged. */
  damaged: 6,
  /** `status`: the node is degraded. */
  degraded: 7,
  /** `status`: the node is down: it answers, and does not do its work. `service status`: the service does not run. */
  down: 8,
  /** `config diff`: there are differences. */
  differs: 9,
  /** Ended by Ctrl-C (SIGINT) before the work was done. */
  interrupted: 130,
  /** Ended by SIGTERM before the work was done. */
  terminated: 143,
} as const;

/** For --help and the documentation. */
export const EXIT_WORDS: readonly (readonly [code: number, meaning: string])[] = [
  [EXIT.ok, 'done; run: stopped on request'],
  [EXIT.unexpected, 'unexpected fault'],
  [EXIT.usage, 'wrong command line'],
  [EXIT.config, 'the configuration has problems'],
  [
    EXIT.start,
    'could not bind or connect an endpoint, use the data folder, or reach the node; doctor: a failure',
  ],
  [EXIT.timeout, 'nobody took, sent or answered a message in time'],
  [EXIT.damaged, 'stream verify: records are damaged'],
  [EXIT.degraded, 'status: the node is degraded'],
  [EXIT.down, 'status: the node is down; service status: it does not run'],
  [EXIT.differs, 'config diff: there are differences'],
  [EXIT.interrupted, 'ended by Ctrl-C before it was done (143: by SIGTERM)'],
];
