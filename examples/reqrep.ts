/**
 * Requests and replies, with a limit for how long a reply may take.
 *
 * npm run build && node examples/.out/reqrep.js
 */
import { Reply, Request, ZmqError } from '@zeroth/zmq';

const server = new Reply();
await server.bind('tcp://127.0.0.1:0');

async function serve(): Promise<void> {
  for await (const [name] of server) {
    // One question is not answered, as servers do on bad days.
    if (String(name) === 'nobody') return;
    await server.send(`Hello ${name}!`);
  }
}
const serving = serve();

const client = new Request({ receiveTimeout: 1000 });
client.connect(server.lastEndpoint as string);
for (const name of ['world', 'Zeroth', 'nobody']) {
  await client.send(name);
  try {
    const [reply] = await client.receive();
    console.log(String(reply));
  } catch (error) {
    if (!(error instanceof ZmqError && error.code === 'EAGAIN')) throw error;
    console.log('No reply in time.');
  }
}

client.close();
server.close();
await serving;
