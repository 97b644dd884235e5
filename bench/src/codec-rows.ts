/** The same record in each codec: how large it is, and how often it is written and read. */
import { join } from 'node:path';
import type { Peers } from './peers.ts';
import { root } from './peers.ts';
import type { Row } from './row.ts';
import { DEFAULTS, NONE, side } from './row.ts';
import type { Command } from './servers.ts';
import type { Timing, Work } from './works.ts';
import { flags } from './works.ts';

const CODECS = [
  { id: 'msgpack', name: 'MessagePack', codec: 'msgpack' },
  {
    id: 'protobuf',
    name: 'Protocol Buffers',
    codec: `protobuf:${join(root, 'bench', 'record.proto')}#bench.Record`,
  },
] as const;

const METHOD =
  'One process, one record over and over, through @zeroth/client/codec: text, whole numbers, 9 measured values, 3 labels, 2 alarms (bench/src/driver/codec.ts). All checks that the codecs make are part of it.';

function work(
  client: Command,
  command: string,
  codec: string,
  timing: Timing,
  figure: 'rate' | 'size',
): Work {
  return async (stage) => {
    const child = await stage.start([...client, command, codec, ...flags(timing)]);
    const result = await child.result(timing.warm + timing.time);
    return { value: result[figure] ?? Number.NaN, p99: null };
  };
}

export function codecRows({ client }: Peers, timing: Timing): Row[] {
  return CODECS.flatMap(({ id, name, codec }): Row[] => {
    const row = (what: string, command: string, figure: 'rate' | 'size'): Row => ({
      ...DEFAULTS,
      id: `codec-${what}-${id}:json`,
      title: `codec, the same record, ${what === 'size' ? 'octets' : `${what}d`}: ${name} against JSON`,
      unit: figure === 'size' ? 'B' : 'msg/s',
      ours: side(name, [client], (c = NONE) => work(c, command, codec, timing, figure)),
      theirs: side('JSON', [client], (c = NONE) => work(c, command, 'json', timing, figure)),
      maxRounds: figure === 'size' ? 1 : DEFAULTS.maxRounds,
      method: METHOD,
    });
    return [
      row('encode', 'codec-encode', 'rate'),
      row('decode', 'codec-decode', 'rate'),
      row('size', 'codec-encode', 'size'),
    ];
  });
}
