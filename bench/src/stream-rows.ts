/** The rows about durable streams: against NATS JetStream, against the disk, and on their own. */
import { LargeStream } from './large-stream.ts';
import type { Peer, Peers } from './peers.ts';
import { diskSpace } from './peers.ts';
import type { Row, Side } from './row.ts';
import { DEFAULTS, most, NONE, ratio, side } from './row.ts';
import type { Command } from './servers.ts';
import type { Streams } from './streams.ts';
import {
  consume,
  diskAppend,
  diskOne,
  fillPipeline,
  jetStreams,
  ourStreams,
  passPipeline,
  publish,
  publishOne,
} from './streams.ts';
import type { Timing, Work } from './works.ts';

const JETSTREAM =
  'Theirs is JetStream with file storage, one replica and its default sync interval of two minutes: an acknowledged record is with the operating system, not on the disk. Ours is acknowledged when it is on the disk (`fsync: always`).';
const CLIENTS = 'One client in Node, one server with one stream in an empty folder on the same disk.';

const SIZES = [
  { name: '128', label: '128 B', bytes: 128 },
  { name: '1024', label: '1 KiB', bytes: 1024 },
] as const;

export function streamRows(peers: Peers, timing: Timing, quick: boolean): Row[] {
  const { node, client, zeroth, natsServer, natsClient, peakMemory } = peers;
  type Use = (streams: Streams) => Work;
  const both = (use: Use): Pick<Row, 'ours' | 'theirs'> => ({
    ours: side('zeroth run', [node, client], (n = NONE, c = NONE) => use(ourStreams(n, c))),
    theirs: side('JetStream', [natsServer, natsClient], (s = NONE, c = NONE) => use(jetStreams(s, c))),
  });
  const disk = (name: string, use: (driver: Command) => Work): Side =>
    side(name, [zeroth], (z = NONE) => use(z));

  const one = (streams: Streams): Work => publishOne(streams, timing, 128);
  const ones: Pick<Row, 'title' | 'unit' | 'ours'> = {
    title: 'stream, one publish at a time, 128 B',
    unit: 'us',
    ours: both(one).ours,
  };
  const method = 'Median of the time from a publish until it is acknowledged (99th percentile in brackets).';
  const latencies: Row[] = [
    {
      ...DEFAULTS,
      ...ones,
      id: 'stream-publish-one:jetstream',
      // What JetStream took when this was asked for: where the disk is slower, no program can do better.
      target: most(242),
      theirs: both(one).theirs,
      method: `${method} ${JETSTREAM}`,
    },
    ...(['dsync', 'fdatasync'] as const).map(
      (sync): Row => ({
        ...DEFAULTS,
        ...ones,
        id: `stream-publish-one:${sync}`,
        theirs: disk(`the disk, ${sync === 'dsync' ? 'O_DSYNC' : sync}`, (driver) =>
          diskOne(driver, timing, 128, sync),
        ),
        method: `${method} Theirs is a program that appends the same octets to a file ${sync === 'dsync' ? 'opened with O_DSYNC' : 'with fdatasync'} and does nothing else.`,
      }),
    ),
  ];

  // Longer than other rows: disks take a burst faster than what follows.
  const long = quick ? { warm: 1, time: 1.5 } : { warm: 2, time: 3 };
  const pipeline = {
    ...DEFAULTS,
    unit: 'MB/s' as const,
    target: ratio(0.6),
    theirs: disk('the disk', (driver) => diskAppend(driver, long)),
  };
  const share = `(\`fsync: always\`), ${long.warm} s of warm-up, ${long.time} s counted. Theirs is a program that appends 4 MiB at a time to a file, with a CRC-32 for each 64 KiB, once with fdatasync after each and once with O_DSYNC: the faster counts.`;

  const gigabytes = quick ? 1 : 10;
  const space = diskSpace(gigabytes * 1.5);
  const stream = new LargeStream(node.command ?? [], client.command ?? [], gigabytes);
  const alone = (work: Work, ...extra: Peer[]): Pick<Row, 'ours' | 'theirs' | 'maxRounds'> => ({
    ours: side('zeroth run', [node, client, space, ...extra], () => work),
    theirs: null,
    maxRounds: quick ? 1 : 3,
  });
  const large = `A stream of ${gigabytes} GB in records of 1 KiB, written just before, so that the system has as much of it in memory as it likes.`;

  return [
    ...latencies,
    ...SIZES.map(
      ({ name, label, bytes }): Row => ({
        ...DEFAULTS,
        id: `stream-publish-${name}:jetstream`,
        title: `stream, acknowledged publishes, ${label}`,
        target: ratio(10),
        ...both((streams) => publish(streams, timing, bytes)),
        method: `${CLIENTS} 2,000 publishes in flight, each that is acknowledged is followed by the next. ${JETSTREAM}`,
      }),
    ),
    ...SIZES.map(
      ({ name, label, bytes }): Row => ({
        ...DEFAULTS,
        id: `stream-consume-${name}:jetstream`,
        title: `stream, consumed and acknowledged, ${label}`,
        target: ratio(10),
        ...both((streams) => consume(streams, timing, bytes)),
        method: `${CLIENTS} One consumer of a group reads a stream that was filled before and acknowledges each record; 20,000 may be on the way. JetStream: a durable pull consumer with explicit acknowledgement, no limit of unacknowledged messages.`,
      }),
    ),
    {
      ...pipeline,
      id: 'durable-pipeline-1024:disk',
      title: 'node, durable pipeline, nobody at its end, 1 KiB',
      ours: side('zeroth run', [node, zeroth, client], (n = NONE, z = NONE) =>
        fillPipeline(n, z, long, 1024),
      ),
      method: `What PUSH (batch API) gets into the stream ${share}`,
    },
    {
      ...pipeline,
      id: 'durable-pipeline-pull-1024:disk',
      title: 'node, durable pipeline, to a PULL, 1 KiB',
      target: null,
      ours: side('zeroth run', [node, zeroth], (n = NONE, z = NONE) => passPipeline(n, z, long, 1024)),
      method: `What gets from PUSH through the stream to PULL (batch API) ${share}`,
    },
    {
      ...DEFAULTS,
      ...alone(stream.replay()),
      id: 'stream-replay',
      title: `stream, replay of ${gigabytes} GB`,
      unit: 'MB/s',
      method: `${large} One consumer reads all of it and acknowledges each record.`,
    },
    {
      ...DEFAULTS,
      ...alone(stream.replayMemory(), peakMemory),
      id: 'stream-replay-memory',
      title: `stream, replay of ${gigabytes} GB: most memory of the node`,
      unit: 'MB',
      target: most(200),
      maxRounds: 1,
      method: 'The highest resident set size (VmHWM) of the node in those replays, its start included.',
    },
    ...(['kept', 'lost'] as const).map(
      (index): Row => ({
        ...DEFAULTS,
        ...alone(stream.recovery(index)),
        id: index === 'kept' ? 'stream-recovery' : 'stream-recovery-scan',
        title: `node, start over ${gigabytes} GB${index === 'kept' ? '' : ', every record looked at'}`,
        unit: 'ms/GB',
        method: `The same stream. From the start of the process after a kill -9 until it accepts, divided by ${gigabytes}${index === 'kept' ? '' : '; the index of each segment was removed before'}.`,
      }),
    ),
  ];
}
