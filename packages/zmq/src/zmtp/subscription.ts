/** A subscription as ZMTP 3.0 has it, and as XPUB and XSUB show it: a message of one frame, 1 or 0, then the topic (RFC 23). */
import { bodyStart, encodeFrame, frameEnd } from './frame.ts';

/** The whole frame of a subscription (or its end). */
export function encodeSubscription(topic: Uint8Array, subscribe: boolean): Buffer {
  const body = Buffer.allocUnsafe(1 + topic.length);
  body[0] = subscribe ? 1 : 0;
  body.set(topic, 1);
  return encodeFrame(0, body);
}

/** True when the message `bytes[start, end)` has that form. */
export function isSubscription(bytes: Uint8Array, start: number, end: number): boolean {
  const body = bodyStart(bytes, start);
  return frameEnd(bytes, start) === end && body < end && (bytes[body] === 1 || bytes[body] === 0);
}
