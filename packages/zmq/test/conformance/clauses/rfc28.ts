/** RFC 28: REQ, REP, DEALER, ROUTER. */
import { type Clause, may, must, otherwise, see, should } from './clause.ts';

export const rfc28: readonly Clause[] = [
  may('RFC 28 REQ: has any number of REP and ROUTER peers'),
  must('RFC 28 REQ: sends and receives in turn, one message at a time'),
  must('RFC 28 REQ: puts an empty delimiter in front of a request'),
  must('RFC 28 REQ: asks its peers round robin'),
  must(
    'RFC 28 REQ: waits, or fails, when it has no peer',
    see('behaviour/reqrep', 'a REQ without a peer waits, and fails with EAGAIN when the time is up'),
  ),
  must(
    'RFC 28 REQ: does not discard what it can not send',
    see('unit/patterns/reqrep', 'waits when there is no room, in the state that it was in'),
  ),
  must('RFC 28 REQ: takes a reply only from the peer that it asked last, and discards what others send'),

  may('RFC 28 REP: has any number of REQ and DEALER peers'),
  must('RFC 28 REP: passes requests and replies as they are'),
  must('RFC 28 REP: receives and sends in turn, one message at a time'),
  must('RFC 28 REP: takes requests from its peers in fair turns'),
  must('RFC 28 REP: takes off the envelope with its delimiter, and puts it back before the reply'),
  must('RFC 28 REP: gives the reply to the peer that asked'),
  must(
    'RFC 28 REP: discards the reply when the peer that asked has gone',
    see('behaviour/reqrep', 'drops a reply whose asker is gone, and goes on'),
  ),
  must(
    'RFC 28 REP: does not block on sending',
    see('unit/patterns/reqrep', 'drops and counts the answer to who is full, and goes on'),
  ),

  may('RFC 28 DEALER: has any number of REP and ROUTER peers, and sends and receives at will'),
  must('RFC 28 DEALER: passes messages as they are'),
  must('RFC 28 DEALER: has a queue in each direction for each peer'),
  must('RFC 28 DEALER: queues for an endpoint that it connects to before anybody is there'),
  must('RFC 28 DEALER: discards what is queued for a peer that had connected and leaves'),
  should('RFC 28 DEALER: limits its queues by options'),
  must(
    'RFC 28 DEALER: gives messages only to peers with room',
    see('unit/patterns/pipeline', 'leaves out who is full, until told of room'),
    see('behaviour/flow', 'a send that waits for a full peer which leaves goes to the next peer'),
  ),
  must('RFC 28 DEALER: deals messages out round robin'),
  must('RFC 28 DEALER: waits, or fails, when no peer has room, and takes no more messages'),
  must(
    'RFC 28 DEALER: does not discard what it can not queue',
    see('behaviour/flow', 'makes the sender wait for a receiver that does not read, and loses nothing'),
  ),
  must('RFC 28 DEALER: receives from its peers in fair turns'),

  may('RFC 28 ROUTER: has any number of REQ, DEALER and ROUTER peers'),
  must(
    'RFC 28 ROUTER: has a queue in each direction for each peer',
    see('unit/patterns/router', 'drops and counts at the mark, for the peer that is full alone'),
  ),
  must('RFC 28 ROUTER: queues for an endpoint that it connects to before anybody is there'),
  must('RFC 28 ROUTER: discards what is queued for a peer that had connected and leaves'),
  must('RFC 28 ROUTER: knows each peer by an identity of its own'),
  should('RFC 28 ROUTER: takes the identity that a peer announces'),
  should('RFC 28 ROUTER: limits its queues by options'),
  must('RFC 28 ROUTER: receives from its peers in fair turns'),
  must('RFC 28 ROUTER: puts the identity of the sender in front of each message'),
  must('RFC 28 ROUTER: takes the first frame off a message and sends it to the peer of that name'),
  must('RFC 28 ROUTER: discards messages to unknown peers, or fails with mandatory'),
  must(
    'RFC 28 ROUTER: discards messages to a peer that is full, or fails with mandatory',
    see('behaviour/peers', 'ROUTER drops what a full peer has no room for, and counts it'),
    see('behaviour/router', 'mandatory: waits while the peer is full, EAGAIN when the time is up'),
  ),
  must(
    'RFC 28 ROUTER: does not block on sending',
    see('unit/patterns/router', 'drops and counts at the mark, for the peer that is full alone'),
  ),
  otherwise(
    'MUST',
    'RFC 28 REQ: blocks on sending only as long as there is no peer',
    'A REQ has one request at a time: when the one before is unanswered, `send` fails with EFSM and does not wait.',
  ),
];
