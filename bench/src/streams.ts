/**
 * The work of the rows about durable streams: the node and JetStream, each over an empty folder on the same disk, and
 * that disk alone.
 */
import type { Stage } from './children.ts';
import type { Command } from './servers.ts';
import { newFolder, pipelineNode, startNats, streamNode } from './servers.ts';
import type { Outcome, Timing, Work } from './works.ts';
import { flags, latency, rate } from './works.ts';

/** A server with one stream, and who works with it. */
export interface Streams {
  /** Resolves with where clients connect. */
  readonly start: (stage: Stage) => Promise<string>;
  readonly client: Command;
  /** What the commands of its driver begin with. */
  readonly prefix: string;
  /** Records of this size to fill a stream with for each second of a measurement: more than a consumer takes. */
  readonly ample: (size: number) => number;
}

export function ourStreams(node: Command, client: Command): Streams {
  return {
    start: async (stage) => (await streamNode(stage, node, newFolder(stage))).sessions,
    client,
    prefix: 'stream',
    ample: (size) => (size < 1024 ? 5_000_000 : 1_600_000),
  };
}

export function jetStreams(server: Command, client: Command): Streams {
  return {
    start: (stage) => startNats(stage, server, newFolder(stage)),
    client,
    prefix: 'js',
    ample: () => 200_000,
  };
}

const IN_FLIGHT: Command = ['--window', '2000'];

export function publish({ start, client, prefix }: Streams, timing: Timing, size: number): Work {
  return async (stage) => {
    const at = await start(stage);
    const command = [...client, `${prefix}-publish`, at, String(size), ...IN_FLIGHT, ...flags(timing)];
    return rate(await stage.start(command), timing);
  };
}

export function publishOne({ start, client, prefix }: Streams, timing: Timing, size: number): Work {
  return async (stage) => {
    const at = await start(stage);
    const command = [...client, `${prefix}-publish-one`, at, String(size), ...flags(timing)];
    return latency(await stage.start(command), timing);
  };
}

export function consume({ start, client, prefix, ample }: Streams, timing: Timing, size: number): Work {
  return async (stage) => {
    const at = await start(stage);
    const count = ['--count', String(Math.ceil(ample(size) * (timing.warm + timing.time)))];
    const filler = await stage.start([...client, `${prefix}-fill`, at, String(size), ...count, ...IN_FLIGHT]);
    await filler.result(120);
    const command = [...client, `${prefix}-consume`, at, String(size), ...count, ...flags(timing)];
    return rate(await stage.start(command), timing);
  };
}

/** The same octets, appended by a program that does nothing else. */
export function diskOne(disk: Command, timing: Timing, size: number, sync: 'fdatasync' | 'dsync'): Work {
  return async (stage) => {
    const command = [...disk, 'disk-one', newFolder(stage), String(size), '--sync', sync, ...flags(timing)];
    return latency(await stage.start(command), timing);
  };
}

function megabytes(value: number): Outcome {
  return { value: value / 1e6, p99: null };
}

/** MB/s that the disk takes, in the faster of two ways to have them durable. */
export function diskAppend(disk: Command, timing: Timing): Work {
  return async (stage) => {
    const append = async (sync: string): Promise<number> => {
      const command = [...disk, 'disk-append', newFolder(stage), '--sync', sync, ...flags(timing)];
      return (await rate(await stage.start(command), timing)).value;
    };
    return megabytes(Math.max(await append('fdatasync'), await append('dsync')));
  };
}

/** MB/s that PUSH gets into the stream of a pipeline with nobody at the other end. */
export function fillPipeline(node: Command, zeroth: Command, timing: Timing, size: number): Work {
  return async (stage) => {
    const { front, sessions } = await pipelineNode(stage, node);
    const growth = [...zeroth, 'stream-growth', sessions, String(size), ...flags(timing)];
    const meter = await stage.start(growth);
    await stage.start([...zeroth, 'push', front, String(size), '--batch']);
    return megabytes((await rate(meter, timing)).value);
  };
}

/** MB/s that get from PUSH through the stream to a PULL. */
export function passPipeline(node: Command, zeroth: Command, timing: Timing, size: number): Work {
  return async (stage) => {
    const { front, back } = await pipelineNode(stage, node);
    const options = ['--batch', '--connect', ...flags(timing)];
    const pull = await stage.start([...zeroth, 'pull', back, String(size), ...options]);
    await stage.start([...zeroth, 'push', front, String(size), '--batch']);
    return megabytes((await rate(pull, timing)).value * size);
  };
}
