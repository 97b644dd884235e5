/** RFC 45: ZWS 2.0, ZMTP over WebSocket. */
import { type Clause, may, must, otherwise, see, should } from './clause.ts';

export const rfc45: readonly Clause[] = [
  must('RFC 45: a client offers at least one subprotocol, that of its mechanism first'),
  must('RFC 45: a client asks for the host and path of its endpoint'),
  must(
    'RFC 45: a server chooses a subprotocol of the client, and turns away one that it has none in common with',
  ),
  must(
    'RFC 45: a server takes the subprotocols of its own mechanism only',
    see('unit/zmtp/zws', 'are chosen by the mechanism, in the order of the client'),
  ),
  must('RFC 45: sends each frame as one binary message: a flags octet, then the body'),
  must('RFC 45: takes binary messages only'),
  must('RFC 45: with NULL, both sides begin with READY as a command'),
  must('RFC 45: without a mechanism, both sides begin with their routing id as a message'),
  must('RFC 45: a subscription is a message of 1 and the topic, its end one of 0 and the topic'),
  may('RFC 45: a heartbeat is a WebSocket ping'),
  should(
    'RFC 45: checks the socket type of the peer against the legal pairs',
    see('unit/zmtp/handshake', 'lets exactly the pairs of the RFCs talk'),
  ),
  otherwise(
    'MAY',
    'RFC 45: has the mechanism BEARER',
    'The RFC says that there is no specification of it yet.',
  ),
];
