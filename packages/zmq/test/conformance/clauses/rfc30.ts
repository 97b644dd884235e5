/** RFC 30 and 31: PUSH, PULL, PAIR. */
import { type Clause, may, must, otherwise, see, should } from './clause.ts';

export const rfc30: readonly Clause[] = [
  must('RFC 30 PUSH: has any number of PULL peers, and only sends'),
  must('RFC 30 PUSH: passes messages as they are'),
  must('RFC 30 PUSH: has a queue for each peer', see('unit/patterns/pipeline', 'shares messages one by one')),
  must('RFC 30 PUSH: queues for an endpoint that it connects to before anybody is there'),
  must('RFC 30 PUSH: discards what is queued for a peer that had connected and leaves'),
  should('RFC 30 PUSH: limits its queues by options'),
  must(
    'RFC 30 PUSH: gives messages only to peers with room',
    see(
      'unit/patterns/pipeline',
      'has no room when all peers are at their marks, and goes on when one is not',
    ),
  ),
  must('RFC 30 PUSH: deals messages out round robin'),
  must('RFC 30 PUSH: waits, or fails, when no peer has room, and takes no more messages'),
  must(
    'RFC 30 PUSH: does not discard what it can not queue',
    see('behaviour/flow', 'makes the sender wait for a receiver that does not read, and loses nothing'),
  ),

  must('RFC 30 PULL: has any number of PUSH peers, and only receives'),
  must('RFC 30 PULL: passes messages as they are'),
  must(
    'RFC 30 PULL: has a queue for each peer',
    see('unit/patterns/pipeline', 'stops a peer at the mark, and lets it go on at half of it'),
  ),
  must('RFC 30 PULL: receives from an endpoint that it connected to before anybody was there'),
  otherwise(
    'MUST',
    'RFC 30 PULL: discards what it has of a peer that had connected and leaves',
    'What has arrived is delivered, as libzmq does: a peer that sends and ends is no loss.',
  ),
  should(
    'RFC 30 PULL: limits its queues by options',
    see('behaviour/flow', 'makes the sender wait for a receiver that does not read, and loses nothing'),
  ),
  must('RFC 30 PULL: receives from its peers in fair turns'),
];

export const rfc31: readonly Clause[] = [
  must(
    'RFC 31 PAIR: has one peer at most',
    see('behaviour/pair', 'has no ear for a second peer while it has one'),
    see('behaviour/pair', 'takes a new peer when the first one is gone'),
  ),
  may('RFC 31 PAIR: sends and receives at will'),
  must('RFC 31 PAIR: passes messages as they are'),
  must('RFC 31 PAIR: queues for an endpoint that it connects to before anybody is there'),
  must('RFC 31 PAIR: discards what is queued for a peer that had connected and leaves'),
  should('RFC 31 PAIR: limits its queues by options'),
  must(
    'RFC 31 PAIR: takes its peer as available only while that has room',
    see('unit/patterns/pair', 'waits at the mark'),
  ),
  must('RFC 31 PAIR: waits, or fails, when it has no peer, and takes no more messages'),
  must(
    'RFC 31 PAIR: does not discard what it can not queue',
    see('unit/patterns/pair', 'moves runs as far as there is room'),
  ),
];
