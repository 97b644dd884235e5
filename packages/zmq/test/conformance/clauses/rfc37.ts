/** RFC 37 and 23: ZMTP 3.1 and 3.0 on the wire, with the NULL mechanism. */
import { type Clause, may, must, otherwise, see, should } from './clause.ts';

export const rfc37: readonly Clause[] = [
  must('RFC 37: sends signature and version unasked, with a padding of zeros'),
  must('RFC 37: sends a greeting of 64 octets, the mechanism filled up with zeros, as-server 0 for NULL'),
  must('RFC 37: does not look at the padding of the signature'),
  must('RFC 37: takes higher versions, and speaks its own to them'),
  may(
    'RFC 37: speaks ZMTP 3.0 to a peer of 3.0',
    see('behaviour/wire', 'subscriptions: a command for ZMTP 3.1, a message for 3.0'),
  ),
  must('RFC 37: closes on a peer of a version that it can not speak'),
  must('RFC 37: sends its whole greeting also to a peer whose mechanism differs, and closes'),
  should(
    'RFC 37: writes commands of up to 255 octets in the short form, longer ones in the long',
    see('unit/zmtp/codec', 'of … octets is encoded as the RFC says'),
  ),
  must('RFC 37: takes an ERROR in the handshake as the end of the connection'),
  must(
    'RFC 37: does not come again at once with credentials that an ERROR has refused',
    see('behaviour/refusal', 'waits … ms at once with …'),
    see('interop/zap', 'does not storm the server that refused it'),
  ),
  should('RFC 37: takes an unexpected close as a fault that passes, and connects again'),
  should(
    'RFC 37: answers other faults by closing',
    see('behaviour/badinput', '… ends the connection with …'),
    see('behaviour/badinput', '… is refused with …'),
  ),
  must('RFC 37: sets no reserved bit, and no MORE on a command'),
  must(
    'RFC 37: writes frames of up to 255 octets short, longer ones long, and takes both forms',
    see('behaviour/wire', 'frames: short up to 255 octets, long from 256'),
    see('behaviour/badinput', 'a short message in the long form, and reserved bits, are taken'),
  ),
  must(
    'RFC 37: sends and delivers whole messages or nothing',
    see('behaviour/badinput', 'half a message before the connection ends is not delivered'),
    see('behaviour/messages', 'never mixes the frames of several senders'),
    see('interop/reconnect', 'cut again and again: whole messages, none twice'),
  ),
  must('RFC 37: with NULL, sends READY and takes that of the peer'),
  may('RFC 37: with NULL, takes messages right behind READY', see('unit/zmtp/handshake', 'takes …')),
  must(
    'RFC 37: refuses a property without a name, and sizes that lead out',
    see('unit/zmtp/handshake', 'ends with … after …'),
  ),
  must('RFC 37: takes names of properties in any case, and values without an octet'),
  should('RFC 37: says its socket type', see('behaviour/wire', '… says its type…')),
  should(
    'RFC 37: checks the socket type of the peer against the legal pairs',
    see('unit/zmtp/handshake', 'lets exactly the pairs of the RFCs talk'),
    see('interop/refused', 'a … refuses every type but …'),
  ),
  otherwise(
    'SHOULD',
    'RFC 37: tells a peer of a wrong socket type with an ERROR',
    'We close, as libzmq does, and report `peer:refused`: an ERROR says that the credentials are wrong and that trying again is no use.',
  ),
  may(
    'RFC 37: announces the identity of REQ, DEALER and ROUTER',
    see('behaviour/wire', 'a routing id is announced as the identity'),
  ),
  must(
    'RFC 37: has no identity that begins with a zero, nor one of more than 255 octets',
    see('unit/socket/options', 'routingId has at most 255 octets, and no zero in front'),
    see('unit/patterns/router', 'never lets a peer claim a generated name'),
  ),
  otherwise(
    'MAY',
    'RFC 37: announces a Resource',
    'libzmq has no use for it either; a Resource that a peer announces is taken and not looked at.',
  ),
  must('RFC 37: takes properties that it has no use for'),
  must(
    'RFC 37: binds and connects with every socket type',
    see('interop/pairs', 'messages of every shape and size'),
  ),
  must(
    'RFC 37: connects in the background, and again after a delay when the connection breaks',
    see('behaviour/reconnect', 'a server that refuses is tried until it accepts'),
    see('unit/socket/backoff', 'doubles with each failure up to the limit'),
  ),
  must(
    'RFC 37: delivers no message twice, and those of one peer in order',
    see('interop/reconnect', 'cut again and again: whole messages, none twice'),
    see('behaviour/reconnect', 'cut again and again: whole messages, in order, and the last one arrives'),
  ),
  must(
    'RFC 37: filters on the side of the publisher, by SUBSCRIBE and CANCEL of the subscriber',
    see('behaviour/wire', 'subscriptions: a command for ZMTP 3.1, a message for 3.0'),
    see('behaviour/wire', 'a publisher takes subscriptions in either form'),
  ),
  must(
    'RFC 37: counts subscriptions: two of one topic need two to be undone',
    see('behaviour/pubsub', 'counts subscriptions: twice subscribed needs twice unsubscribed'),
    see('interop/pubsub', 'subscriptions counts alike: twice in, once out, still in; once more, out'),
  ),
  must('RFC 37: answers a PING with a PONG of the same context, of up to 16 octets'),
  must(
    'RFC 37: ends a connection with a PING that is too short or whose context is too long',
    see('behaviour/badinput', '… ends the connection with …'),
  ),
  may(
    'RFC 37: tells in its PING a time-to-live in tenths of a second',
    see('behaviour/heartbeat', 'announces heartbeatTimeToLive in deciseconds'),
  ),
  should(
    'RFC 37: gives a peer up that is silent longer than the time-to-live that it told',
    see('behaviour/heartbeat', 'drops a peer that promised in its PING to speak again, and did not'),
  ),
  may(
    'RFC 37: gives a peer up that does not answer a PING',
    see('behaviour/heartbeat', 'a server drops a silent client'),
    see('interop/refused', 'a silent line is given up and made again'),
  ),
  should(
    'RFC 37: takes any traffic as a sign of life',
    see('behaviour/heartbeat', 'a peer that only talks is left alone too, until it stops'),
  ),
  should(
    'RFC 37: connects again after a heartbeat that failed',
    see('behaviour/heartbeat', 'a client drops a silent server and connects again'),
  ),
  must(
    'RFC 37: is not talked down to an older protocol or a weaker mechanism',
    see('interop/refused', 'a … client of libzmq is refused, the next NULL client is served'),
    see('unit/zmtp/greeting', 'refuses … with …'),
  ),
  may(
    'RFC 37: limits what a peer costs before its handshake has ended',
    see('behaviour/badpeers', 'a peer that … is given up after handshakeInterval'),
    see('behaviour/peers', 'maxPeers turns away the one too many, until there is room'),
    see('unit/zmtp/limits', 'a command may have 65,536 octets, and not one more'),
  ),
  otherwise(
    'SHOULD',
    'RFC 37: pads encrypted messages and sends noise while it is silent',
    'libzmq does neither; who must hide sizes and times does it in the messages.',
  ),
  otherwise(
    'MUST',
    'RFC 37: marks encrypted messages as commands',
    'libzmq sends CURVE MESSAGE with a flags octet of 0 and takes nothing else; so do we.',
  ),
];

export const rfc23: readonly Clause[] = [
  must('RFC 23: with NULL, sends READY without waiting for that of the peer'),
  must(
    'RFC 23: subscribes at a peer of 3.0 by messages of 1 or 0 and the topic',
    see('behaviour/wire', 'subscriptions: a command for ZMTP 3.1, a message for 3.0'),
    see('unit/patterns/subscribe', 'speaks ZMTP 3.0 to whom speaks nothing newer'),
  ),
  must(
    'RFC 23: takes such messages as subscriptions',
    see('behaviour/wire', 'a publisher takes subscriptions in either form'),
  ),
  must('RFC 23: sends no PING to a peer of 3.0', see('behaviour/wire', 'no PING for a peer of ZMTP 3.0')),
  otherwise(
    'MAY',
    'RFC 23: speaks ZMTP 1.0 and 2.0 to older peers',
    'They are refused with ERR_ZMTP_VERSION: there is nothing to be talked down to.',
  ),
];
