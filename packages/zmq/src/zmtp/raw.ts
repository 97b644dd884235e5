/**
 * A peer that speaks no ZMTP (the STREAM socket type): what arrives becomes messages of one frame, cut wherever the
 * chunks are cut, and of what is sent only the bodies leave. There is no handshake, and nothing can go wrong.
 */
import { allocate } from '../bytes/view.ts';
import { COMMAND, frameEnd, frameLength, HEADER_MAX, LONG, writeHeader } from './frame.ts';
import type { Verdict } from './mechanism/mechanism.ts';
import type { OutboxSink, PeerEvents, WirePeer } from './peer.ts';

const NOTHING = Buffer.alloc(0);

export class RawPeer implements WirePeer {
  /** Means nothing here: whoever receives octets gets them as they come. */
  maxMessageSize = -1;
  readonly #events: PeerEvents;

  constructor(events: PeerEvents) {
    this.#events = events;
  }

  open(): void {
    // ZMTP 3.0 has no heartbeats, and neither has this.
    this.#events.ready({ socketType: 'STREAM', routingId: NOTHING, minor: 0, metadata: new Map() });
  }

  receive(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    const bytes = allocate(frameLength(chunk.length));
    bytes.set(chunk, writeHeader(bytes, 0, 0, chunk.length));
    this.#events.messages(bytes, 0, bytes.length, 1);
  }

  decide(_verdict: Verdict): void {}

  sink(connection: OutboxSink): OutboxSink {
    return {
      keepsBuffers: connection.keepsBuffers,
      write: (parts) => connection.write(bodies(parts)),
    };
  }

  close(): void {}
}

/** The bodies of the frames in `parts`, which begin with a frame and hold whole ones: views. */
function bodies(parts: readonly Uint8Array[]): Uint8Array[] {
  const found: Uint8Array[] = [];
  // Octets of a body that go on in the next part: a large one is a part of its own behind its header.
  let left = 0;
  for (const part of parts) {
    let at = 0;
    while (at < part.length) {
      if (left === 0) {
        const flags = part[at]!;
        const header = flags & LONG ? HEADER_MAX : 2;
        left = frameEnd(part, at) - at - header;
        at += header;
        if (flags & COMMAND) {
          at += left;
          left = 0;
        }
        continue;
      }
      const taken = Math.min(left, part.length - at);
      found.push(part.subarray(at, at + taken));
      left -= taken;
      at += taken;
    }
  }
  return found;
}
