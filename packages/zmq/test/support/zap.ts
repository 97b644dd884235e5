/** ZAP handlers as users write them: a function, or a Router or Reply of either library. */
import * as zmq from '../../src/index.ts';
import type { Library, LooseSocket } from './libs.ts';
import type { Scope } from './scope.ts';

export const ZAP: string = 'inproc://zeromq.zap.01';

/** The frames after the delimiter. */
export type Frames = readonly (string | Uint8Array)[];

/** Lets in who has this name and password. */
export function knows(username: string, password: string): (frames: Frames) => Frames {
  return (frames) => {
    const [, id = '', , , , mechanism, name, word] = frames;
    const good = String(mechanism) === 'PLAIN' && String(name) === username && String(word) === password;
    return ['1.0', id, good ? '200' : '400', good ? 'OK' : 'who are you', good ? username : '', ''];
  };
}

export interface SocketHandler {
  readonly socket: LooseSocket;
  /** The requests so far. */
  readonly requests: Frames[];
}

/** Binds a Router that answers with what `answer` returns, until the test ends. Null: no answer. */
export async function handle(
  scope: Scope,
  library: Library,
  context: object,
  answer: (frames: Frames) => Frames | null,
): Promise<SocketHandler> {
  const socket = new library.sockets.Router({ context });
  scope.use(socket);
  const requests: Frames[] = [];
  await socket.bind(ZAP);
  const serve = async (): Promise<void> => {
    while (!socket.closed) {
      const [path, delimiter, ...frames] = await socket.receive();
      requests.push(frames);
      const reply = answer(frames);
      if (reply !== null) await socket.send([path!, delimiter!, ...reply]);
    }
  };
  serve().catch(() => {});
  return { socket, requests };
}

/** A context with this handler. */
export function contextWith(zapHandler: zmq.ZapHandler): zmq.Context {
  return new zmq.Context({ zapHandler });
}
