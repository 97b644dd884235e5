/**
 * RADIO and DISH: a message has a group in front, and goes to every DISH that joined exactly this group (RFC 48). On the
 * wire it has two frames, and JOIN and LEAVE are commands.
 */
import { ZmqError } from '../errors.ts';
import { encodeCommand, JOIN, LEAVE } from '../zmtp/command.ts';
import { bodyStart, frameEnd, MORE, messageEnd } from '../zmtp/frame.ts';
import { type MessageLike, type Sendable, toBytes } from './message.ts';
import { Pattern } from './pattern.ts';
import type { Pipe } from './pipe.ts';
import { sift } from './sift.ts';
import { single } from './single.ts';
import { FilteringPattern } from './subscribe.ts';

/** RFC 48: a group has at most so many octets. */
const GROUP_MAX = 255;

/** @throws ZmqError EINVAL for a group over {@link GROUP_MAX}. */
export function groupOf(value: MessageLike): Uint8Array {
  const bytes = toBytes(value);
  // libzmq keeps groups as C strings.
  const nul = bytes.indexOf(0);
  const group = nul < 0 ? bytes : bytes.subarray(0, nul);
  if (group.length > GROUP_MAX) {
    throw new ZmqError('EINVAL', { detail: `a group of ${group.length} octets; at most ${GROUP_MAX}` });
  }
  return group;
}

const NOBODY: ReadonlySet<Pipe> = new Set();

/** RADIO: messages are [group, body] here. Who does not keep up misses messages, which are counted. */
export class RadioPattern extends Pattern {
  readonly #members = new Map<string, Set<Pipe>>();
  readonly #groups = new Map<Pipe, Set<string>>();
  // Over udp nobody can say what he joined.
  readonly #silent = new Set<Pipe>();

  override attach(_pipe: Pipe): boolean {
    return true;
  }

  override ready(pipe: Pipe): void {
    if (pipe.identity?.silent === true) this.#silent.add(pipe);
  }

  override lost(pipe: Pipe): void {
    this.#silent.delete(pipe);
    for (const group of this.#groups.get(pipe) ?? []) this.#leave(pipe, group);
    this.#groups.delete(pipe);
  }

  override detach(pipe: Pipe): void {
    this.lost(pipe);
  }

  override arrive(pipe: Pipe, _bytes: Uint8Array, _start: number, _end: number, count: number): void {
    // A DISH does not send.
    this.host.dropped(pipe, 'malformed', count);
  }

  override subscription(pipe: Pipe, topic: Buffer, join: boolean): void {
    if (topic.length > GROUP_MAX) {
      const detail = `a group of ${topic.length} octets; the limit is ${GROUP_MAX}`;
      this.host.refuse(pipe, new ZmqError('ERR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED', { detail }));
      return;
    }
    const group = topic.toString('latin1');
    const groups = this.#groups.get(pipe) ?? new Set();
    if (!join) {
      if (groups.delete(group)) this.#leave(pipe, group);
      return;
    }
    const limit = this.host.options.maxSubscriptions;
    if (limit > 0 && groups.size >= limit && !groups.has(group)) {
      const detail = `it asks for more than ${limit} groups (maxSubscriptions)`;
      this.host.refuse(pipe, new ZmqError('ERR_TOO_MANY_SUBSCRIPTIONS', { detail }));
      return;
    }
    this.#groups.set(pipe, groups.add(group));
    const members = this.#members.get(group);
    if (members === undefined) this.#members.set(group, new Set([pipe]));
    else members.add(pipe);
  }

  #leave(pipe: Pipe, group: string): void {
    const members = this.#members.get(group);
    if (members?.delete(pipe) === true && members.size === 0) this.#members.delete(group);
  }

  #audience(bytes: Uint8Array, start: number, end: number): Iterable<Pipe> {
    const members = this.#members.get(text(bytes, start, end)) ?? NOBODY;
    return this.#silent.size === 0 ? members : [...members, ...this.#silent];
  }

  override send(message: Sendable): boolean {
    const [group, body] = message as [Uint8Array, Sendable];
    const frames = [group, toBytes(single(body))];
    for (const pipe of this.#audience(group, 0, group.length)) {
      if (pipe.outbox.full) this.host.dropped(pipe, 'highWaterMark', 1);
      else pipe.outbox.pushAll(frames);
    }
    return true;
  }

  override get writable(): boolean {
    return true;
  }

  /** What a DISH received: it has its group in front already. */
  override sendRun(
    _prefix: Uint8Array | null,
    bytes: Uint8Array,
    start: number,
    end: number,
    count: number,
  ): number {
    for (let at = start; at < end; ) {
      const next = messageEnd(bytes, at);
      for (const pipe of this.#audience(bytes, bodyStart(bytes, at), frameEnd(bytes, at))) {
        if (pipe.outbox.pushRun(bytes, at, next, 1) === 0) this.host.dropped(pipe, 'highWaterMark', 1);
      }
      at = next;
    }
    return count;
  }
}

/** DISH: received messages are [group, body] here. */
export class DishPattern extends FilteringPattern {
  /** @throws ZmqError EINVAL when it is in the group, or the group is too long. */
  join(value: MessageLike): void {
    const group = groupOf(value);
    if (this.topics.get(group) !== undefined) {
      throw new ZmqError('EINVAL', { detail: `the group ${quoted(group)} is joined already` });
    }
    this.subscribe(group);
  }

  /** @throws ZmqError EINVAL when it is not in the group. */
  leave(value: MessageLike): void {
    const group = groupOf(value);
    if (this.topics.get(group) === undefined) {
      throw new ZmqError('EINVAL', { detail: `the group ${quoted(group)} is not joined` });
    }
    this.unsubscribe(group);
  }

  protected override wanted(bytes: Uint8Array, at: number): boolean {
    return this.topics.get(bytes.subarray(bodyStart(bytes, at), frameEnd(bytes, at))) !== undefined;
  }

  protected override word(_pipe: Pipe, group: Uint8Array, join: boolean): Buffer {
    return encodeCommand(join ? JOIN : LEAVE, group);
  }

  override arrive(pipe: Pipe, bytes: Uint8Array, start: number, end: number, _count: number): void {
    let malformed = 0;
    const wanted = (at: number, next: number): boolean => {
      const body = frameEnd(bytes, at);
      if ((bytes[at]! & MORE) === 0 || frameEnd(bytes, body) !== next) {
        malformed++;
        return false;
      }
      return this.wanted(bytes, at);
    };
    sift(bytes, start, end, wanted, (from, to, count) => {
      if (pipe.overrun) this.host.dropped(pipe, 'highWaterMark', count);
      else super.arrive(pipe, bytes, from, to, count);
    });
    this.host.dropped(pipe, 'malformed', malformed);
  }
}

function text(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}

function quoted(group: Uint8Array): string {
  return JSON.stringify(Buffer.from(group).toString());
}
