/** RFC 29: PUB, XPUB, SUB, XSUB. */
import { type Clause, may, must, otherwise, see, should } from './clause.ts';

const READ_STAYS =
  'What has arrived is delivered, also when its publisher has left, as libzmq does: a publisher that sends and ends is no loss.';
const HELD_UP =
  'A full receiver stops reading from the publisher, which then drops, as with libzmq: the drop is counted once, where it can be seen.';

export const rfc29: readonly Clause[] = [
  must('RFC 29 PUB: has any number of SUB and XSUB subscribers, and only sends'),
  must(
    'RFC 29 PUB: has a queue for each subscriber',
    see('unit/patterns/publish', 'drops and counts for the peer that is full alone'),
  ),
  otherwise(
    'MUST',
    'RFC 29 PUB: queues for a subscriber that it connects to before anybody is there',
    'Filtering is done by the publisher: who has not subscribed yet wants nothing, so there is nothing to queue. libzmq does the same.',
  ),
  must('RFC 29 PUB: discards what is queued for a subscriber that leaves'),
  should(
    'RFC 29 PUB: limits its queues by options',
    see('behaviour/flow', 'PUB throws away what a full subscriber has no room for, in whole messages'),
  ),
  must('RFC 29 PUB: discards messages that subscribers send'),
  must('RFC 29 PUB: passes messages as they are'),
  otherwise(
    'MAY',
    'RFC 29 PUB: sends all messages to all subscribers',
    'Each transport here carries subscriptions, so only what matches is sent.',
  ),
  may('RFC 29 PUB: sends only what a subscriber has asked for'),
  must('RFC 29 PUB: compares subscriptions with the start of the first frame, octet by octet'),
  must(
    'RFC 29 PUB: drops for a subscriber whose queue is full',
    see('behaviour/flow', 'PUB throws away what a full subscriber has no room for, in whole messages'),
    see(
      'interop/pubsub',
      'a subscriber that does not read misses whole messages, and the publisher never waits',
    ),
  ),
  must(
    'RFC 29 PUB: does not block on sending',
    see('behaviour/pubsub', 'sends to nobody without waiting'),
    see(
      'interop/pubsub',
      'a subscriber that does not read misses whole messages, and the publisher never waits',
    ),
  ),
  must('RFC 29 PUB: follows subscribe and unsubscribe requests, and does not deliver them'),

  may('RFC 29 XPUB: has any number of SUB and XSUB subscribers, sends and receives'),
  must('RFC 29 XPUB: has a queue in each direction for each subscriber'),
  otherwise(
    'MUST',
    'RFC 29 XPUB: queues for a subscriber that it connects to before anybody is there',
    'As for PUB: who has not subscribed yet wants nothing.',
  ),
  must('RFC 29 XPUB: discards what is queued for a subscriber that leaves'),
  should(
    'RFC 29 XPUB: limits its queues by options',
    see('behaviour/xpubsub', 'noDrop: says EAGAIN where it would drop, and nothing is missing'),
    see('unit/patterns/publish', 'stops a peer that has too much to say'),
  ),
  must('RFC 29 XPUB: passes messages as they are'),
  may('RFC 29 XPUB: sends only what a subscriber has asked for'),
  must('RFC 29 XPUB: compares subscriptions with the start of the first frame, octet by octet'),
  must(
    'RFC 29 XPUB: drops for a subscriber whose queue is full, and does not block on sending',
    see('unit/patterns/publish', 'drops and counts for the peer that is full alone'),
  ),
  must('RFC 29 XPUB: receives from its subscribers in fair turns'),
  must('RFC 29 XPUB: delivers subscribe and unsubscribe requests'),
  may(
    'RFC 29 XPUB: delivers the same subscription of several once, or each, by option',
    see('behaviour/xpubsub', 'verbosity allSubs: shows every subscribe, and the last unsubscribe'),
    see('behaviour/xpubsub', 'verbosity allSubsUnsubs: shows everything'),
  ),
  must('RFC 29 XPUB: delivers an unsubscribe request for a subscriber that left without one'),

  must('RFC 29 SUB: has any number of PUB and XPUB publishers, and only receives'),
  must(
    'RFC 29 SUB: has a queue for each publisher',
    see('unit/patterns/subscribe', 'stops a publisher at the mark'),
  ),
  must('RFC 29 SUB: subscribes at a publisher that it connected to before that was there'),
  otherwise('MUST', 'RFC 29 SUB: discards what it has of a publisher that left', READ_STAYS),
  should(
    'RFC 29 SUB: limits its queues by options',
    see('unit/patterns/subscribe', 'stops a publisher at the mark'),
  ),
  otherwise('MUST', 'RFC 29 SUB: discards messages when the queue for a publisher is full', HELD_UP),
  must('RFC 29 SUB: receives from its publishers in fair turns'),
  must('RFC 29 SUB: passes messages as they are'),
  may('RFC 29 SUB: filters what it receives by prefix'),
  may(
    'RFC 29 SUB: sends subscribe and unsubscribe requests to publishers',
    see('behaviour/wire', 'subscriptions: a command for ZMTP 3.1, a message for 3.0'),
  ),

  may('RFC 29 XSUB: has any number of PUB and XPUB publishers, sends and receives'),
  must('RFC 29 XSUB: has a queue in each direction for each publisher'),
  must('RFC 29 XSUB: subscribes at a publisher that it connected to before that was there'),
  otherwise('MUST', 'RFC 29 XSUB: discards what it has of a publisher that left', READ_STAYS),
  should(
    'RFC 29 XSUB: limits its queues by options',
    see('unit/patterns/subscribe', 'stops a publisher at the mark'),
  ),
  must('RFC 29 XSUB: passes messages as they are'),
  otherwise('MUST', 'RFC 29 XSUB: discards messages when the queue for a publisher is full', HELD_UP),
  must('RFC 29 XSUB: receives from its publishers in fair turns'),
  otherwise(
    'MAY',
    'RFC 29 XSUB: filters what it receives by prefix',
    'An XSUB is for forwarding and leaves that to the publisher, as libzmq does.',
  ),
  must('RFC 29 XSUB: sends messages to all its publishers, as they are'),
  must(
    'RFC 29 XSUB: drops for a publisher whose queue is full, and does not block on sending',
    see('unit/patterns/subscribe', 'sends other messages to every publisher that is there'),
  ),
  must('RFC 29 XSUB: takes subscriptions from the application and sends them to publishers'),
  otherwise(
    'SHOULD',
    'RFC 29 XSUB: sends unsubscribe requests before it closes a connection',
    'The publisher forgets the subscriptions of a connection with it, and an XPUB tells its application so; libzmq sends none either.',
  ),
];
