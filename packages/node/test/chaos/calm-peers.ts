/**
 * Consumers of one library as a process: node calm-peers.js LIBRARY ROUTES, with `libzmq` or `zeroth`, and as JSON what
 * calm.ts calls a line of each route. Two for each route. Prints how many messages they got, each second.
 */
import * as zeroth from '@zeroth/zmq';
import * as libzmq from 'zeromq';
import type { Line } from './calm.ts';

const [library = '', routes = '[]'] = process.argv.slice(2);
const { Pull, Reply, Subscriber } = library === 'libzmq' ? (libzmq as unknown as typeof zeroth) : zeroth;
let got = 0;

async function consume({ pattern, backend }: Line): Promise<void> {
  if (pattern === 'reqrep') {
    const socket = new Reply();
    socket.connect(backend);
    for await (const frames of socket) {
      got += 1;
      await socket.send(frames);
    }
    return;
  }
  const socket = pattern === 'pubsub' ? new Subscriber() : new Pull();
  if (socket instanceof Subscriber) socket.subscribe();
  socket.connect(backend);
  for await (const _ of socket) got += 1;
}

for (const line of JSON.parse(routes) as Line[]) for (let left = 2; left > 0; left -= 1) void consume(line);
setInterval(() => process.stdout.write(`${got}\n`), 1000);
// Ends with the process that started it.
process.stdin.resume().on('end', () => process.exit());
