/**
 * Messages with an object beside them: the patterns know frames only, so that what is sent is turned into frames first,
 * and what was received is turned back after. For socket types that need it; the others don't pay for it.
 */
import {
  type Message,
  type MessageLike,
  mixReadable,
  mixWritable,
  type Readable,
  type ReceiveOptions,
  type Sendable,
  type SendOptions,
  type Writable,
} from './messaging.ts';
import type { Socket } from './socket.ts';

/** Methods of {@link Writable}, for messages that `toFrames` makes of a body and its options. */
export function shapeWritable(
  target: { prototype: Socket },
  toFrames: (message: MessageLike, options: unknown) => Sendable,
): void {
  const plain = target.prototype as Socket & Writable;
  mixWritable(plain.constructor as { prototype: Socket & Writable });
  const { send, trySend } = plain;
  Object.assign(plain, {
    send(this: Socket & Writable, message: MessageLike, options?: SendOptions): Promise<void> {
      if (message === undefined) return send.call(this, message);
      let frames: Sendable;
      try {
        frames = toFrames(message, options);
      } catch (error) {
        return Promise.reject(error);
      }
      return send.call(this, frames, options);
    },
    trySend(this: Socket & Writable, message: MessageLike, options?: unknown): boolean {
      return trySend.call(this, toFrames(message, options));
    },
  });
}

/** Methods of {@link Readable}, for messages that `fromFrames` makes. */
export function shapeReadable<M extends object[]>(
  target: { prototype: Socket },
  fromFrames: (frames: Message[]) => M,
): void {
  const plain = target.prototype as Socket & Readable;
  mixReadable(plain.constructor as { prototype: Socket & Readable });
  const { receive, tryReceive, receiveBatch } = plain;
  const iterate = plain[Symbol.asyncIterator];
  const shaped = ({ done, value }: IteratorResult<Message[], undefined>): IteratorResult<M, undefined> =>
    done ? { done, value: undefined } : { done: false, value: fromFrames(value as Message[]) };
  Object.assign(plain, {
    receive(this: Socket & Readable, options?: ReceiveOptions): Promise<M> {
      return receive.call(this, options).then(fromFrames);
    },
    tryReceive(this: Socket & Readable): M | null {
      const frames = tryReceive.call(this);
      return frames === null ? null : fromFrames(frames);
    },
    receiveBatch(this: Socket & Readable, max?: number): Promise<M[]> {
      return receiveBatch.call(this, max).then((batch) => batch.map(fromFrames));
    },
    [Symbol.asyncIterator](this: Socket & Readable): AsyncIterator<M, undefined> {
      const plainly = iterate.call(this);
      return { next: () => plainly.next().then(shaped), return: () => plainly.return!().then(shaped) };
    },
  });
}
