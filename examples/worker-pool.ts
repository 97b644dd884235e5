/**
 * A pool of workers: tasks go out by PUSH, one worker each; results come back by PUSH to one collector.
 *
 * npm run build && node examples/.out/worker-pool.js
 */
import { Pull, Push } from '@zeroth/zmq';

const TASKS = 100;
const WORKERS = 3;

const ventilator = new Push();
await ventilator.bind('tcp://127.0.0.1:0');
const collector = new Pull();
await collector.bind('tcp://127.0.0.1:0');
const [tasksAt, resultsAt] = [ventilator.lastEndpoint as string, collector.lastEndpoint as string];

/** Takes tasks until its socket is closed, and says how many it did. */
async function work(name: string, stop: AbortSignal): Promise<number> {
  const tasks = new Pull({ signal: stop });
  const results = new Push({ signal: stop });
  tasks.connect(tasksAt);
  results.connect(resultsAt);
  let done = 0;
  for await (const [task] of tasks) {
    const number = Number(String(task));
    await results.send([name, `${number}`, `${number * number}`]);
    done++;
  }
  return done;
}

const stop = new AbortController();
const workers = Array.from({ length: WORKERS }, (_, index) => work(`worker ${index + 1}`, stop.signal));

// A PUSH gives tasks to whoever is there. Wait for all, or the first one to connect gets them all.
while (ventilator.peers().filter(({ state }) => state === 'ready').length < WORKERS) {
  await new Promise((resolve) => ventilator.events.on('peer:ready', resolve));
}
for (let task = 1; task <= TASKS; task++) await ventilator.send(`${task}`);

let sum = 0;
for (let received = 0; received < TASKS; received++) {
  const [, , square] = await collector.receive();
  sum += Number(String(square));
}
stop.abort();
ventilator.close();
collector.close();

const shares = await Promise.all(workers);
console.log(`The squares of 1 to ${TASKS} add up to ${sum}. Tasks done by each worker: ${shares.join(', ')}`);
