/** A process of its own for the tests about exiting: does what its arguments say and must end by itself then. */
import * as zmq from '../../src/index.ts';

async function talk(endpoint: string): Promise<string> {
  const options = { ipv6: endpoint.includes('[') };
  const [req, rep] = [new zmq.Request(options), new zmq.Reply(options)];
  await rep.bind(endpoint);
  req.connect(rep.lastEndpoint as string);
  await req.send('ping');
  await rep.receive();
  await rep.send('pong');
  const [answer] = await req.receive();
  req.close();
  rep.close();
  return String(answer);
}

async function alone(): Promise<string> {
  const push = new zmq.Push({ linger: 0 });
  const pull = new zmq.Pull();
  push.connect('tcp://127.0.0.1:1');
  await pull.bind('tcp://127.0.0.1:0');
  const receiving = pull.receive().catch(() => undefined);
  push.close();
  pull.close();
  await receiving;
  return 'closed';
}

async function push(endpoint: string, linger: number, count: number): Promise<string> {
  const socket = new zmq.Push({ linger, reconnectInterval: 10 });
  socket.connect(endpoint);
  for (let index = 0; index < count; index += 1) await socket.send(String(index));
  socket.close();
  return 'closed';
}

async function events(): Promise<string> {
  const socket = new zmq.Dealer();
  const types: string[] = [];
  const reading = (async () => {
    for await (const event of socket.events) types.push(event.type);
  })();
  socket.close();
  await reading;
  return types.join(' ');
}

/** Leaves its sockets open: nobody waits for them. */
async function idle(): Promise<string> {
  const pull = new zmq.Pull({ heartbeatInterval: 1000 });
  await pull.bind('tcp://127.0.0.1:0');
  const push = new zmq.Push({ heartbeatInterval: 1000 });
  push.connect(pull.lastEndpoint as string);
  new zmq.Push({ reconnectInterval: 10 }).connect('tcp://127.0.0.1:1');
  await push.send('x');
  await pull.receive();
  return 'idle';
}

/** Leaves one message behind for a peer that comes later. */
async function queued(endpoint: string): Promise<string> {
  const push = new zmq.Push({ reconnectInterval: 10 });
  push.connect(endpoint);
  await push.send('late');
  return 'queued';
}

/** Leaves a message behind that nobody will take. An option that is `-` is not set. */
async function leave(blocky: string, linger: string): Promise<string> {
  zmq.context.blocky = blocky === 'true';
  const options = linger === '-' ? {} : { linger: Number(linger) };
  const push = new zmq.Push({ reconnectInterval: 50, ...options });
  push.connect('tcp://127.0.0.1:1');
  await push.send('x');
  return 'left';
}

/** As `leave`, and closes the socket. */
async function leaveClosed(): Promise<string> {
  zmq.context.blocky = false;
  const push = new zmq.Push({ reconnectInterval: 50 });
  push.connect('tcp://127.0.0.1:1');
  await push.send('x');
  push.close();
  return 'left';
}

/** Waits for a message that never comes; the parent ends it. */
async function waiting(): Promise<string> {
  const pair = new zmq.Pair();
  pair.connect('inproc://nobody');
  console.log('waiting');
  await pair.receive();
  return 'received';
}

const [scenario, endpoint = '', linger = '0', count = '0'] = process.argv.slice(2);
const scenarios: Record<string, () => Promise<string>> = {
  talk: () => talk(endpoint),
  alone,
  push: () => push(endpoint, Number(linger), Number(count)),
  events,
  idle,
  queued: () => queued(endpoint),
  waiting,
  leave: () => leave(endpoint, linger),
  leaveClosed,
};
console.log(await scenarios[scenario as string]?.());
