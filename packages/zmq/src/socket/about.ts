/** What this package is and can do, in the terms of zeromq.js. */

/**
 * The libzmq release whose behaviour this package follows: programs written for zeromq.js look at it to know what there
 * is. The version of this package is in its package.json.
 */
export const version: string = '4.3.5';

/** What is there of what libzmq may be built with. */
export const capability: Readonly<{
  ipc: boolean;
  pgm: boolean;
  tipc: boolean;
  norm: boolean;
  curve: boolean;
  gssapi: boolean;
  draft: boolean;
}> = { ipc: true, pgm: false, tipc: false, norm: false, curve: true, gssapi: false, draft: true };
