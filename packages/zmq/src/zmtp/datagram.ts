/**
 * Peers that can't be seen: whoever is at the other end of a UDP socket. For DGRAM a message is an address and a datagram;
 * for RADIO and DISH a datagram is the length of the group, the group, the body, as libzmq sends them. There is no
 * handshake, nobody says what he joined, and nobody knows what arrived.
 */
import { COMMAND, decodeMessage, encodeFrame, frameEnd, MORE, messageEnd } from './frame.ts';
import type { PeerEvents, WirePeer } from './peer.ts';
import type { WireSocketType } from './sockets.ts';

const NOTHING = Buffer.alloc(0);

export function datagramPeer(type: WireSocketType, events: PeerEvents): WirePeer {
  const raw = type === 'DGRAM';
  return {
    // A datagram is small.
    maxMessageSize: -1,
    open() {
      const socketType = raw ? 'DGRAM' : type === 'RADIO' ? 'DISH' : 'RADIO';
      events.ready({ socketType, routingId: NOTHING, minor: 0, metadata: new Map(), silent: true });
    },
    /** One datagram, behind the address that it is from with its length. */
    receive(chunk) {
      let [first, second] = split(chunk)!;
      if (!raw) {
        const parts = split(second);
        // Not from a RADIO: anybody may send datagrams.
        if (parts === null) return;
        [first, second] = parts;
      }
      const run = Buffer.concat([encodeFrame(MORE, first), encodeFrame(0, second)]);
      events.messages(run, 0, run.length, 1);
    },
    decide() {},
    sink: (connection) => ({
      keepsBuffers: false,
      write: (parts) => connection.write(datagrams(parts, raw)),
    }),
    close() {},
  };
}

/** What has its length in front, and what is behind it. */
function split(bytes: Uint8Array): [Uint8Array, Uint8Array] | null {
  const end = bytes.length === 0 ? 1 : 1 + bytes[0]!;
  return end > bytes.length ? null : [bytes.subarray(1, end), bytes.subarray(end)];
}

/** Pairs of an address (none for a group) and a datagram. Commands have nowhere to go. */
function datagrams(parts: readonly Uint8Array[], raw: boolean): Uint8Array[] {
  // A copy: the batch is written again while datagrams are on their way.
  const bytes = Buffer.concat(parts);
  const found: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const command = (bytes[at]! & COMMAND) !== 0;
    const next = command ? frameEnd(bytes, at) : messageEnd(bytes, at);
    const [first, second] = decodeMessage(bytes, at, next);
    if (raw) found.push(first!, second!);
    else if (!command) found.push(NOTHING, Buffer.concat([Buffer.of(first!.length), first!, second!]));
    at = next;
  }
  return found;
}
