/** What zeromq.js has for classes that extend its `Socket`: the type as a number, options by libzmq's numbers. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import * as zmq from '../../src/index.ts';
import { text } from '../support/payload.ts';
import { scope } from '../support/scope.ts';

// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: as programs for zeromq.js do
class Own extends zmq.Socket {
  constructor(options?: zmq.SocketOptions<Own>) {
    super(5, options);
  }

  get queue(): number {
    return this.getInt32Option(19);
  }

  set queue(value: number) {
    this.setInt32Option(19, value);
  }

  get hurry(): boolean {
    return this.getBoolOption(39);
  }

  set hurry(value: boolean) {
    this.setBoolOption(39, value);
  }

  get name(): string | null {
    return this.getStringOption(5);
  }

  set name(value: string | null) {
    this.setStringOption(5, value);
  }

  get cores(): number {
    return this.getUint64Option(4);
  }

  set cores(value: number) {
    this.setUint64Option(4, value);
  }

  number(option: number): number {
    return this.getInt64Option(option);
  }

  give(option: number, value: number): void {
    this.setUint32Option(option, value);
  }
}
// biome-ignore lint/correctness/noUnusedVariables: merged into the class
interface Own extends zmq.Readable, zmq.Writable {}

describe('a class that extends Socket', { timeout: 30_000 }, () => {
  it('with a number is a socket of that type', async (t) => {
    const s = scope(t);
    const own = s.use(new Own({ linger: 7 }));
    assert.ok(own instanceof Own && own instanceof zmq.Socket);
    assert.equal(own.type, 5);
    assert.equal(own.linger, 7);
    const router = s.use(new zmq.Router());
    await router.bind('inproc://extending');
    own.connect('inproc://extending');
    await own.send('question');
    const [who] = await router.receive();
    await router.send([who!, 'answer']);
    assert.deepEqual(text(await own.receive()), ['answer']);
  });

  it('takes its own properties as options', (t) => {
    const s = scope(t);
    const own = s.use(new Own({ queue: 3, hurry: true, name: 'me' }));
    assert.deepEqual([own.backlog, own.immediate, own.name], [3, true, 'me']);
  });

  it('reads and sets options by number', (t) => {
    const s = scope(t);
    const own = s.use(new Own());
    own.queue = 12;
    own.hurry = true;
    own.name = 'me';
    assert.deepEqual([own.queue, own.hurry, own.name], [12, true, 'me']);
    assert.deepEqual([own.backlog, own.immediate], [12, true]);
    own.give(39, 0);
    assert.equal(own.immediate, false);
    assert.equal(own.number(16), 5);
  });

  it('is told which number there is not, and which value is none', (t) => {
    const s = scope(t);
    const own = s.use(new Own());
    const refused = { code: 'EINVAL', message: 'Invalid argument' };
    assert.throws(() => own.number(9999), refused);
    // A ROUTER has it, a DEALER has not.
    assert.throws(() => own.number(33), refused);
    assert.throws(() => own.give(16, 3), refused);
    assert.throws(() => own.give(19, '3' as unknown as number), { message: 'Option value must be a number' });
    assert.throws(() => own.number('19' as unknown as number), { message: 'Identifier must be a number' });
  });

  it('warns of a number that is not exact any more', async (t) => {
    const s = scope(t);
    const own = s.use(new Own());
    const warned = once(process, 'warning');
    own.cores = 2 ** 64;
    const [warning] = (await warned) as [Error];
    assert.match(warning.message, /larger than Number.MAX_SAFE_INTEGER/);
    assert.equal(own.cores, 2 ** 64);
  });

  it('is refused without a number, with a wrong one, and with too much', () => {
    const make = zmq.Socket as unknown as new (...args: unknown[]) => zmq.Socket;
    assert.throws(() => new make(), { name: 'TypeError', message: 'Socket type must be a number' });
    assert.throws(() => new make('PAIR'), { name: 'TypeError', message: 'Socket type must be a number' });
    assert.throws(() => new make(1, {}, 2), { name: 'TypeError', message: 'Expected 2 arguments' });
    assert.throws(() => new make(1, null), { name: 'TypeError', message: 'Options must be an object' });
    assert.throws(() => new make(4591), { code: 'EINVAL', message: 'Invalid argument' });
  });

  it('that is refused does not count as a socket of its context', () => {
    const context = new zmq.Context({ maxSockets: 1 });
    assert.throws(() => new Own({ context, noSuchOption: 1 } as object));
    new Own({ context }).close();
  });

  it('that does not send says so to whoever has no types', async (t) => {
    const s = scope(t);
    const sub = s.use(new zmq.Subscriber()) as unknown as zmq.Writable;
    await assert.rejects(sub.send('x'), { code: 'ENOTSUP', detail: 'a SUB socket does not send' });
    assert.throws(() => void sub.send(undefined as unknown as string), {
      message: 'Message must be present',
    });
  });
});
