/** Events 100 to 199: the life of a node. */
export const LIFECYCLE = {
  start: {
    id: 100,
    level: 'info',
    message: 'starting',
    fields: {
      version: 'version of Zeroth',
      file: 'configuration, null for the embedded default',
      runtime: 'version of Node.js',
    },
    kept: true,
  },
  ready: {
    id: 101,
    level: 'info',
    message: 'node ready',
    fields: {
      routes: 'how many',
      sessions: 'addresses for clients',
      admin: 'addresses of the control API',
      local: 'its local socket, null if there is none',
    },
    kept: true,
  },
  stop: {
    id: 102,
    level: 'info',
    message: 'stopping: delivering what was accepted',
    fields: {
      signal: 'what asked for it: a signal, or a control of the service manager',
      timeout: 'ms that it may take',
    },
    kept: true,
  },
  'stop:now': {
    id: 103,
    level: 'warn',
    message: 'second signal, exiting at once',
    fields: { signal: 'its name' },
  },
  stopped: {
    id: 104,
    level: 'info',
    message: 'node stopped',
    fields: {
      undelivered: 'messages that were accepted and not delivered',
      elapsed: 'ms since it was asked for',
    },
    kept: true,
  },
  failed: {
    id: 105,
    level: 'fatal',
    message: 'the node could not start, or can not go on',
    fields: {
      code: 'code of the error (errors.md)',
      reason: 'what it says',
      hint: 'the way out',
      problems: 'the first 10 of the configuration, each with file, line and key',
      route: 'where it was',
      side: 'frontend or backend',
      endpoint: 'where it was',
    },
  },
  crash: {
    id: 106,
    level: 'fatal',
    message: 'unexpected fault, exiting',
    fields: { err: 'the error, with its stack. Please report it' },
  },
  paused: {
    id: 107,
    level: 'info',
    message: 'paused: nothing is taken in, what is there is delivered',
    fields: { reason: 'what asked for it' },
    kept: true,
  },
  resumed: {
    id: 108,
    level: 'info',
    message: 'resumed',
    fields: { reason: 'what asked for it', elapsed: 'ms that it was paused' },
    kept: true,
  },
  'log:dropped': {
    id: 120,
    level: 'warn',
    message: 'lines of the log could not be written and are lost; now it is written again',
    fields: { file: 'the log', lines: 'how many', reason: 'why' },
  },
} as const;
