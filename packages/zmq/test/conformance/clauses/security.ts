/** RFC 24, 25, 26, 27, 32: PLAIN, CURVE, ZAP, Z85. */
import { type Clause, may, must, otherwise, see } from './clause.ts';

export const rfc24: readonly Clause[] = [
  must('RFC 24: a server lets in who has the right name and password, and learns nothing of others'),
  must('RFC 24: a client gets in with its name and password'),
  must('RFC 24: a client says HELLO with name and password, and INITIATE with its properties after WELCOME'),
  must('RFC 24: a server says WELCOME to a good HELLO, and READY with its properties after INITIATE'),
  must('RFC 24: a server answers a wrong password with an ERROR and closes'),
  must('RFC 24: a server takes commands in their order only'),
  must('RFC 24: carries messages as with NULL once the handshake has ended'),
  otherwise(
    'MUST',
    'RFC 24: fills command names up to 8 characters with blanks',
    'The grammar of the same RFC has the length in front of the name, and libzmq does that.',
  ),
];

export const rfc26: readonly Clause[] = [
  must('RFC 26: a server and a client with the right keys exchange messages of every size'),
  must('RFC 26: a client that has another key for the server does not get in'),
  must(
    'RFC 26: HELLO has 200 octets: version 1.0, padding of zeros, transient key, short nonce, signature box',
  ),
  must('RFC 26: a client has a new transient key for each connection'),
  must('RFC 26: a server closes on a HELLO that is malformed'),
  must('RFC 26: a client closes on a WELCOME that is malformed'),
  must('RFC 26: a server takes no INITIATE and no message before HELLO'),
  must('RFC 26: does not send anything that is not encrypted once READY is through'),
  must(
    'RFC 26: a client that was refused by an ERROR does not come again at once with the same keys',
    see('behaviour/refusal', 'waits … ms at once with …'),
  ),
  must(
    'RFC 26: WELCOME has 168 octets, INITIATE 257 and more, READY 30 and more',
    see('unit/zmtp/curve', 'has the sizes of RFC 26'),
  ),
  must(
    'RFC 26: goes HELLO, WELCOME, INITIATE, READY, and takes them in this order only',
    see('unit/zmtp/curve', 'goes HELLO, WELCOME, INITIATE, READY'),
    see('unit/zmtp/curve', 'refuses commands out of turn'),
  ),
  must(
    'RFC 26: nonces are a prefix and a number that grows, or a prefix and random octets',
    see('unit/zmtp/curve', 'are a prefix and a number, or a prefix and random octets'),
  ),
  must(
    'RFC 26: ends a connection on which an octet of the handshake was changed',
    see('unit/zmtp/curve', 'ends with … when octet … of … was changed'),
  ),
  must(
    'RFC 26: takes an INITIATE once, on the connection that its cookie was made for',
    see('unit/zmtp/curve', 'takes an INITIATE on the connection that it was made for only, and once'),
  ),
  must(
    'RFC 26: takes each short nonce once and in order, and ends the connection otherwise',
    see('unit/zmtp/curve-cipher', 'takes each nonce once, and in order'),
  ),
  must(
    'RFC 26: sends no more messages than there are nonces',
    see('unit/zmtp/curve-cipher', 'ends before a nonce would come twice'),
    see('unit/zmtp/curve-peer', 'end when the nonces are used up, instead of using one again'),
  ),
  must(
    'RFC 26: ends a connection on a MESSAGE that is malformed',
    see('unit/zmtp/curve-cipher', 'refuses what is no MESSAGE, and one that is too short'),
    see('unit/zmtp/curve-cipher', 'ends with a changed octet, wherever it is, after what came before'),
  ),
  must(
    'RFC 26: takes nothing in the clear after the handshake',
    see('unit/zmtp/curve-peer', 'take nothing in the clear after the handshake'),
  ),
  must(
    'RFC 26: a server tells a client that is refused by an ERROR, with the status',
    see('unit/zmtp/curve-peer', 'tell a refused client the status'),
  ),
  must(
    'RFC 26: keeps no key of a connection longer than that',
    see('unit/zmtp/curve', 'wipes the keys of the connection'),
    see('unit/zmtp/curve-cipher', 'wipes its key'),
  ),
  otherwise(
    'SHOULD',
    'RFC 26: keeps no state for a client between WELCOME and INITIATE',
    'A connection has state anyway; its transient key waits there for `handshakeInterval` at most. The cookie is checked all the same.',
  ),
];

export const rfc27: readonly Clause[] = [
  must(
    'RFC 27: asks whoever is bound to inproc://zeromq.zap.01, a REP or a ROUTER',
    see('behaviour/zap', 'a Router is asked with the frames of libzmq, and answers'),
    see('behaviour/zap', 'a Reply as well, for many clients, good ones and bad ones'),
  ),
  must(
    'RFC 27: a request has version, request id, domain, address, identity, mechanism and credentials',
    see('unit/zmtp/zap', 'has the frames of RFC 27 for each mechanism'),
    see('behaviour/zap', 'a Router is asked with the frames of libzmq, and answers'),
  ),
  must(
    'RFC 27: a reply has version, request id, status, text, user id and metadata; others are refused',
    see('unit/zmtp/zap', 'whatever the frames are: an answer or one of the five codes'),
    see('behaviour/zap', 'that answers with …: …'),
  ),
  must(
    'RFC 27: statuses 300, 400 and 500 do not let in',
    see('behaviour/zap', 'says …: both sides report it'),
    see('behaviour/zap', 'says 300: the client is told nothing, and sees the connection end'),
  ),
  may(
    'RFC 27: the user id and metadata of a 200 are known to us',
    see('unit/zmtp/zap', 'lets in, and says who it is'),
  ),
  must(
    'RFC 27: says nothing of a user for other statuses',
    see('unit/zmtp/zap', 'says nothing of somebody who is not let in'),
  ),
  must(
    'RFC 27: NULL has no credentials, PLAIN name and password, CURVE the key of 32 octets',
    see('unit/zmtp/zap', 'has the frames of RFC 27 for each mechanism'),
  ),
  must(
    'RFC 27: without a handler nobody is let in who has to be asked about',
    see('behaviour/zap', '…: …'),
    see(
      'behaviour/zap',
      'that is closed with a question open, or never answers, or is no handler: a 500, and the client is told nothing',
    ),
  ),
  otherwise(
    'MUST',
    'RFC 27: there is one handler in a process',
    'There is one in a context, as with libzmq; a context may have a function in its place, which is asked first.',
  ),
];

export const rfc32: readonly Clause[] = [
  must(
    'RFC 32: encodes the octets of the test case as its text',
    see('unit/bytes/z85', 'has the test case of RFC 32'),
  ),
  must(
    'RFC 32: takes texts of a multiple of 5 characters of its alphabet only, and no group over 2^32 - 1',
    see('unit/bytes/z85', 'is no Z85: another length, another character'),
  ),
  must('RFC 32: what is encoded comes back as it was', see('unit/bytes/z85', 'comes back as it was')),
];
