/** A program for zeromq.js and its draft sockets: never run, compiled with its types and with ours (types.test.ts). */
import type { MessageLike, Readable, SocketOptions, Writable } from 'zeromq';
import { Client, Datagram, Dish, Gather, Radio, Scatter, Server } from 'zeromq/draft.js';

export async function serve(options: SocketOptions<Server>): Promise<void> {
  const server = new Server(options);
  for await (const [request, { routingId }] of server) await server.send(request, { routingId });
}

export async function ask(question: MessageLike): Promise<Buffer> {
  const client = new Client({ sendTimeout: 10 });
  client.connect('tcp://127.0.0.1:5555');
  await client.send(question);
  const [answer] = await client.receive();
  return answer;
}

export async function radio(): Promise<void> {
  const dish = new Dish();
  dish.join('news', Buffer.from('weather'));
  dish.leave('news');
  await new Radio().send('rain', { group: 'weather' });
  const [body, { group }] = await dish.receive();
  await new Radio().send(body, { group });
}

export async function one(from: Readable<[Buffer]>, to: Writable<MessageLike>): Promise<void> {
  const [body] = await from.receive();
  await to.send(body);
}

export async function scattered(): Promise<void> {
  const gather = new Gather({ conflate: false });
  await one(gather, new Scatter({ conflate: true }));
}

export async function packets(): Promise<void> {
  const socket = new Datagram();
  await socket.bind('udp://*:5555');
  for await (const [from, data] of socket) await socket.send([from, data]);
}
