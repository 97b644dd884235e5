/** A client of a model node, over a network in memory. */
import { afterEach } from 'node:test';
import { type Client, connectThrough } from '../../src/client.ts';
import type { State } from '../../src/connection/states.ts';
import type { StreamRecord } from '../../src/consume/record.ts';
import type { ConnectOptions } from '../../src/options.ts';
import { Network } from './memory-link.ts';
import { ModelNode } from './model-node.ts';

export interface Started {
  readonly node: ModelNode;
  readonly network: Network;
  readonly client: Client;
  /** Another client of the same node. */
  another(options: ConnectOptions): Promise<Client>;
}

const FAST = { initial: 1, max: 1 };

const clients: Client[] = [];

// A test that failed must not leave a client behind that holds the process.
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close({ timeout: 0 });
});

export async function start(
  options: ConnectOptions = {},
  prepare?: (node: ModelNode) => void,
): Promise<Started> {
  const node = new ModelNode('telemetry', 'orders');
  prepare?.(node);
  const network = new Network(node);
  const another = async (more: ConnectOptions): Promise<Client> => {
    const connected = await connectThrough(network.dial, 'tcp://model', { reconnect: FAST, ...more });
    clients.push(connected);
    return connected;
  };
  const client = await another({ name: 'press-4', ...options });
  return { node, network, client, another };
}

/** Takes and acknowledges so many records, then leaves. */
export async function take(records: AsyncIterable<StreamRecord>, count: number): Promise<StreamRecord[]> {
  const list: StreamRecord[] = [];
  for await (const record of records) {
    list.push(record);
    record.ack();
    if (list.length === count) break;
  }
  return list;
}

/** The next state of this type. */
export async function until<T extends State['type']>(
  states: AsyncIterable<State>,
  type: T,
): Promise<Extract<State, { type: T }>> {
  for await (const state of states) if (state.type === type) return state as Extract<State, { type: T }>;
  throw new Error(`there was no state ${type}`);
}

/** Turns of the event loop until something is so; the test's limit ends it otherwise. */
export async function wait(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate);
}

/** A record's body as text. */
export function text({ body }: StreamRecord): string {
  return body.toString();
}
