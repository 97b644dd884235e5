/** How messages get from one socket of a pair to the other, for each pair of types; and that they arrived intact. */
import { until, within } from './deadline.ts';
import type { LooseSocket, SocketName } from './libs.ts';
import { sameParts } from './payload.ts';
import { collect } from './pubsync.ts';

/** The pairs of RFC 28 to 31, each once: the left one sends first. */
export const pairs: readonly (readonly [left: SocketName, right: SocketName])[] = [
  ['Push', 'Pull'],
  ['Pair', 'Pair'],
  ['Request', 'Reply'],
  ['Request', 'Router'],
  ['Dealer', 'Reply'],
  ['Dealer', 'Dealer'],
  ['Dealer', 'Router'],
  ['Publisher', 'Subscriber'],
  ['Publisher', 'XSubscriber'],
  ['XPublisher', 'Subscriber'],
  ['XPublisher', 'XSubscriber'],
];

export interface AssignedPair {
  readonly leftName: SocketName;
  readonly rightName: SocketName;
  readonly left: LooseSocket;
  readonly right: LooseSocket;
}

type Message = readonly Buffer[];

/** Messages that are sent at once before any is received: below every mark. */
const WINDOW = 100;

async function oneWay(
  from: LooseSocket,
  to: LooseSocket,
  messages: readonly Message[],
  envelope: { readonly out: Message; readonly strip: number },
): Promise<void> {
  for (let start = 0; start < messages.length; start += WINDOW) {
    const window = messages.slice(start, start + WINDOW);
    const sending = (async () => {
      for (const message of window) await from.send([...envelope.out, ...own(message)]);
    })();
    for (const [index, message] of window.entries()) {
      const got = await to.receive();
      sameParts(got.slice(envelope.strip), message, `message ${start + index}`);
    }
    await sending;
  }
}

/** Copies to send: over ws libzmq masks large bodies where they are, in the memory of whoever sends them. */
function own(message: Message): Message {
  return message.map((part) => Buffer.from(part));
}

/** Request, reply, request: the reply is the request turned round. */
async function lockstep(pair: AssignedPair, messages: readonly Message[]): Promise<void> {
  const { left, right, leftName, rightName } = pair;
  const empty = Buffer.alloc(0);
  for (const [index, message] of messages.entries()) {
    await left.send(leftName === 'Dealer' ? [empty, ...own(message)] : own(message));
    const got = await right.receive();
    const strip = rightName === 'Router' ? 2 : 0;
    sameParts(got.slice(strip), message, `request ${index}`);
    const reply = [...message].reverse();
    await right.send([...got.slice(0, strip), ...own(reply)]);
    const answer = await left.receive();
    sameParts(leftName === 'Dealer' ? answer.slice(1) : answer, reply, `reply ${index}`);
  }
}

/** Until a message comes through: a publisher can't know when a subscription has arrived. */
async function untilSubscribed(pair: AssignedPair): Promise<void> {
  const { left, right, leftName, rightName } = pair;
  if (rightName === 'XSubscriber') await right.send(Buffer.from([1]));
  if (leftName === 'XPublisher') {
    // libzmq sends what an idle SUB owes a new peer only when the SUB is looked at.
    let arrived = false;
    const got = left.receive().finally(() => {
      arrived = true;
    });
    await until(() => right.readable || arrived, 'the subscription');
    sameParts(await got, [Buffer.from([1])], 'the subscription');
    return;
  }
  const xsub = {
    subscribe: (prefix: string) => void right.send(`\u0001${prefix}`),
    unsubscribe: (prefix: string) => void right.send(`\u0000${prefix}`),
    receive: () => right.receive(),
  };
  await collect(left, rightName === 'XSubscriber' ? xsub : right);
}

const prepared = new WeakMap<object, { out: Message; strip: number; back: Message }>();

/** What each side must know of the other before messages can be compared. */
async function prepare(pair: AssignedPair): Promise<{ out: Message; strip: number; back: Message }> {
  const known = prepared.get(pair);
  if (known !== undefined) return known;
  const { left, right, leftName, rightName } = pair;
  let state: { out: Message; strip: number; back: Message } = { out: [], strip: 0, back: [] };
  if (leftName === 'Dealer' && rightName === 'Router') {
    await left.send('hello');
    const [id] = await right.receive();
    state = { out: [], strip: 1, back: [id as Buffer] };
  } else if (leftName.endsWith('Publisher')) await untilSubscribed(pair);
  prepared.set(pair, state);
  return state;
}

/** Sends the messages from left to right, and back where the types can; throws when something is not as sent. */
export async function exchange(pair: AssignedPair, messages: readonly Message[]): Promise<void> {
  const { left, right, leftName, rightName } = pair;
  const work = async (): Promise<void> => {
    if (leftName === 'Request' || rightName === 'Reply') {
      await lockstep(pair, messages);
      return;
    }
    const { out, strip, back } = await prepare(pair);
    await oneWay(left, right, messages, { out, strip });
    if (leftName !== 'Pair' && leftName !== 'Dealer') return;
    await oneWay(right, left, messages, { out: back, strip: 0 });
  };
  await within(work(), `${leftName} and ${rightName} to exchange`, 25_000);
}
