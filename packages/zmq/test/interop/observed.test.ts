/** What the tests rely on when they look at sockets of libzmq. */
import { it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as libzmq from 'zeromq';
import { turn } from '../support/deadline.ts';
import { type EventLog, watch } from '../support/events.ts';
import { freePort } from '../support/port.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Closed, and not over before its linger is: nobody takes what it has sent. */
async function leave(): Promise<EventLog> {
  const push = new libzmq.Push({ context: new libzmq.Context(), linger: 300 });
  const log = watch(push);
  push.connect(`tcp://127.0.0.1:${await freePort('127.0.0.1')}`);
  await push.send('for nobody');
  push.close();
  return log;
}

// Else this process would not end.
it('the end of a socket of libzmq is seen, whatever becomes of its context', async () => {
  const log = await leave();
  for (let count = 0; count < 10; count += 1) {
    collect();
    await turn();
  }
  await log.next('end');
});
