/** Plain ZeroMQ peers: what they lose through a bad line, and what a durable route keeps of what they sent. */
import { Pull, Push } from '@zeroth/zmq';
import * as libzmq from 'zeromq';
import { FaultProxy } from '../support/fault-proxy.ts';
import { CALM, type Faults } from '../support/faults.ts';
import { idOf, messageOf } from '../support/oracle.ts';
import { open, pause, wordsOf } from './load.ts';
import { ChaosNode } from './node.ts';
import { type Figures, type Run, readStream, STREAM } from './run.ts';
import { killing, nodeFigures } from './scenarios.ts';

/** Nothing but resets, in the middle of whatever is on the way. */
const RESETS: Faults = { ...CALM, life: [20_000, 200_000], piece: [1, 16_384], cuts: ['reset'] };

/** Repeated TCP resets: @zeroth/client, and the same with plain PUSH and PULL of both libraries. */
export async function resets(run: Run): Promise<Figures> {
  const { random, limits } = run;
  const seed = random.fork('resets').seed;
  const figures = await withClient(run, seed);
  const plain = await withPush(run, seed, { Push, Pull });
  run.progress(`@zeroth/zmq PUSH and PULL: ${plain}`);
  const theirs = await withPush(run, seed, libzmq as unknown as PlainLibrary);
  run.progress(`libzmq PUSH and PULL: ${theirs}`);
  return {
    messages: limits.messages,
    ...figures,
    '@zeroth/zmq PUSH/PULL': plain,
    'libzmq PUSH/PULL': theirs,
  };
}

async function withClient(run: Run, seed: number): Promise<Figures> {
  const { oracle, limits } = run;
  const node = run.use(
    await ChaosNode.create({ streams: [STREAM], segment: limits.messages }, run.random, run.report),
  );
  await node.start();
  const proxy = run.use(await FaultProxy.start(node.sessions, seed, RESETS));
  const name = 'press';
  const client = await open(proxy.endpoint, name);
  const reading = await open(proxy.endpoint, 'reader');
  const stop = new AbortController();
  const { signal } = stop;
  const taking = (async () => {
    for await (const record of reading.stream(STREAM).consume({ group: 'db', from: 'first', signal })) {
      oracle.delivered('db', record);
      record.ack();
    }
  })();
  let waiting = 0;
  const publish = async (): Promise<void> => {
    const { number, key, body } = oracle.next(name);
    waiting += 1;
    try {
      const { sequence } = await client.stream(STREAM).publish(body, key === '' ? {} : { key });
      oracle.acked(name, number, sequence);
    } catch (error) {
      oracle.failed(name, number);
      run.report.add('refused', `${name} ${number}: ${wordsOf(error)}`);
    }
    waiting -= 1;
  };
  while (oracle.published < limits.messages) {
    for (let left = 50; left > 0 && oracle.published < limits.messages; left -= 1) void publish();
    await pause(1);
    if (
      !(await run.until(
        'acknowledged',
        () => oracle.acknowledged,
        () => waiting < 1000,
      ))
    )
      break;
    run.progress(`${oracle.published} published, ${proxy.counts.cuts} resets`);
  }
  const distinct = (): number => oracle.deliveries('db').distinct;
  await run.until(
    'acknowledged',
    () => oracle.acknowledged,
    () => waiting === 0,
  );
  await run.until('consumed', distinct, () => distinct() >= oracle.acknowledged);
  const { cuts } = proxy.counts;
  proxy.calm();
  stop.abort();
  await taking;
  await Promise.all([client.close(), reading.close()]);
  await node.stop();
  const records = await oracle.checkStream(STREAM, readStream(node, STREAM));
  oracle.checkReader('db', records);
  const lost = limits.messages - distinct();
  return { '@zeroth/client': `${lost} lost, ${cuts} resets`, 'again db': oracle.deliveries('db').repeated };
}

interface PlainSocket {
  linger: number;
  bind(endpoint: string): Promise<void>;
  connect(endpoint: string): void;
  close(): void;
  readonly lastEndpoint: string | null;
  send(message: Buffer | string): Promise<void>;
  receive(): Promise<Buffer[]>;
}

interface PlainLibrary {
  readonly Push: new (options: object) => Pick<PlainSocket, 'connect' | 'close' | 'linger' | 'send'>;
  readonly Pull: new (options: object) => Omit<PlainSocket, 'send'>;
}

/** Sends the messages through the same line and counts what arrives. */
async function withPush(run: Run, seed: number, library: PlainLibrary): Promise<string> {
  const { messages } = run.limits;
  const pull = new library.Pull({ linger: 0 });
  await pull.bind('tcp://127.0.0.1:0');
  const proxy = await FaultProxy.start(pull.lastEndpoint ?? '', seed, RESETS);
  const push = new library.Push({ linger: 0, reconnectInterval: 10 });
  push.connect(proxy.endpoint);
  const seen = new Set<number>();
  let twice = 0;
  let done = false;
  const receiving = (async () => {
    for (;;) {
      const id = idOf((await pull.receive())[0] as Buffer);
      if (id === null) break;
      if (seen.has(id.number)) twice += 1;
      seen.add(id.number);
    }
    done = true;
  })();
  for (let number = 1; number <= messages; number += 1) {
    await push.send(messageOf(run.random.seed, 'plain', number).body);
    if (number % 50 === 0) await pause(1);
  }
  const { cuts } = proxy.counts;
  proxy.calm();
  // The mark at the end may be lost, too, with the last connection that was cut.
  while (!done) {
    await push.send('end');
    await pause(50);
  }
  await receiving;
  push.close();
  pull.close();
  await proxy.close();
  return `${messages - seen.size} lost, ${twice} twice, ${cuts} resets`;
}

/** Plain PUSH to a durable pipeline route whose node is killed, to plain PULL: what was committed arrives. */
export async function route(run: Run): Promise<Figures> {
  const { oracle } = run;
  const jobs = 'jobs';
  const node = run.use(
    await ChaosNode.create(
      { streams: [STREAM], pipelines: [jobs], segment: 500 + 3000 * run.limits.kills },
      run.random,
      run.report,
    ),
  );
  await node.start();
  const { frontend = '', backend = '' } = node.routes.get(jobs) ?? {};
  const push = new Push({ linger: 0, reconnectInterval: 10, reconnectMaxInterval: 300 });
  push.connect(frontend);
  const pulls = [1, 2].map(() => new Pull({ linger: 0, reconnectInterval: 10, reconnectMaxInterval: 300 }));
  const arrived: number[] = [];
  let distinct = 0;
  let twice = 0;
  const pulling = pulls.map(async (pull) => {
    pull.connect(backend);
    for await (const frames of pull) {
      const id = idOf(frames.at(-1) as Buffer);
      if (id === null) run.report.add('stranger', `a PULL got ${String(frames.at(-1)).slice(0, 40)}`);
      else {
        const before = arrived[id.number] ?? 0;
        arrived[id.number] = before + 1;
        if (before === 0) distinct += 1;
        else twice += 1;
      }
    }
  });
  let stopping = false;
  const pushing = (async () => {
    for (; !stopping; ) {
      const { key, body } = oracle.next('plain');
      await push.send(key === '' ? body : [key, body]);
      if (oracle.last('plain') % 100 === 0) await pause(5);
    }
  })();
  const load = async (records: number): Promise<boolean> => {
    const goal = distinct + records;
    return await run.until(
      'messages that arrive',
      () => distinct,
      () => distinct >= goal,
    );
  };
  await killing(run, node, load);
  stopping = true;
  await pushing;
  const client = await open(node.sessions, 'looker');
  // What the PUSH had queued comes in now; the stream has all when it stands still as long as the last message did.
  const stored = async (): Promise<number> => (await client.stream(jobs).info()).next - 1;
  let count = await stored();
  while (!(arrived[oracle.last('plain')] ?? 0) && !run.over) {
    await pause(50);
    const now = await stored();
    if (now === count && distinct >= count) break;
    count = now;
  }
  count = await stored();
  await run.until(
    'what was committed',
    () => distinct,
    () => distinct >= count,
  );
  await client.close();
  await node.stop();
  push.close();
  for (const pull of pulls) pull.close();
  await Promise.allSettled(pulling);
  let missing = 0;
  const kept = new Set<number>();
  const records = await oracle.checkStream(
    jobs,
    (async function* () {
      for await (const seen of readStream(node, jobs)) {
        const number = idOf(seen.body)?.number ?? 0;
        kept.add(number);
        if (arrived[number] === undefined) {
          missing += 1;
          run.report.add('undelivered', `${jobs}: ${seen.sequence}, number ${number}`);
        }
        yield seen;
      }
    })(),
  );
  const published = oracle.last('plain');
  return {
    kills: node.kills,
    published,
    records,
    'lost before the node': published - kept.size,
    'committed, not arrived': missing,
    'arrived twice': twice,
    ...nodeFigures(node),
  };
}
