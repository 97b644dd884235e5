/**
 * Publish and subscribe: a publisher sends readings, each subscriber gets what it asked for by prefix.
 *
 * npm run build && node examples/.out/pubsub.js
 */
import { Subscriber, XPublisher } from '@zeroth/zmq';

const publisher = new XPublisher();
await publisher.bind('tcp://127.0.0.1:0');
const endpoint = publisher.lastEndpoint as string;

/** Receives `count` readings of a topic. */
async function listen(topic: string, count: number): Promise<string[]> {
  const subscriber = new Subscriber();
  subscriber.connect(endpoint);
  subscriber.subscribe(topic);
  const readings: string[] = [];
  for await (const [name, value] of subscriber) {
    readings.push(`${name} ${value}`);
    if (readings.length === count) subscriber.close();
  }
  return readings;
}

const listeners = [listen('temperature/', 4), listen('temperature/hall', 2), listen('pressure', 2)];

// What nobody has subscribed to is dropped. An XPUB sees the subscriptions arrive: wait for all three.
for (let subscriptions = 0; subscriptions < listeners.length; subscriptions++) await publisher.receive();

for (const value of ['20.5', '20.7']) {
  await publisher.send(['temperature/hall', value]);
  await publisher.send(['temperature/yard', value]);
  await publisher.send(['pressure', value]);
  await publisher.send(['humidity', value]);
}

for (const readings of await Promise.all(listeners)) console.log(readings.join(', '));
publisher.close();
