/** RFC 41, 48, 49, 51, 52: the socket types that are drafts in libzmq, all of messages of one frame. */
import { type Clause, may, must, otherwise, see, should } from './clause.ts';

const ONE_THREAD =
  'A socket belongs to the thread that made it. Within it, sends and receives that overlap are queued, and each is of a whole message.';
const READ_STAYS = 'What has arrived is delivered, as with every other socket type, and as libzmq does.';

const oneFrame = (name: string): Clause =>
  must(
    name,
    see('unit/patterns/single', 'takes one frame, in a list or not, and refuses more and none'),
    see('unit/patterns/addressed', 'refuses what is for nobody, and what has more than one frame'),
  );

export const rfc41: readonly Clause[] = [
  must('RFC 41 CLIENT: passes messages as they are'),
  must('RFC 41 CLIENT: queues for an endpoint that it connects to before anybody is there'),
  must('RFC 41 CLIENT: discards what is queued for a peer that had connected and leaves'),
  should('RFC 41 CLIENT: limits its queues by options'),
  must('RFC 41 CLIENT: deals messages out round robin'),
  must('RFC 41 CLIENT: waits, or fails, when no peer has room, and takes no more messages'),
  must(
    'RFC 41 CLIENT: does not discard what it can not queue',
    see('unit/patterns/single', 'waits at the mark'),
  ),
  oneFrame('RFC 41 CLIENT: sends no message of several frames'),
  must('RFC 41 CLIENT: receives from its peers in fair turns'),
  must('RFC 41 CLIENT: discards messages of several frames'),
  otherwise('MUST', 'RFC 41: is used from any thread', ONE_THREAD),
  must('RFC 41 SERVER: passes messages as they are'),
  must('RFC 41 SERVER: knows each peer by a number of its own that is not 0'),
  must(
    'RFC 41 SERVER: does not let a peer choose its number',
    see('unit/patterns/addressed', 'gives peers numbers of its own, whatever they call themselves'),
  ),
  must('RFC 41 SERVER: receives from its peers in fair turns'),
  must('RFC 41 SERVER: discards messages of several frames'),
  must('RFC 41 SERVER: sends to the peer whose number is given'),
  must('RFC 41 SERVER: fails for a number that nobody has'),
  must(
    'RFC 41 SERVER: waits when the queue of the peer is full, and discards nothing',
    see('unit/patterns/addressed', 'waits for room, and drops nothing'),
  ),
  oneFrame('RFC 41 SERVER: sends no message of several frames'),
];

export const rfc48: readonly Clause[] = [
  must('RFC 48 RADIO: sends to all DISH sockets that joined exactly the group'),
  must('RFC 48 RADIO: only sends'),
  must('RFC 48 RADIO: passes messages as they are'),
  must('RFC 48 RADIO: follows JOIN and LEAVE commands of dishes, and does not deliver them'),
  must('RFC 48 RADIO: discards messages that dishes send'),
  must(
    'RFC 48 RADIO: drops for a dish whose queue is full, and does not block on sending',
    see('unit/patterns/radio-dish', 'drops and counts what a peer has no room for; the others get it'),
  ),
  must(
    'RFC 48 RADIO: discards what is queued for a dish that leaves',
    see('unit/patterns/radio-dish', 'forgets who leaves a group, the connection, or for good'),
  ),
  must(
    'RFC 48 RADIO: sends no message of several frames',
    see('unit/patterns/radio-dish', 'refuses a message of several frames'),
  ),
  must('RFC 48 DISH: has any number of RADIO peers, and only receives'),
  must('RFC 48 DISH: joins and leaves by JOIN and LEAVE commands'),
  must('RFC 48 DISH: takes messages of a group frame and a body, and gives the group with the body'),
  must('RFC 48 DISH: receives from its radios in fair turns'),
  may('RFC 48 DISH: filters what it receives by group'),
  must(
    'RFC 48 DISH: discards messages that are no group and one body',
    see('unit/patterns/radio-dish', 'drops and counts what is not a group and a body'),
  ),
  otherwise('MUST', 'RFC 48 DISH: discards what it has of a radio that left', READ_STAYS),
  otherwise(
    'MUST',
    'RFC 48 DISH: discards messages when the queue for a radio is full',
    'A full receiver stops reading from the radio, which then drops, as with PUB and SUB.',
  ),
  must(
    'RFC 48: has groups of at most 255 octets, none of them zero',
    see('unit/patterns/radio-dish', 'ends at a zero octet, and has at most 255 octets'),
    see('unit/patterns/radio-dish', 'refuses a peer that joins a group of more than 255 octets'),
  ),
  otherwise('MUST', 'RFC 48: is used from any thread', ONE_THREAD),
];

export const rfc49: readonly Clause[] = [
  must('RFC 49 SCATTER: passes messages as they are, and only sends'),
  must('RFC 49 SCATTER: queues for an endpoint that it connects to before anybody is there'),
  must('RFC 49 SCATTER: discards what is queued for a peer that had connected and leaves'),
  should('RFC 49 SCATTER: limits its queues by options'),
  must('RFC 49 SCATTER: deals messages out round robin'),
  must('RFC 49 SCATTER: waits, or fails, when no peer has room, and takes no more messages'),
  must(
    'RFC 49 SCATTER: does not discard what it can not queue',
    see('unit/patterns/single', 'waits at the mark'),
  ),
  oneFrame('RFC 49 SCATTER: sends no message of several frames'),
  must('RFC 49 GATHER: passes messages as they are, and only receives'),
  must('RFC 49 GATHER: receives from its peers in fair turns'),
  must('RFC 49 GATHER: discards messages of several frames'),
  otherwise('MUST', 'RFC 49 GATHER: discards what it has of a peer that left', READ_STAYS),
  otherwise('MUST', 'RFC 49: is used from any thread', ONE_THREAD),
];

export const rfc51: readonly Clause[] = [
  may('RFC 51 PEER: has any number of PEER peers, sends and receives in any order'),
  must('RFC 51 PEER: passes messages as they are'),
  must('RFC 51 PEER: knows each peer by a number of its own that is not 0'),
  must('RFC 51 PEER: connects and tells the number of that peer in one step'),
  must(
    'RFC 51 PEER: does not let a peer choose its number',
    see('unit/patterns/addressed', 'gives peers numbers of its own, whatever they call themselves'),
  ),
  must('RFC 51 PEER: receives from its peers in fair turns'),
  must('RFC 51 PEER: discards messages of several frames'),
  must('RFC 51 PEER: fails for a number that nobody has'),
  must(
    'RFC 51 PEER: waits when the queue of the peer is full, and discards nothing',
    see('unit/patterns/addressed', 'waits for room, and drops nothing'),
  ),
  oneFrame('RFC 51 PEER: sends no message of several frames'),
];

export const rfc52: readonly Clause[] = [
  must('RFC 52 CHANNEL: has one peer at most', see('unit/patterns/single', 'has one peer at a time')),
  may('RFC 52 CHANNEL: sends and receives in any order'),
  must('RFC 52 CHANNEL: passes messages as they are'),
  must('RFC 52 CHANNEL: queues for an endpoint that it connects to before anybody is there'),
  must('RFC 52 CHANNEL: discards what is queued for a peer that had connected and leaves'),
  should('RFC 52 CHANNEL: limits its queues by options'),
  must('RFC 52 CHANNEL: waits, or fails, when it has no peer, and takes no more messages'),
  must(
    'RFC 52 CHANNEL: does not discard what it can not queue',
    see('unit/patterns/single', 'waits at the mark'),
  ),
  oneFrame('RFC 52 CHANNEL: sends no message of several frames'),
  must('RFC 52 CHANNEL: discards messages of several frames'),
  otherwise('MUST', 'RFC 52: is used from any thread', ONE_THREAD),
];
