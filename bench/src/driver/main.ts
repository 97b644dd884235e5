/**
 * One side of one measurement in JavaScript, as a process:
 *
 *     node bench/.out/src/driver/main.js push tcp://127.0.0.1:7000 64 --lib zeroth
 *
 * Lines on standard output: `READY endpoint [endpoint]` when peers may come, `RESULT {json}` when the counted part is
 * over. With --child it ends when its standard input does, so that it never outlives the program that started it.
 */
import { parseArgs } from 'node:util';
import { bareNode } from './bare-node.ts';
import { codecDecode, codecEncode } from './codec.ts';
import type { Driver, DriverOptions, ForeignDriver } from './common.ts';
import { type CurveRole, hideSodiumNative } from './curve.ts';
import { diskAppend, diskOne } from './disk.ts';
import { jsConsume, jsFill, jsPublish, jsPublishOne } from './jetstream.ts';
import { loadLibrary } from './library.ts';
import { natsPub, natsRep, natsReq, natsSub } from './nats.ts';
import { pull, pullCounts, push, pushPull } from './pipeline.ts';
import { pub, sub } from './pubsub.ts';
import { dealer, rep, req, reqRep, router } from './reqrep.ts';
import {
  streamConsume,
  streamFill,
  streamGrowth,
  streamPublish,
  streamPublishOne,
  streamReplay,
} from './stream.ts';

const DRIVERS: Readonly<Record<string, Driver>> = {
  push,
  pull,
  'pull-counts': pullCounts,
  pushpull: pushPull,
  reqrep: reqRep,
  req,
  rep,
  dealer,
  router,
  pub,
  sub,
};

const FOREIGN: Readonly<Record<string, ForeignDriver>> = {
  'nats-pub': natsPub,
  'nats-sub': natsSub,
  'nats-req': natsReq,
  'nats-rep': natsRep,
  'js-publish': jsPublish,
  'js-publish-one': jsPublishOne,
  'js-fill': jsFill,
  'js-consume': jsConsume,
  'stream-publish': streamPublish,
  'stream-publish-one': streamPublishOne,
  'stream-fill': streamFill,
  'stream-consume': streamConsume,
  'stream-replay': streamReplay,
  'stream-growth': streamGrowth,
  'disk-append': diskAppend,
  'disk-one': diskOne,
  'codec-encode': codecEncode,
  'codec-decode': codecDecode,
  'bare-node': bareNode,
};

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    lib: { type: 'string', default: 'zeroth' },
    bind: { type: 'boolean' },
    connect: { type: 'boolean' },
    hwm: { type: 'string' },
    warm: { type: 'string', default: '0.5' },
    time: { type: 'string', default: '1.2' },
    window: { type: 'string', default: '1000' },
    topics: { type: 'string', default: '0' },
    subs: { type: 'string', default: '1' },
    acks: { type: 'string' },
    batch: { type: 'boolean', default: false },
    curve: { type: 'string' },
    'without-sodium-native': { type: 'boolean', default: false },
    count: { type: 'string', default: '0' },
    sync: { type: 'string', default: 'fdatasync' },
    child: { type: 'boolean', default: false },
  },
});

const [name = '', endpoint = '', size = '64'] = positionals;
const driver = DRIVERS[name];
const foreign = FOREIGN[name];
if ((driver ?? foreign) === undefined || endpoint === '') {
  console.error(
    `driver ${Object.keys({ ...DRIVERS, ...FOREIGN }).join('|')} ENDPOINT [SIZE] [--lib zeroth|zeromq.js|FILE] [options]`,
  );
  process.exit(2);
}
if (values.child) {
  process.stdin.resume();
  process.stdin.on('end', () => process.exit());
}
const options: DriverOptions = {
  endpoint,
  size: Number(size),
  bind: values.bind ? true : values.connect ? false : null,
  hwm: values.hwm === undefined ? null : Number(values.hwm),
  warm: Number(values.warm),
  time: Number(values.time),
  window: Number(values.window),
  topics: Number(values.topics),
  subs: Number(values.subs),
  acks: values.acks ?? null,
  batch: values.batch,
  curve: (values.curve as CurveRole | undefined) ?? null,
  count: Number(values.count),
  sync: values.sync === 'dsync' ? 'dsync' : 'fdatasync',
};
if (values['without-sodium-native']) hideSodiumNative();
await foreign?.(options);
await driver?.({ ...options, lib: await loadLibrary(values.lib) });
process.exit();
