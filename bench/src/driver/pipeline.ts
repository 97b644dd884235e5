/** PUSH and PULL: the drop-in loop of zeromq.js, and the batch API of @zeroth/zmq. */
import type { Driver } from './common.ts';
import { attach, Meter, sayCount, sayReady, sayResult } from './common.ts';
import { curveOptions } from './curve.ts';

export const push: Driver = async ({ lib, endpoint, size, bind, hwm, batch, curve }) => {
  const security = curveOptions(curve);
  const socket = new lib.Push({
    linger: 0,
    ...security,
    ...(hwm === null ? {} : { sendHighWaterMark: hwm }),
  });
  const body = Buffer.alloc(size);
  sayReady(await attach(socket, endpoint, bind ?? false));
  if (!batch) for (;;) await socket.send(body);
  for (;;) {
    while (socket.trySend(body));
    await socket.waitWritable();
  }
};

export const pull: Driver = async (options) => {
  const { lib, endpoint, bind, hwm, batch, curve } = options;
  const security = curveOptions(curve);
  const socket = new lib.Pull({ ...security, ...(hwm === null ? {} : { receiveHighWaterMark: hwm }) });
  const meter = new Meter(options);
  sayReady(await attach(socket, endpoint, bind ?? true));
  if (batch) {
    for (let over = false; !over; ) {
      for (const message of await socket.receiveBatch()) {
        over = meter.add(message[0]?.length ?? 0);
        if (over) break;
      }
    }
  } else {
    for await (const [body] of socket) if (meter.add(body?.length ?? 0)) break;
  }
  sayResult(meter.result());
};

/** Both in one process and one thread, for inproc. The library orders bind and connect. */
export const pushPull: Driver = async (options) => {
  void push(options);
  await pull(options);
};

/** Milliseconds between two lines of `pull-counts`. */
const TELL = 10;

/** Receives for ever, and tells how many messages it has, for who looks at parts of the time. */
export const pullCounts: Driver = async ({ lib, endpoint, bind }) => {
  const socket = new lib.Pull({});
  sayReady(await attach(socket, endpoint, bind ?? true));
  let count = 0;
  for (let told = 0; ; ) {
    count += (await socket.receiveBatch()).length;
    const now = Date.now();
    if (now - told < TELL) continue;
    told = now;
    sayCount(now, count);
  }
};
