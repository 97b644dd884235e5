/**
 * A libzmq peer as a process of its own, to be frozen, cut off and slowed down: node worker.js TYPE ENDPOINT [DELAY [HWM]]
 *
 * PULL and REP print the text of each message up to the first space, a line each, and wait DELAY ms before the next
 * one. A REP answers with the request; `hang` it answers when it gets SIGUSR2.
 */
import { once } from 'node:events';
import * as zmq from 'zeromq';

const [type = 'PULL', endpoint = '', delay = '0', mark = '1000'] = process.argv.slice(2);
const receiveHighWaterMark = Number(mark);

async function work(socket: zmq.Pull | zmq.Reply): Promise<void> {
  socket.connect(endpoint);
  for await (const frames of socket) {
    const text = String(frames.at(-1));
    process.stdout.write(`${text.split(' ', 1)[0]}\n`);
    if (text === 'hang') await asked();
    if (Number(delay) > 0) await new Promise((resolve) => setTimeout(resolve, Number(delay)));
    if (socket instanceof zmq.Reply) await socket.send(text);
  }
}

/** A signal handler holds no process. */
async function asked(): Promise<void> {
  const stay = setInterval(() => {}, 1000);
  await once(process, 'SIGUSR2');
  clearInterval(stay);
}

await work(type === 'REP' ? new zmq.Reply({ receiveHighWaterMark }) : new zmq.Pull({ receiveHighWaterMark }));
