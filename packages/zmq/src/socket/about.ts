/** What this package is and can do, in the terms of zeromq.js. */

/** Version of this package. */
export const version: string = '0.1.0';

/** What is there of what libzmq may be built with. */
export const capability: Readonly<{
  ipc: boolean;
  pgm: boolean;
  tipc: boolean;
  norm: boolean;
  curve: boolean;
  gssapi: boolean;
  draft: boolean;
}> = { ipc: true, pgm: false, tipc: false, norm: false, curve: false, gssapi: false, draft: false };
