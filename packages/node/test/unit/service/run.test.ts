/** The life of a service, with a host and a service that do what the test says, when it says so. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import type { Controls, HostState, ServiceHost } from '../../../src/service/host.ts';
import type { Service, ServiceContext } from '../../../src/service/program.ts';
import type { Ended } from '../../../src/service/runner.ts';
import { Runner } from '../../../src/service/runner.ts';

type Method = 'start' | 'stop' | 'pause' | 'resume' | 'reload';

interface Told {
  readonly state: HostState;
  readonly text?: string;
  readonly within?: number;
}

interface Options {
  readonly lacks?: readonly Method[];
  readonly stopTimeout?: number;
  readonly grace?: number;
  /** The host asks to stop as soon as somebody listens. */
  readonly early?: boolean;
}

/** A turn of the event loop: what was settled has had its consequences. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class Stage {
  readonly told: Told[] = [];
  /** Names of events, and what was called, in order. */
  readonly story: string[] = [];
  readonly errors: unknown[] = [];
  readonly calls: Method[] = [];
  /** Methods of the service that have not settled. */
  running = 0;
  works = true;
  mostRunning = 0;
  context: ServiceContext | null = null;
  controls: Controls | null = null;
  ended: Ended | null = null;
  /** How long the story was when what the journal held back was written. */
  writtenAt = 0;
  readonly runner: Runner;
  readonly life: Promise<Ended>;
  #settle: ((error: Error | null) => void) | null = null;

  constructor({ lacks = [], stopTimeout = 60_000, grace = 60_000, early = false }: Options = {}) {
    const method = async (name: Method): Promise<void> => {
      this.calls.push(name);
      this.running++;
      this.mostRunning = Math.max(this.mostRunning, this.running);
      try {
        await new Promise<void>((resolve, reject) => {
          this.#settle = (error) => (error === null ? resolve() : reject(error));
        });
      } finally {
        this.#settle = null;
        this.running--;
      }
    };
    const service: Service = {
      name: 'tested',
      stopTimeout,
      alive: () => this.works,
      start: (context) => {
        this.context = context;
        return method('start');
      },
      stop: ({ reason }) => {
        this.story.push(`stop for ${reason}`);
        return method('stop');
      },
      ...(lacks.includes('pause') ? {} : { pause: () => method('pause') }),
      ...(lacks.includes('resume') ? {} : { resume: () => method('resume') }),
      ...(lacks.includes('reload')
        ? {}
        : {
            reload: async () => {
              await method('reload');
              return 'nothing new';
            },
          }),
    };
    const host: ServiceHost = {
      kind: 'terminal',
      listen: (controls) => {
        this.controls = controls;
        if (early) controls.stop('STOP');
      },
      tell: (state, details = {}) => {
        assert.ok(!this.story.includes('ended'), `${state} is told after the end`);
        this.told.push({ state, ...details });
      },
      record: null,
      ended: async (code) => {
        this.story.push('ended', `code ${code}`);
      },
      flush: () => this.story.push('flush'),
    };
    this.runner = new Runner(service, {
      host,
      grace,
      exit: (code) => this.story.push(`exit ${code}`),
      exitCode: (error) => (error as { exitCode?: number }).exitCode ?? 9,
      journal: {
        report: (name, { err }) => {
          // As a serializer does.
          if (err instanceof Error) void err.stack;
          this.story.push(name);
        },
        failed: (error) => {
          this.story.push('failed');
          this.errors.push(error);
        },
        note: (level, message, fields) => {
          assert.equal(typeof fields, 'object');
          this.story.push(`${level} ${message}`);
        },
        flush: () => {
          assert.ok(!this.story.includes('ended'), 'the host does not take it any more');
          this.writtenAt = this.story.length;
        },
      },
    });
    this.life = this.runner.run().then((ended) => {
      this.ended = ended;
      return ended;
    });
  }

  /** The method that is running settles. */
  async settle(error: Error | null = null): Promise<void> {
    this.#settle?.(error);
    await turn();
  }

  /** Settled with everything that follows from it, in good order. */
  async until(state: HostState): Promise<void> {
    await turn();
    while (this.state !== state || this.running > 0) {
      assert.ok(this.running > 0, `it waits in state ${this.state}, not ${state}`);
      await this.settle();
    }
  }

  get state(): HostState | undefined {
    return this.told.at(-1)?.state;
  }

  /** Each state once, as they came. */
  get states(): string[] {
    return this.told.map(({ state }) => state).filter((state, index, all) => state !== all[index - 1]);
  }
}

async function running(options?: Options): Promise<Stage> {
  const stage = new Stage(options);
  await stage.settle();
  assert.equal(stage.state, 'running');
  return stage;
}

describe('a service that is started', () => {
  it('runs until it is asked to stop, and ends with 0', async () => {
    const stage = await running();
    stage.runner.stop('SIGTERM');
    assert.equal(stage.state, 'stopping', 'told at once');
    await turn();
    await stage.settle();
    assert.deepEqual(await stage.life, { code: 0, cut: false });
    assert.deepEqual(stage.states, ['starting', 'running', 'stopping']);
    assert.deepEqual(stage.story, [
      'service:starting',
      'service:running',
      'stop',
      'stop for SIGTERM',
      'service:stopped',
      'ended',
      'code 0',
    ]);
  });

  it('fails: the error is told before the end, its code is the exit code, stop is not called', async () => {
    for (const [exitCode, expected] of [
      [4, 4],
      [undefined, 9],
      [0, 1],
      [256, 1],
      [1.5, 1],
    ]) {
      const stage = new Stage();
      const error = Object.assign(new Error('no port'), exitCode === undefined ? {} : { exitCode });
      await stage.settle(error);
      assert.equal((await stage.life).code, expected);
      assert.deepEqual(stage.errors, [error]);
      assert.deepEqual(stage.story, ['service:starting', 'failed', 'ended', `code ${expected}`]);
      assert.deepEqual(stage.states, ['starting']);
    }
  });

  it('is asked to stop: the signal is aborted, and what came up is stopped', async () => {
    const stage = new Stage();
    assert.equal(stage.context?.signal.aborted, false);
    stage.runner.stop('STOP');
    assert.equal(stage.context?.signal.aborted, true);
    assert.deepEqual(stage.calls, ['start'], 'not before the start has settled');
    await stage.settle();
    assert.deepEqual(stage.calls, ['start', 'stop']);
    await stage.settle();
    assert.equal((await stage.life).code, 0);
    assert.deepEqual(stage.states, ['starting', 'stopping']);
    assert.ok(!stage.story.includes('service:running'));
  });

  it('is asked to stop before it began: nothing is called', async () => {
    const stage = new Stage({ early: true });
    assert.equal((await stage.life).code, 0);
    assert.deepEqual(stage.calls, []);
    assert.deepEqual(stage.states, ['starting', 'stopping']);
  });

  it('ends early because it was asked to: that is no failure. Another error is one', async () => {
    const obedient = new Stage();
    obedient.runner.stop('STOP');
    await obedient.settle(obedient.context?.signal.reason as Error);
    assert.equal((await obedient.life).code, 0);
    assert.deepEqual(obedient.calls, ['start']);
    const failing = new Stage();
    failing.runner.stop('STOP');
    await failing.settle(new Error('disk full'));
    assert.equal((await failing.life).code, 9);
    assert.deepEqual(failing.calls, ['start']);
  });

  it('tells what it does, with the time that this may take', async () => {
    const stage = new Stage({ stopTimeout: 5000, grace: 1000 });
    stage.context?.progress('half of it');
    assert.deepEqual(stage.told, [
      { state: 'starting', within: 30_000 },
      { state: 'starting', text: 'half of it', within: 30_000 },
    ]);
    await stage.settle();
    stage.context?.progress('waiting');
    assert.deepEqual(stage.told.at(-1), { state: 'running', text: 'waiting' });
    stage.runner.stop('STOP');
    stage.context?.progress('delivering');
    const { state, text, within } = stage.told.at(-1) as Told;
    assert.deepEqual([state, text], ['stopping', 'delivering']);
    // Not a new time: the limit does not move.
    assert.ok(within !== undefined && within > 0 && within <= 6000, `${within}`);
    await turn();
    await stage.settle();
    const told = stage.told.length;
    await stage.life;
    stage.context?.progress('too late');
    assert.equal(stage.told.length, told);
  });
});

describe('a service that runs', () => {
  it('pauses, resumes and reloads, also while it is paused', async () => {
    const stage = await running();
    stage.runner.pause('PAUSE');
    await stage.until('paused');
    stage.runner.reload('SIGHUP');
    await stage.until('paused');
    stage.runner.resume('CONTINUE');
    await stage.until('running');
    stage.runner.reload('SIGHUP');
    await stage.until('running');
    assert.deepEqual(stage.told.at(-1), { state: 'running', text: 'nothing new' });
    assert.deepEqual(stage.states, [
      'starting',
      'running',
      'pausing',
      'paused',
      'reloading',
      'paused',
      'resuming',
      'running',
      'reloading',
      'running',
    ]);
    stage.runner.stop('STOP');
    await stage.until('stopping');
    assert.equal((await stage.life).code, 0);
  });

  it('does what is asked for meanwhile afterwards: kinds once, and nothing for what cancels out', async () => {
    const stage = await running();
    stage.runner.reload('first');
    stage.runner.pause('PAUSE');
    await turn();
    assert.deepEqual(stage.calls, ['start', 'reload'], 'the pause waits');
    stage.runner.reload('second');
    stage.runner.reload('third');
    stage.runner.resume('CONTINUE');
    await stage.until('running');
    assert.deepEqual(stage.calls, ['start', 'reload', 'reload']);
    stage.runner.pause('PAUSE');
    stage.runner.pause('PAUSE');
    await stage.until('paused');
    assert.deepEqual(stage.calls, ['start', 'reload', 'reload', 'pause']);
    stage.runner.stop('STOP');
    await stage.until('stopping');
    await stage.life;
  });

  it('is asked to pause while it starts: it does so as soon as it is ready', async () => {
    const stage = new Stage();
    stage.runner.pause('PAUSE');
    await stage.settle();
    await stage.until('paused');
    assert.deepEqual(stage.states, ['starting', 'running', 'pausing', 'paused']);
    stage.runner.stop('STOP');
    await stage.until('stopping');
    assert.equal((await stage.life).code, 0);
  });

  it('stays what it was when a control fails, and can be asked again', async () => {
    const stage = await running();
    stage.runner.pause('PAUSE');
    await turn();
    await stage.settle(new Error('not now'));
    assert.equal(stage.state, 'running');
    stage.runner.pause('PAUSE');
    await stage.until('paused');
    stage.runner.resume('CONTINUE');
    await turn();
    await stage.settle(new Error('not now'));
    assert.equal(stage.state, 'paused');
    stage.runner.resume('CONTINUE');
    await stage.until('running');
    stage.runner.reload('SIGHUP');
    await turn();
    await stage.settle(new Error('a bad file'));
    assert.equal(stage.state, 'running');
    assert.equal(stage.story.filter((event) => event === 'service:refused').length, 3);
    stage.runner.stop('STOP');
    await stage.until('stopping');
    assert.equal((await stage.life).code, 0);
  });

  it('is not offered what it does not know, and refuses it', async () => {
    const stage = await running({ lacks: ['pause', 'reload'] });
    assert.equal(stage.controls?.canPause, false);
    assert.equal(stage.controls?.canReload, false);
    stage.runner.pause('PAUSE');
    stage.runner.reload('SIGHUP');
    await turn();
    await stage.until('running');
    assert.deepEqual(stage.calls, ['start']);
    assert.equal(stage.story.filter((event) => event === 'service:refused').length, 2);
    stage.runner.stop('STOP');
    await stage.until('stopping');
    await stage.life;
  });

  it('is asked to stop while it pauses: told at once, called when the pause has settled', async () => {
    const stage = await running();
    stage.runner.pause('PAUSE');
    await turn();
    stage.runner.stop('SHUTDOWN');
    stage.runner.stop('PRESHUTDOWN');
    assert.equal(stage.state, 'stopping');
    assert.deepEqual(stage.calls, ['start', 'pause']);
    await stage.settle();
    assert.deepEqual(stage.calls, ['start', 'pause', 'stop']);
    await stage.settle();
    assert.equal((await stage.life).code, 0);
    assert.deepEqual(stage.states, ['starting', 'running', 'pausing', 'stopping']);
    assert.equal(stage.story.filter((event) => event === 'stop').length, 1);
  });
});

describe('a watchdog', () => {
  it('hears what the service says of itself, and nothing bad while it stops', async () => {
    const stage = await running();
    assert.equal(stage.controls?.alive(), true);
    stage.works = false;
    assert.equal(stage.controls?.alive(), false);
    stage.runner.stop('STOP');
    assert.equal(stage.controls?.alive(), true);
    await stage.until('stopping');
    await stage.life;
  });
});

describe('a service that fails', () => {
  it('on its own: it is stopped, the first error is told, its code is the exit code', async () => {
    const stage = await running();
    const first = new Error('the disk is gone');
    stage.context?.fail(first, 12);
    stage.context?.fail(new Error('and more'), 13);
    await turn();
    await stage.settle();
    assert.equal((await stage.life).code, 12);
    assert.deepEqual(stage.errors, [first]);
    assert.ok(stage.story.includes('stop for failed'));
  });

  it('while it stops, or in its stop: exit code and event all the same', async () => {
    const stage = await running();
    stage.runner.stop('STOP');
    await turn();
    stage.context?.fail(new Error('meanwhile'));
    await stage.settle();
    assert.equal((await stage.life).code, 9);
    const other = await running();
    other.runner.stop('STOP');
    await turn();
    await other.settle(new Error('in it'));
    assert.equal((await other.life).code, 9);
    assert.equal(other.errors.length, 1);
  });

  it('loses its service manager: it ends in order, as failed', async () => {
    const stage = await running();
    stage.controls?.lost('the pipe is broken');
    await turn();
    assert.deepEqual(stage.calls, ['start', 'stop']);
    await stage.settle();
    assert.notEqual((await stage.life).code, 0);
    assert.match((stage.errors[0] as Error).message, /the pipe is broken/);
  });

  for (const where of ['start', 'pause', 'stop'] as const) {
    it(`does not come back from ${where}: it is cut, with an event and exit code 1`, async () => {
      const stage = new Stage({ stopTimeout: 1, grace: 1 });
      if (where !== 'start') await stage.settle();
      if (where === 'pause') stage.runner.pause('PAUSE');
      await turn();
      stage.runner.stop('STOP');
      assert.deepEqual(await stage.life, { code: 1, cut: true });
      assert.ok(stage.story.includes('service:overrun'));
      assert.deepEqual(stage.story.slice(-2), ['ended', 'code 1']);
      // What comes back after all changes nothing.
      const { length } = stage.story;
      await stage.settle();
      assert.equal(stage.story.slice(length).includes('ended'), false);
    });
  }

  it('has an error that nobody caught: an event, flushed, exit 1; also if it can not be told', async () => {
    const stage = await running();
    stage.runner.crash(new Error('boom'));
    assert.deepEqual(stage.story.slice(-3), ['crash', 'flush', 'exit 1']);
    assert.equal(stage.writtenAt, stage.story.length - 2);
    const hostile = Object.defineProperty(new Error('hostile'), 'stack', {
      get: () => {
        throw new Error('of its stack');
      },
    });
    stage.story.length = 0;
    stage.runner.crash(hostile);
    assert.deepEqual(stage.story, ['crash', 'flush', 'exit 1']);
    stage.runner.stopNow('SIGINT', 130);
    assert.deepEqual(stage.story.slice(-3), ['stop:now', 'flush', 'exit 130']);
    stage.runner.stop('STOP');
    await stage.until('stopping');
    await stage.life;
  });
});

const NEXT: Readonly<Record<HostState, readonly HostState[]>> = {
  starting: ['starting', 'running', 'stopping'],
  running: ['running', 'pausing', 'reloading', 'stopping'],
  pausing: ['pausing', 'paused', 'running', 'stopping'],
  paused: ['paused', 'resuming', 'reloading', 'stopping'],
  resuming: ['resuming', 'running', 'paused', 'stopping'],
  reloading: ['reloading', 'running', 'paused', 'stopping'],
  stopping: ['stopping'],
};

const ACTIONS = ['pause', 'resume', 'reload', 'progress', 'settle', 'settle', 'reject', 'turn'] as const;
const ENDS = ['stop', 'fail', 'lost'] as const;

describe('whatever is asked for, in any order', () => {
  it('never runs two methods at once, tells legal states, ends once and with the right code', async () => {
    const action = fc.oneof(
      { weight: 30, arbitrary: fc.constantFrom(...ACTIONS) },
      { weight: 1, arbitrary: fc.constantFrom(...ENDS) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 40, size: 'max' }), async (actions) => {
        const stage = new Stage();
        let paused = false;
        let failed = false;
        let reloads = false;
        const live = (): boolean => stage.state !== 'stopping' && stage.ended === null;
        for (const each of actions) {
          switch (each) {
            case 'settle':
              await stage.settle();
              break;
            case 'reject':
              if (stage.running > 0) {
                const method = stage.calls.at(-1) as Method;
                failed ||= ['start', 'stop'].includes(method);
                // It stays what it was, also if something else was wanted meanwhile.
                if (method === 'pause' || method === 'resume') paused = method === 'resume';
              }
              await stage.settle(new Error('refused'));
              break;
            case 'turn':
              await turn();
              break;
            case 'progress':
              stage.context?.progress('on it');
              break;
            case 'fail':
              failed ||= stage.ended === null;
              stage.context?.fail(new Error('failed'));
              break;
            case 'lost':
              failed ||= stage.ended === null;
              stage.runner.lost('gone');
              break;
            case 'pause':
            case 'resume':
              if (live()) paused = each === 'pause';
              stage.runner[each]('control');
              break;
            case 'reload':
              stage.runner.reload('control');
              reloads = true;
              break;
            case 'stop':
              stage.runner.stop('control');
          }
        }
        // Settled down, it is what was wanted last, and has done what was asked for.
        await turn();
        while (stage.running > 0) await stage.settle();
        if (live()) {
          assert.equal(stage.state, paused ? 'paused' : 'running');
          assert.equal(stage.calls.includes('reload'), reloads);
        }
        stage.runner.stop('the end');
        await turn();
        while (stage.running > 0) await stage.settle();
        const { code, cut } = await stage.life;
        assert.equal(cut, false);
        assert.equal(code !== 0, failed);
        assert.equal(stage.mostRunning, 1);
        assert.equal(stage.story.filter((entry) => entry === 'ended').length, 1);
        assert.equal(stage.calls.filter((name) => name === 'start').length, 1);
        assert.ok(stage.calls.filter((name) => name === 'stop').length <= 1);
        stage.told.forEach(({ state }, index) => {
          const before = stage.told[index - 1]?.state ?? 'starting';
          assert.ok(NEXT[before].includes(state), `${before} -> ${state} in ${stage.states.join(', ')}`);
        });
      }),
      { numRuns: 300 },
    );
  });
});
