/** Messages of the session protocol to frames. Bodies go by reference: don't change them afterwards. */
import type { ClientMessage, NodeMessage } from './messages.ts';
import { encodeHead, encodeRanges, encodeReceipts, encodeU32, encodeU64 } from './numbers.ts';
import { encodeTrace } from './trace.ts';

const NOTHING = Buffer.alloc(0);
const words = new Map<string, Buffer>();

function word(text: string): Buffer {
  let bytes = words.get(text);
  if (bytes === undefined) {
    bytes = Buffer.from(text);
    words.set(text, bytes);
  }
  return bytes;
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

export function encodeClientMessage(message: ClientMessage): Uint8Array[] {
  const command = word(message.type);
  switch (message.type) {
    case 'HELLO':
      return [command, json(message.hello)];
    case 'OPEN':
      return [command, Buffer.from(message.stream)];
    case 'PUBLISH': {
      const { stream, first, run, trace } = message;
      const frames = [command, Buffer.from(stream), encodeU64(first), run];
      if (trace !== undefined) frames.push(encodeTrace(trace));
      return frames;
    }
    case 'CONSUME':
      return [command, encodeU32(message.consumer), json(message.request), message.prefix];
    case 'ACK':
      return [command, encodeU32(message.consumer), encodeRanges(message.ranges)];
    case 'NACK':
      return [command, encodeU32(message.consumer), encodeRanges(message.ranges), encodeU32(message.delay)];
    case 'CANCEL':
      return [command, encodeU32(message.consumer)];
    case 'INFO':
      return [command, encodeU32(message.request), Buffer.from(message.stream)];
    case 'PING':
      return [command, NOTHING];
    case 'BYE':
      return [command, json({ reason: message.reason })];
  }
}

export function encodeNodeMessage(message: NodeMessage): Uint8Array[] {
  const command = word(message.type);
  switch (message.type) {
    case 'WELCOME':
      return [command, json(message.welcome)];
    case 'OPENED':
      return [command, Buffer.from(message.stream), encodeU64(message.last)];
    case 'STORED':
      return [command, Buffer.from(message.stream), encodeReceipts(message.receipts)];
    case 'REFUSED':
      return [command, Buffer.from(message.stream), encodeU64(message.expected), json(message.refusal)];
    case 'CONSUMING':
      return [command, encodeU32(message.consumer), json({ next: message.next })];
    case 'RECORDS': {
      const frames: Uint8Array[] = [command, encodeU32(message.consumer)];
      for (const chunk of message.chunks) frames.push(encodeHead(chunk), chunk.run);
      if (message.trace !== undefined) frames.push(encodeTrace(message.trace));
      return frames;
    }
    case 'GAP': {
      const { consumer, first, last, reason } = message;
      return [command, encodeU32(consumer), encodeU64(first), encodeU64(last), json({ reason })];
    }
    case 'ENDED':
      return [command, encodeU32(message.consumer), json(message.trouble)];
    case 'INFO':
      return [command, encodeU32(message.request), json(message.info)];
    case 'PONG':
      return [command, NOTHING];
    case 'BYE':
      return [command, json({ reason: message.reason })];
    case 'ERROR':
      return [command, json(message.trouble)];
  }
}
