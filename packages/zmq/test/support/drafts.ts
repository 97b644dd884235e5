/** The draft sockets of the two libraries behind one loose interface. PEER and CHANNEL of libzmq have no class in zeromq.js. */
import * as libzmq from 'zeromq';
import * as libzmqDraft from 'zeromq/draft.js';
import * as draft from '../../src/draft.ts';
import type { LooseSocket } from './libs.ts';

export interface LooseDraft extends Omit<LooseSocket, 'send' | 'receive'> {
  send(
    message: string | Uint8Array,
    options?: { routingId?: number; group?: string | Buffer },
  ): Promise<void>;
  receive(): Promise<[Buffer, { routingId: number; group: Buffer }]>;
  join(...groups: (string | Buffer)[]): void;
  leave(...groups: (string | Buffer)[]): void;
}

export type DraftName = 'Server' | 'Client' | 'Radio' | 'Dish' | 'Gather' | 'Scatter' | 'Channel' | 'Peer';

export interface DraftLibrary {
  readonly name: 'ours' | 'libzmq';
  readonly sockets: Readonly<Record<DraftName, new (options?: object) => LooseDraft>>;
}

// Its base class takes any type by its number, and has the methods of all of them.
const Base = libzmq.Socket as unknown as new (type: number, options?: object) => object;
class Channel extends Base {
  constructor(options?: object) {
    super(20, options);
  }
}
/** It can't send: the addon gives it no way to name the peer. */
class Peer extends Base {
  constructor(options?: object) {
    super(19, options);
  }
}
for (const { prototype } of [Channel, Peer]) {
  for (const name of ['send', 'receive']) {
    Object.defineProperty(prototype, name, { value: Reflect.get(Base.prototype, name) });
  }
}

export const ourDrafts: DraftLibrary = { name: 'ours', sockets: draft as unknown as DraftLibrary['sockets'] };
export const theirDrafts: DraftLibrary = {
  name: 'libzmq',
  sockets: { ...libzmqDraft, Channel, Peer } as unknown as DraftLibrary['sockets'],
};

let counter = 0;

/** Sends to the group until something comes through: a RADIO can't know when a JOIN has arrived. */
export async function untilJoined(radio: LooseDraft, dish: LooseDraft, group: string): Promise<void> {
  let arrived = false;
  const first = dish.receive().finally(() => {
    arrived = true;
  });
  while (!arrived) {
    await radio.send('?', { group });
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await first;
  counter += 1;
  const last = `last ${counter}`;
  await radio.send(last, { group });
  while ((await dish.receive())[0].toString() !== last);
}
