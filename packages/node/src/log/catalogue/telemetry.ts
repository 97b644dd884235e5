/** Events 800 to 899: telemetry. */
export const TELEMETRY = {
  'telemetry:failed': {
    id: 800,
    level: 'warn',
    message: 'the collector does not take what it is sent',
    fields: { signal: 'metrics, logs or traces', reason: 'why' },
    fold: { burst: 1, window: 60_000 },
  },
  'telemetry:recovered': {
    id: 801,
    level: 'info',
    message: 'the collector takes what it is sent again',
    fields: { signal: 'metrics, logs or traces' },
    kept: true,
  },
  'telemetry:unavailable': {
    id: 802,
    level: 'error',
    message: 'telemetry cannot be started',
    fields: { err: 'the error' },
  },
} as const;
