/** The rows of ipc, inproc, ws and CURVE. */
import type { Peers } from './peers.ts';
import type { Row, Side } from './row.ts';
import { DEFAULTS, NONE, ratio, side, time } from './row.ts';
import type { Place, Timing, Work } from './works.ts';
import { curvePushPull, IPC, inprocPushPull, inprocRoundTrip, pushPull, roundTrip, WS } from './works.ts';

type Make = (peer: readonly string[]) => Work;

interface Transport {
  readonly name: string;
  readonly c: Peers['libzmq'];
  readonly where: string;
  readonly stream: (size: number) => Make;
  readonly trip: Make;
}

const INPROC =
  'One process. In C each socket has a thread; in Node both share one, with `await send` and `for await` in turns: no message crosses a thread in ours, in zeromq.js each passes through that of libzmq.';
const SIZES = [
  { name: '64', label: '64 B', bytes: 64 },
  { name: '1k', label: '1 KiB', bytes: 1024 },
  { name: '64k', label: '64 KiB', bytes: 65536 },
] as const;

export function transportRows(peers: Peers, timing: Timing): Row[] {
  const { zeroth, zeromqJs, libzmq, libzmqWs } = peers;
  const us = (make: Make): Side => side('@zeroth/zmq', [zeroth], (z = NONE) => make(z));
  const over = (place: Place): Pick<Transport, 'stream' | 'trip'> => ({
    stream: (size) => (peer) => pushPull(peer, timing, size, [], place),
    trip: (peer) => roundTrip(peer, timing, place),
  });
  const transports: Transport[] = [
    { name: 'ipc', c: libzmq, where: 'Two processes, a socket file.', ...over(IPC) },
    {
      name: 'inproc',
      c: libzmq,
      where: INPROC,
      stream: (size) => (peer) => inprocPushPull(peer, timing, size),
      trip: (peer) => inprocRoundTrip(peer, timing),
    },
    {
      name: 'ws',
      c: libzmqWs,
      where:
        'Two processes, loopback. libzmq in C is built with ws from the source package of the same version.',
      ...over(WS),
    },
  ];

  const rows = transports.flatMap(({ name, c, where, stream, trip }): Row[] => {
    const against = [
      { id: 'libzmq', theirs: (make: Make): Side => side('libzmq in C', [c], (p = NONE) => make(p)) },
      { id: 'zeromq.js', theirs: (make: Make): Side => side('zeromq.js', [zeromqJs], (p = NONE) => make(p)) },
    ];
    const streams = [SIZES[0], SIZES[1]].flatMap((size) =>
      against.map(
        ({ id, theirs }): Row => ({
          ...DEFAULTS,
          id: `${name}-${size.name}:${id}`,
          title: `${name}: PUSH to PULL, ${size.label}`,
          target: ratio(1),
          ours: us(stream(size.bytes)),
          theirs: theirs(stream(size.bytes)),
          method: where,
        }),
      ),
    );
    const trips = against.map(
      ({ id, theirs }): Row => ({
        ...DEFAULTS,
        id: `${name}-req-rep-64:${id}`,
        title: `${name}: REQ to REP and back, 64 B, one at a time`,
        unit: 'us',
        target: time(1),
        ours: us(trip),
        theirs: theirs(trip),
        method: `${where} Median of all round trips (99th percentile in brackets).`,
      }),
    );
    return [...streams, ...trips];
  });

  const batch: Row = {
    ...DEFAULTS,
    id: 'inproc-batch-64:libzmq',
    title: 'inproc: PUSH to PULL, 64 B, batch API',
    target: ratio(1),
    ours: us((peer) => inprocPushPull(peer, timing, 64, ['--batch'])),
    theirs: side('libzmq in C', [libzmq], (p = NONE) => inprocPushPull(p, timing, 64)),
    method: `${INPROC} Here ours has \`trySend\` and \`receiveBatch\`.`,
  };

  const ciphers = [
    { name: '', label: 'sodium-native', flags: NONE, target: ratio(0.8) },
    { name: '-wasm', label: 'WebAssembly', flags: ['--without-sodium-native'], target: null },
  ] as const;
  const curve = SIZES.flatMap((size) =>
    ciphers.map((cipher): Row => {
      const theirs: Make = (peer) => curvePushPull(peer, timing, size.bytes);
      return {
        ...DEFAULTS,
        id: `curve-${size.name}${cipher.name}:libzmq`,
        title: `CURVE: PUSH to PULL, ${size.label}, ${cipher.label}`,
        target: cipher.target,
        ours: us((peer) => curvePushPull(peer, timing, size.bytes, cipher.flags)),
        theirs: side('libzmq in C', [libzmq], (p = NONE) => theirs(p)),
        method: `${cipher.target === null ? 'For information. ' : ''}Two processes, loopback TCP, all messages encrypted. libzmq has libsodium; ours has ${cipher.label === 'WebAssembly' ? 'libsodium as WebAssembly, as without sodium-native' : 'sodium-native'}.`,
      };
    }),
  );
  return [...rows, batch, ...curve];
}
