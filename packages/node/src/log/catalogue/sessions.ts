/** Events 600 to 699: clients of the node, and the groups of its streams. */
export const SESSIONS = {
  'session:lost': {
    id: 600,
    level: 'info',
    message: 'a client is gone',
    fields: { client: 'its name' },
  },
  'session:malformed': {
    id: 601,
    level: 'warn',
    message: 'a message is not as the protocol says',
    fields: { client: 'its name, if it has one', reason: 'what is wrong with it' },
  },
  'session:cut': {
    id: 602,
    level: 'warn',
    message: 'a client does not read what it asks for',
    fields: { client: 'its name, if it has one' },
  },
  'session:fault': {
    id: 603,
    level: 'error',
    message: 'a message could not be served',
    fields: {
      client: 'its name, if it has one',
      command: 'of the message',
      err: 'the error, with its stack. Please report it',
    },
  },
  'session:failed': {
    id: 604,
    level: 'fatal',
    message: 'sessions can not receive any more',
    fields: { err: 'the error, with its stack. Please report it' },
  },
  'session:commit': {
    id: 610,
    level: 'error',
    message: 'a commit could not be told',
    fields: { stream: 'its name', err: 'the error, with its stack. Please report it' },
  },
  'session:append': {
    id: 611,
    level: 'error',
    message: 'a stream failed to append',
    fields: { stream: 'its name', err: 'the error, with its stack. Please report it' },
  },
  'session:unreadable': {
    id: 612,
    level: 'error',
    message: 'a stream can not be read',
    fields: { stream: 'its name', group: 'whose consumers are ended', err: 'the error' },
  },
  'dead-letter:waits': {
    id: 620,
    level: 'error',
    message: 'dead letters have to wait',
    fields: {
      stream: 'of the records',
      group: 'that could not use them',
      deadLetter: 'stream that does not accept them',
      err: 'the error; it is tried again',
    },
  },
  'dead-letter:lost': {
    id: 621,
    level: 'error',
    message: 'dead letters are given up',
    fields: {
      stream: 'of the records',
      group: 'that could not use them, and is gone',
      deadLetter: 'stream that does not accept them',
      err: 'the error',
    },
  },
} as const;
