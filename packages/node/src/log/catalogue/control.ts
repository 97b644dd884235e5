/** Events 700 to 799: the control API. */
export const CONTROL = {
  'admin:no-local-socket': {
    id: 700,
    level: 'warn',
    message: 'no local socket: commands need --url',
    fields: { reason: 'why' },
  },
  'admin:token-file': {
    id: 701,
    level: 'warn',
    message: 'everybody on this machine can read the token: chmod 600',
    fields: { file: 'that has it' },
  },
  'admin:unauthorized': {
    id: 702,
    level: 'warn',
    message: 'a wrong token was sent to the control API',
    fields: { remote: 'who sent it' },
    fold: { burst: 1, window: 10_000 },
  },
  'admin:failed': {
    id: 703,
    level: 'error',
    message: 'the control API could not answer',
    fields: { method: 'of the request', err: 'the error, with its stack. Please report it' },
  },
} as const;
