/** Events 900 to 999: the service of the operating system, and programs that run as one. */
export const SERVICE = {
  'service:control': {
    id: 900,
    level: 'info',
    message: 'the service manager asks for something',
    fields: {
      control: 'PAUSE, CONTINUE, PARAMCHANGE, or a signal (a stop is `stop`)',
      state: 'what the program was doing',
    },
    kept: true,
  },
  'service:starting': {
    id: 902,
    level: 'info',
    message: 'the program starts',
    fields: { service: 'its name', runtime: 'version of Node.js' },
    kept: true,
  },
  'service:running': {
    id: 903,
    level: 'info',
    message: 'the program is ready',
    fields: { service: 'its name', elapsed: 'ms that the start took' },
    kept: true,
  },
  'service:paused': { id: 904, level: 'info', message: 'the program is paused', fields: {}, kept: true },
  'service:resumed': { id: 905, level: 'info', message: 'the program is resumed', fields: {}, kept: true },
  'service:reloaded': {
    id: 906,
    level: 'info',
    message: 'the program has read its configuration again',
    fields: { result: 'what came of it' },
    kept: true,
  },
  'service:refused': {
    id: 907,
    level: 'error',
    message: 'a control could not be carried out: the program goes on as before',
    fields: {
      control: 'pause, resume or reload',
      code: 'of the error, if it has one',
      reason: 'what it says',
    },
  },
  'service:stopped': {
    id: 908,
    level: 'info',
    message: 'the program has stopped',
    fields: { service: 'its name', elapsed: 'ms that the stop took' },
    kept: true,
  },
  'service:overrun': {
    id: 909,
    level: 'error',
    message: 'the stop took longer than it may: ending the process',
    fields: { timeout: 'ms that it had', open: 'handles and timers that are open' },
  },
  'service:note': {
    id: 910,
    level: 'info',
    message: 'what a program says that runs as a service: level, message and fields are its own',
    fields: {},
    kept: true,
  },
  'service:failed': {
    id: 911,
    level: 'fatal',
    message: 'the program could not start or stop, or can not go on',
    fields: { code: 'of the error, if it has one', reason: 'what it says', err: 'the error, with its stack' },
  },
} as const;
