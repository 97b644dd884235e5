/**
 * libzmq (npm `zeromq`) sockets that end with their test.
 *
 * Guarantees: a socket is closed, without waiting for its queue, when the test is over; a wait for a message that does
 * not come fails by itself.
 */
import type { TestContext } from 'node:test';
import * as zmq from 'zeromq';

const PATIENCE = 30_000;

/** Closes a socket when the test is over. */
export function closing<S extends zmq.Socket>(t: TestContext, socket: S): S {
  t.after(() => {
    if (socket.closed) return;
    socket.linger = 0;
    socket.close();
  });
  return socket;
}

export function pushSocket(t: TestContext, options: { sendHighWaterMark?: number } = {}): zmq.Push {
  return closing(t, new zmq.Push({ sendTimeout: PATIENCE, ...options }));
}

export function pullSocket(t: TestContext, options: { receiveHighWaterMark?: number } = {}): zmq.Pull {
  return closing(t, new zmq.Pull({ receiveTimeout: PATIENCE, ...options }));
}

export function dealerSocket(t: TestContext): zmq.Dealer {
  return closing(t, new zmq.Dealer({ receiveTimeout: PATIENCE, sendTimeout: PATIENCE }));
}

export function requestSocket(t: TestContext): zmq.Request {
  return closing(t, new zmq.Request({ receiveTimeout: PATIENCE, sendTimeout: PATIENCE }));
}

export function replySocket(t: TestContext): zmq.Reply {
  return closing(t, new zmq.Reply({ receiveTimeout: PATIENCE, sendTimeout: PATIENCE }));
}

export function subscriberSocket(t: TestContext, ...topics: string[]): zmq.Subscriber {
  const socket = closing(t, new zmq.Subscriber({ receiveTimeout: PATIENCE, receiveHighWaterMark: 0 }));
  socket.subscribe(...topics);
  return socket;
}

/** A PUB that sees its subscriptions. */
export function publisherSocket(t: TestContext): zmq.XPublisher {
  return closing(
    t,
    new zmq.XPublisher({ receiveTimeout: PATIENCE, sendTimeout: PATIENCE, sendHighWaterMark: 0 }),
  );
}

/** Binds to a free port and returns the endpoint. */
export async function bindFree(socket: zmq.Socket): Promise<string> {
  await socket.bind('tcp://127.0.0.1:*');
  return socket.lastEndpoint as string;
}

/** Connects, and waits until the handshake is done. */
export async function connected(socket: zmq.Socket, endpoint: string): Promise<void> {
  const done = new Promise<void>((resolve) => {
    socket.events.on('handshake', () => resolve());
  });
  socket.connect(endpoint);
  await done;
}

/** Waits until all of these prefixes were subscribed to. */
export async function subscribed(socket: zmq.XPublisher, ...prefixes: string[]): Promise<void> {
  const missing = new Set(prefixes);
  while (missing.size > 0) {
    const [message] = (await socket.receive()) as [Buffer];
    if (message[0] === 1) missing.delete(message.toString('latin1', 1));
  }
}

/** Receives a number of messages as text, frames joined by `|`. */
export async function receiveTexts(socket: zmq.Pull | zmq.Subscriber, count: number): Promise<string[]> {
  const texts: string[] = [];
  while (texts.length < count) texts.push((await socket.receive()).map(String).join('|'));
  return texts;
}
