/**
 * A durable stream: measurements go in while nobody reads, and two workers share them later.
 *
 * npm start, and then: npm run build && node examples/.out/stream.js [ENDPOINT [STREAM]]
 */
import { connect } from '@zeroth/client';

const [endpoint = 'tcp://127.0.0.1:5550', name = 'events'] = process.argv.slice(2);
const RECORDS = 100;

// Resolved: the record is on the disk of the node. Nobody has to wait for each: what is published together goes together.
const press = await connect(endpoint, { name: 'press-4' });
const stored = await Promise.all(
  Array.from({ length: RECORDS }, (_, index) =>
    press.stream(name).publish(`${20 + index / 10}`, { key: `line-${index % 4}` }),
  ),
);
console.log(`${stored.length} records are durable`);
await press.close();

// A consumer group has a place of its own in the stream. Each record goes to one member, and comes again to any of them
// if it is not acknowledged, so that a worker may crash.
const stop = new AbortController();
let left = RECORDS;

async function work(worker: string): Promise<number> {
  await using client = await connect(endpoint, { name: worker });
  const records = client
    .stream(name)
    .consume({ group: 'report', from: 'first', credit: 10, signal: stop.signal });
  let done = 0;
  for await (const record of records) {
    record.ack();
    done++;
    if (--left === 0) stop.abort();
  }
  return done;
}

const done = await Promise.all([work('worker-1'), work('worker-2')]);
console.log(`${done.reduce((sum, share) => sum + share)} records in the report, by ${done.length} workers`);
