/**
 * How long a node takes from the start of its process until it forwards.
 *
 * Guarantees: the peers are there before the node and try again every 2 ms, so that what is measured is the node, not how
 * patient they are; a plain route and one with a durable stream must both have delivered a message.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Pull, Push } from '@zeroth/zmq';
import type { Stage } from './children.ts';
import { within } from './children.ts';
import type { Command } from './servers.ts';
import { freePorts, loopback, newFolder } from './servers.ts';
import type { Work } from './works.ts';

const PATIENCE = { reconnectInterval: 2, reconnectMaxInterval: 0, linger: 0 };

interface Sides {
  readonly front: number;
  readonly back: number;
}

function keys(plain: Sides, durable: Sides): string {
  const sides = ({ front, back }: Sides): string =>
    `frontend: { bind: "${loopback(front)}" }, backend: { bind: "${loopback(back)}" }`;
  return `node: { name: bench, dataDir: ./data }
routes:
  plain: { pattern: pipeline, ${sides(plain)} }
  durable: { pattern: pipeline, ${sides(durable)}, stream: {} }
`;
}

/** A producer and a worker; resolves when the first message is with the worker. */
async function firstMessage(stage: Stage, { front, back }: Sides): Promise<void> {
  const push = new Push(PATIENCE);
  const pull = new Pull(PATIENCE);
  stage.atEnd(() => {
    push.close();
    pull.close();
  });
  push.connect(loopback(front));
  pull.connect(loopback(back));
  await Promise.all([push.send('first'), pull.receive()]);
}

/** Milliseconds from the start of `zeroth run` until both routes have delivered. */
export function startTime(node: Command): Work {
  return async (stage) => {
    const [plainFront = 0, plainBack = 0, front = 0, back = 0] = await freePorts(4);
    const plain = { front: plainFront, back: plainBack };
    const durable = { front, back };
    const file = join(newFolder(stage), 'zeroth.yaml');
    writeFileSync(file, keys(plain, durable));
    const delivered = Promise.all([firstMessage(stage, plain), firstMessage(stage, durable)]);
    const began = performance.now();
    const { ended } = stage.launch([...node, file], () => {});
    await within(20, 'the first message', Promise.race([delivered, ended]));
    return { value: performance.now() - began, p99: null };
  };
}
