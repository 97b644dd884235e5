/**
 * Publishing has no acknowledgement, so these helpers send a probe on a topic of its own until it comes through. All
 * that was subscribed on the connection before the probe is in effect then, and all that was published before is here.
 */
import { turn, within } from './deadline.ts';

interface Publishes {
  send(message: string | Uint8Array | (string | Uint8Array)[]): Promise<void>;
}

interface Subscribes {
  subscribe(...prefixes: string[]): void;
  unsubscribe(...prefixes: string[]): void;
  receive(): Promise<Buffer[]>;
}

let probes = 0;

/** Resolves with what arrived before the probe. */
export async function collect(publisher: Publishes, subscriber: Subscribes): Promise<Buffer[][]> {
  probes += 1;
  const topic = `\u0002probe ${probes} `;
  subscriber.subscribe(topic);
  const messages: Buffer[][] = [];
  let last: Buffer[] | undefined;
  const arrive = async (end: string): Promise<void> => {
    for (;;) {
      last = await subscriber.receive();
      const head = (last[0] as Buffer).toString();
      if (!head.startsWith(topic)) messages.push(last);
      else if (end === '' || head === end) return;
    }
  };
  let arrivedYet = false;
  const first = arrive('').then(() => {
    arrivedYet = true;
  });
  const probing = (async () => {
    for (let count = 0; !arrivedYet; count += 1) {
      await publisher.send(`${topic}${count}`);
      await turn();
    }
  })();
  await within(first, 'a probe through the publisher').finally(() => {
    arrivedYet = true;
  });
  await probing;
  await publisher.send(`${topic}end`);
  await within(arrive(`${topic}end`), 'the end of the probes');
  subscriber.unsubscribe(topic);
  return messages;
}

/** The subscriptions of `subscriber` are in effect at `publisher`; what arrived so far is thrown away. */
export async function subscribed(publisher: Publishes, subscriber: Subscribes): Promise<void> {
  await collect(publisher, subscriber);
}
