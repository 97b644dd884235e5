/**
 * A client as a process of its own, to be killed: `producer.js ENDPOINT NAME STREAM SEED FIRST`.
 *
 * Prints `p NUMBER` before it publishes a message and `a NUMBER SEQUENCE` when that was acknowledged. Ends when its
 * standard input does, after everything was answered.
 */
import { writeSync } from 'node:fs';
import { messageOf } from '../support/oracle.ts';
import { Random } from '../support/random.ts';
import { open, pause } from './load.ts';

const [endpoint = '', name = '', streamName = '', seed = '0', first = '1'] = process.argv.slice(2);

/** Written at once: what was printed is known even if the next thing is a kill. */
function print(line: string): void {
  writeSync(1, `${line}\n`);
}

let stopping = false;
process.stdin.on('end', () => {
  stopping = true;
});
process.stdin.resume();

const client = await open(endpoint, name);
const stream = client.stream(streamName);
const random = new Random(Number(seed)).fork(`${name} ${first}`);

async function publish(number: number): Promise<void> {
  const { key, body } = messageOf(Number(seed), name, number);
  print(`p ${number}`);
  const { sequence } = await stream.publish(body, key === '' ? {} : { key });
  print(`a ${number} ${sequence ?? 0}`);
}

const waiting: Promise<void>[] = [];
for (let number = Number(first); !stopping; number += 1) {
  waiting.push(publish(number));
  if (random.chance(0.02)) await pause(random.between(0, 10));
  if (waiting.length >= 300) await waiting.shift();
}
await Promise.all(waiting);
await client.close();
