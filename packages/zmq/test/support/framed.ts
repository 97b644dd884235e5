/** A transport that carries ZMTP frames as one of octets: whatever is written goes as the body of a frame, and comes out of it. */

import { writeU64 } from '../../src/bytes/u64.ts';
import type {
  Connection,
  ConnectionHandler,
  Transport,
  TransportOptions,
} from '../../src/transport/transport.ts';
import { HEADER_MAX, LONG } from '../../src/zmtp/frame.ts';

/** `options` are laid over those of each call. */
export function framed(transport: Transport, options: Partial<TransportOptions>): Transport {
  return {
    listen: (endpoint, given, accept, onError) =>
      transport.listen(endpoint, { ...given, ...options }, (inner) => accept(wrap(inner)), onError),
    dial: (endpoint, given, done) =>
      transport.dial(endpoint, { ...given, ...options }, (error, inner) =>
        done(error, inner === null ? null : wrap(inner)),
      ),
  };
}

function wrap(inner: Connection): Connection {
  return {
    remote: inner.remote,
    local: inner.local,
    keepsBuffers: inner.keepsBuffers,
    start(handler) {
      inner.admitted?.();
      inner.start(unwrap(handler));
    },
    write: (parts) =>
      inner.write(parts.filter(({ length }) => length > 0).flatMap((part) => [header(part.length), part])),
    pause: () => inner.pause(),
    resume: () => inner.resume(),
    endWriting: () => inner.endWriting(),
    end: () => inner.end(),
    destroy: () => inner.destroy(),
  };
}

function header(size: number): Buffer {
  const bytes = Buffer.alloc(HEADER_MAX);
  bytes[0] = LONG;
  writeU64(bytes, 1, size);
  return bytes;
}

/** As many calls as chunks: a handler that pauses gets what the chunk has. */
function unwrap(handler: ConnectionHandler): ConnectionHandler {
  let head = Buffer.alloc(0);
  let missing = 0;
  return {
    onData(chunk) {
      const bodies: Uint8Array[] = [];
      for (let at = 0; at < chunk.length; ) {
        if (missing > 0) {
          const end = Math.min(at + missing, chunk.length);
          bodies.push(chunk.subarray(at, end));
          missing -= end - at;
          at = end;
          continue;
        }
        head = Buffer.concat([head, chunk.subarray(at, ++at)]);
        const long = (head[0]! & LONG) !== 0;
        if (head.length < (long ? HEADER_MAX : 2)) continue;
        missing = long ? Number(head.readBigUInt64BE(1)) : head[1]!;
        head = Buffer.alloc(0);
      }
      if (bodies.length > 0) handler.onData(bodies.length === 1 ? bodies[0]! : Buffer.concat(bodies));
    },
    onDrain: () => handler.onDrain(),
    onEnd: () => handler.onEnd(),
    onClose: (error) => handler.onClose(error),
  };
}
