/** A program for zeromq.js, in its types: never run, compiled with them and with ours (types.test.ts). */
import * as zmq from 'zeromq';

type Pipe = zmq.Readable & zmq.Writable;

/** Generic over what is sent and received. */
export async function echo<S extends Pipe>(socket: S): Promise<void> {
  for await (const frames of socket) await socket.send(frames);
}

export async function first<M extends zmq.Message[]>(socket: zmq.Readable<M>): Promise<M[0]> {
  const [frame] = await socket.receive();
  socket.receiveTimeout = 10;
  socket.receiveHighWaterMark = 1;
  socket.receiveBufferSize = 4096;
  return frame as M[0];
}

export function slow(socket: zmq.Writable<zmq.MessageLike>, what: zmq.MessageLike): Promise<void> {
  socket.sendTimeout = 10;
  socket.sendHighWaterMark = 1;
  socket.sendBufferSize = 4096;
  socket.multicastHops = 2;
  return socket.send(what);
}

export const forms: zmq.MessageLike[] = [
  'text',
  1.5,
  null,
  Buffer.from('x'),
  new Float64Array(2),
  new ArrayBuffer(1),
  new SharedArrayBuffer(1),
  new DataView(new ArrayBuffer(8)),
];

/** A class of one's own, with an option more. */
export class Named extends zmq.Dealer {
  label = '';

  constructor(options: zmq.SocketOptions<Named> = {}) {
    super(options);
  }
}

export class Plain extends zmq.Socket {
  constructor(options?: zmq.SocketOptions<Plain>) {
    super(1, options);
  }

  get queue(): number {
    return this.getInt32Option(19);
  }

  set queue(value: number) {
    this.setInt32Option(19, value);
    this.setStringOption(68, null);
    this.setBoolOption(39, true);
    this.setUint64Option(4, this.getUint64Option(4));
  }
}

export const options: zmq.SocketOptions<zmq.Router> = {
  mandatory: true,
  handover: true,
  probeRouter: true,
  routingId: 'me',
  linger: 0,
  sendHighWaterMark: 10,
  receiveTimeout: 5,
  tcpKeepalive: 1,
  curveServer: true,
  curveSecretKey: zmq.curveKeyPair().secretKey,
  zapDomain: 'global',
  context: new zmq.Context({ ioThreads: 2, maxSockets: 5, ipv6: true, blocky: false }),
};

export function make<S extends zmq.Socket>(type: new (given?: { linger?: number }) => S): S {
  return new type({ linger: 0 });
}

export function everyType(): zmq.Socket[] {
  const pub = new zmq.Publisher({ noDrop: true, conflate: false, invertMatching: false });
  const sub = new zmq.Subscriber({ conflate: true });
  sub.subscribe();
  sub.subscribe('a', Buffer.from('b'));
  sub.unsubscribe('a');
  const xpub = new zmq.XPublisher({ manual: true, verbosity: 'allSubs', welcomeMessage: 'hello' });
  xpub.verbosity = null;
  const request = new zmq.Request({ correlate: true, relaxed: true, probeRouter: false });
  const router = new zmq.Router(options);
  router.connect('tcp://127.0.0.1:5555', { routingId: 'peer' });
  const stream = new zmq.Stream({ notify: false });
  stream.connect('tcp://127.0.0.1:80', { routingId: 'site' });
  return [
    pub,
    sub,
    xpub,
    request,
    router,
    stream,
    make(zmq.Pair),
    new zmq.Reply(),
    new zmq.Pull({ conflate: true }),
    new zmq.Push({ immediate: true }),
    new zmq.XSubscriber(),
    new Named({ label: 'mine', routingId: null }),
  ];
}

export async function raw(stream: zmq.Stream): Promise<void> {
  for await (const [id, data] of stream) await stream.send([id, data]);
}

export function watch(socket: zmq.Socket, log: (line: string) => void): void {
  const events: zmq.Observer = socket.events;
  const bound = (event: zmq.EventOfType<'bind'>): void => log(event.address);
  events.on('bind', bound).off('bind', bound);
  events.on('connect:retry', ({ interval, address }) => log(`${address} in ${interval.toFixed()} ms`));
  events.on('handshake:error:auth', ({ error, address }) => {
    const status: 300 | 400 | 500 = error.status;
    log(`${address}: ${status} ${error.message}`);
  });
  events.on('handshake:error:protocol', ({ error }) => log(error.code));
}

export async function read(socket: zmq.Socket): Promise<zmq.EventType[]> {
  const seen: zmq.EventType[] = [];
  for await (const event of socket.events) {
    seen.push(event.type);
    if (event.type === 'bind:error' || event.type === 'accept:error') {
      const { code, errno }: { code: string; errno: number } = event.error;
      throw new Error(`${event.address} ${code} ${errno}`);
    }
  }
  const next: zmq.Event = await socket.events.receive();
  return socket.events.closed ? seen : [...seen, next.type];
}

export async function proxy(): Promise<void> {
  const between = new zmq.Proxy(new zmq.Router(), new zmq.Dealer());
  const { frontEnd, backEnd }: { frontEnd: zmq.Router; backEnd: zmq.Dealer } = between;
  await frontEnd.bind('tcp://*:3001');
  backEnd.bindSync('ipc:///tmp/back');
  const done: Promise<void> = between.run();
  between.pause();
  between.resume();
  between.terminate();
  await done;
}

export function about(socket: zmq.Socket): string {
  const { ipc, curve, draft, gssapi, norm, pgm, tipc } = zmq.capability;
  const mechanism: null | 'plain' | 'curve' | 'gssapi' = socket.securityMechanism;
  const kind: number = socket.type;
  const end: string | null = socket.lastEndpoint;
  zmq.context.threadPriority = 4;
  zmq.context.threadSchedulingPolicy = 1;
  const limit: number = zmq.context.maxSocketsLimit;
  const flags = [
    ipc,
    curve,
    draft,
    gssapi,
    norm,
    pgm,
    tipc,
    socket.threadSafe,
    socket.readable,
    socket.writable,
  ];
  return `${zmq.version} ${mechanism} ${kind} ${end} ${limit} ${flags.join()}`;
}
