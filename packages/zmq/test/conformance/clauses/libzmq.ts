/** What libzmq's own test suite looks at, test by test: `libzmq NAME` is its tests/test_NAME.cpp. */
import { type Clause, libzmq, otherwise, see } from './clause.ts';

const NOT_OFFERED = 'An option that zeromq.js does not have; neither have we.';

export const behaviours: readonly Clause[] = [
  libzmq(
    'libzmq spec_req: round robin, delimiter, blocking, only the reply of who was asked',
    see('behaviour/reqrep', 'asks each REP in turn'),
  ),
  libzmq(
    'libzmq spec_rep: fair turns, the envelope is kept',
    see('behaviour/reqrep', 'keeps the whole envelope in a REP and puts it back'),
  ),
  libzmq(
    'libzmq spec_dealer: round robin, fair turns, queues that end with a peer',
    see('behaviour/router', 'deals the messages of a DEALER out in turn'),
  ),
  libzmq(
    'libzmq spec_router: fair turns, names, queues that end with a peer',
    see('behaviour/router', 'gives each peer an id of its own: a zero octet and four more'),
  ),
  libzmq(
    'libzmq spec_pushpull: round robin, fair turns, blocking, queues that end with a peer',
    see('behaviour/pipeline', 'deals the messages out in turn'),
  ),
  libzmq(
    'libzmq pair_tcp: both directions, over tcp, ipc and inproc',
    see('behaviour/pair', 'talks in both directions at once'),
  ),
  libzmq(
    'libzmq reqrep_tcp: requests and replies, over tcp, ipc and inproc',
    see('behaviour/reqrep', 'carries requests and replies, whichever side binds'),
  ),
  libzmq(
    'libzmq reqrep_device: through a ROUTER and a DEALER',
    see('interop/routing', 'a device: REQ of one, ROUTER and DEALER of the other, REP of one'),
  ),
  libzmq(
    'libzmq invalid_rep: a request that is malformed is not answered, and harms no other',
    see('behaviour/reqrep', 'ignores a request without a delimiter'),
  ),
  libzmq(
    'libzmq req_correlate: a number in front, and only the reply that has it',
    see('interop/routing', 'the request of a REQ, plain and correlated'),
    see('behaviour/reqrep', 'correlates: a number before the delimiter, and only the matching reply'),
  ),
  libzmq(
    'libzmq req_relaxed: asks again before the reply, and drops the late one',
    see('interop/routing', 'a correlated and relaxed REQ with a REP'),
    see('behaviour/reqrep', 'relaxed: asks again without an answer, and the late answer is not taken'),
  ),
  libzmq(
    'libzmq router_mandatory: fails for who is not there',
    see('behaviour/router', 'drops a message to an unknown id, or fails when mandatory'),
  ),
  libzmq(
    'libzmq router_mandatory_hwm: waits for who is full',
    see('behaviour/router', 'mandatory: waits while the peer is full, EAGAIN when the time is up'),
  ),
  libzmq(
    'libzmq router_handover: a new peer takes over the name of an old one',
    see('interop/routing', 'handover'),
  ),
  libzmq(
    'libzmq probe_router: an empty message tells a ROUTER of a new peer',
    see('interop/routing', 'probeRouter'),
  ),
  libzmq(
    'libzmq connect_rid: the name of a peer is given to connect',
    see('interop/routing', 'two ROUTERs, one with the name it was given by connect'),
  ),
  libzmq('libzmq issue_566: a DEALER that comes again and again is reached each time'),
  otherwise(
    'libzmq',
    'libzmq router_notify: a ROUTER is told of peers that come and go',
    `ZMQ_ROUTER_NOTIFY. ${NOT_OFFERED} \`peer:ready\` and \`peer:gone\` are events.`,
  ),

  libzmq(
    'libzmq pubsub: a message to who subscribed',
    see('interop/pubsub', 'subscriptions before and after the connection, … binds'),
  ),
  libzmq(
    'libzmq sub_forward: subscriptions go up through XSUB and XPUB',
    see('interop/pubsub', 'a forwarder of one in the middle of the other'),
  ),
  libzmq(
    'libzmq mock_pub_sub: subscriptions and their ends on the wire, as commands and as messages',
    see('behaviour/wire', 'a publisher takes subscriptions in either form'),
  ),
  libzmq('libzmq xpub_manual: the application decides what each subscription becomes'),
  otherwise(
    'libzmq',
    'libzmq xpub_manual_last_value: sends to the last subscriber only',
    `ZMQ_XPUB_MANUAL_LAST_VALUE. ${NOT_OFFERED}`,
  ),
  libzmq(
    'libzmq xpub_nodrop: waits, or fails, in place of dropping',
    see('behaviour/xpubsub', 'noDrop: says EAGAIN where it would drop, and nothing is missing'),
  ),
  libzmq('libzmq xpub_verbose: each subscription is delivered, and with allSubsUnsubs each end'),
  libzmq(
    'libzmq xpub_welcome_msg: each new subscriber gets it',
    see('interop/pubsub', 'the welcome message'),
  ),
  libzmq('libzmq xpub_topic: topics of any length', see('interop/pubsub', 'long topics')),
  otherwise(
    'libzmq',
    'libzmq xsub_verbose: an XSUB passes each unsubscription on',
    `ZMQ_XSUB_VERBOSE_UNSUBSCRIBE. ${NOT_OFFERED}`,
  ),
  otherwise(
    'libzmq',
    'libzmq pubsub_topics_count: the number of topics is known',
    `ZMQ_TOPICS_COUNT. ${NOT_OFFERED}`,
  ),
  libzmq('libzmq pub_invert_matching: what matches is what is not wanted'),
  libzmq('libzmq conflate: only the last message is kept'),
  libzmq('libzmq radio_dish: groups, joined and left', see('interop/drafts', 'RADIO and DISH')),
  libzmq('libzmq client_server: numbers of peers', see('interop/drafts', 'SERVER and CLIENT')),
  libzmq(
    'libzmq scatter_gather: one frame each, round robin and in fair turns',
    see('interop/drafts', 'SCATTER and GATHER'),
  ),
  libzmq('libzmq channel: one peer, one frame', see('interop/drafts', 'CHANNEL and CHANNEL')),
  libzmq(
    'libzmq peer: a number is told by connect',
    see('behaviour/drafts', 'PEER talks to those it connected to before they answer, and to those who came'),
  ),

  libzmq(
    'libzmq hwm: as many messages are queued as the marks say',
    see('behaviour/flow', 'queues as many messages as the mark says for a peer that is not there yet'),
  ),
  libzmq(
    'libzmq hwm_pubsub: a publisher drops at the mark, or waits with noDrop',
    see('behaviour/flow', 'PUB throws away what a full subscriber has no room for, in whole messages'),
    see('behaviour/additions', 'noDrop: a send waits for the slowest subscriber, and for no other'),
  ),
  libzmq(
    'libzmq sockopt_hwm: a mark that changes holds for peers that are there',
    see('behaviour/parting', 'a lowered mark holds senders, and lets them go on when the peer has read'),
  ),
  libzmq(
    'libzmq immediate: nothing is queued for who is not there',
    see('behaviour/flow', 'queues nothing for a connection that is not there'),
  ),
  libzmq(
    'libzmq timeo: send and receive give up in time',
    see('behaviour/flow', 'gives up a receive when receiveTimeout is over, and the next message is not lost'),
    see('behaviour/flow', 'gives up a send when sendTimeout is over, and the message is not sent later'),
  ),
  libzmq(
    'libzmq reconnect_ivl: -1 is never',
    see('behaviour/reconnect', 'reconnectInterval -1: once gone, gone'),
  ),
  libzmq(
    'libzmq reconnect_options: the delay grows to its limit',
    see('behaviour/options', 'waits longer each time, up to reconnectMaxInterval, with a jitter of …'),
  ),
  libzmq(
    'libzmq term_endpoint: unbind and disconnect end it',
    see('behaviour/endpoints', 'disconnect ends it: nothing is sent there any more'),
    see('behaviour/endpoints', 'a name that is bound can be bound again after unbind, by another socket'),
  ),
  libzmq(
    'libzmq bind_after_connect_tcp: connects as soon as somebody binds',
    see('behaviour/endpoints', 'connects as soon as somebody binds'),
  ),
  libzmq(
    'libzmq inproc_connect: connects before the name is bound, many at once',
    see('unit/transport/inproc', 'connects before the name is bound'),
  ),
  libzmq('libzmq disconnect_inproc: what was subscribed is withdrawn, and a new connection starts anew'),
  libzmq(
    'libzmq last_endpoint: the endpoint as it was resolved',
    see(
      'behaviour/endpoints',
      'lastEndpoint is null, then the resolved endpoint of the last bind or connect',
    ),
  ),
  libzmq(
    'libzmq unbind_wildcard: unbind by the endpoint as it was resolved',
    see('behaviour/endpoints', 'unbind as resolved, where a wildcard was bound'),
  ),
  libzmq('libzmq ipc_wildcard: ipc://* makes a path', see('behaviour/endpoints', 'ipc://* chooses a path')),
  libzmq(
    'libzmq rebind_ipc: a path can be bound again',
    see('behaviour/endpoints', 'a name is free when its socket has closed'),
  ),
  libzmq(
    'libzmq abstract_ipc: names without a file',
    see('behaviour/pair', 'talks in both directions at once'),
  ),
  otherwise(
    'libzmq',
    'libzmq abstract_ipc: with libzmq at the other end',
    'Node 20 fills an abstract name up with zeros, so that it is another name than the same one of libzmq.',
  ),
  libzmq(
    'libzmq bind_src_address: connects from an address',
    see('behaviour/endpoints', 'the source address is where the connection comes from'),
  ),
  libzmq('libzmq connect_resolve: host names', see('behaviour/endpoints', 'names, and a source address')),
  libzmq(
    'libzmq many_sockets: as many as the context allows',
    see('behaviour/options', 'a context limits the number of its sockets'),
  ),
  libzmq(
    'libzmq ctx_options: limits and ipv6',
    see('behaviour/options', 'a context passes ipv6 on to its sockets'),
  ),
  libzmq(
    'libzmq shutdown_stress: many connections that come and go',
    see('behaviour/badpeers', '2,000 connections that come and go leave nothing behind'),
  ),
  libzmq(
    'libzmq setsockopt: values and ranges',
    see('unit/socket/options', '… takes its range and nothing outside'),
  ),

  libzmq(
    'libzmq heartbeats: a silent peer is given up, one that answers is not, a time-to-live holds',
    see('interop/refused', 'a silent line is given up and made again'),
    see('behaviour/heartbeat', 'drops a peer that promised in its PING to speak again, and did not'),
  ),
  libzmq(
    'libzmq metadata: what a peer said of itself, and who the handler says it is',
    see('behaviour/zap', 'is told what there is to know, and its user is known to us'),
  ),
  otherwise(
    'libzmq',
    'libzmq app_meta: properties of the application in the handshake',
    `ZMQ_METADATA. ${NOT_OFFERED}`,
  ),
  libzmq(
    'libzmq monitor: events of bind, connect, accept, handshake and their failures',
    see('behaviour/events', 'tells the life of a connection on both sides'),
  ),
  libzmq(
    'libzmq stream: octets to and from programs that are no ZeroMQ',
    see('behaviour/stream', 'carries octets of every amount both ways, between notices of coming and going'),
    see('interop/drafts', '…: notices, octets, the end'),
  ),
  libzmq(
    'libzmq stream_disconnect: an empty message closes a peer',
    see('behaviour/stream', 'closes a peer by an empty message, when what was sent before is there'),
  ),
  libzmq(
    'libzmq stream_exceeds_buffer: more octets than a buffer has',
    see('behaviour/stream', 'carries octets of every amount both ways, between notices of coming and going'),
  ),
  libzmq(
    'libzmq stream_timeout: no handshake, and so no limit for it',
    see('behaviour/stream', 'gets no greeting right, and needs none: the handshake has no time limit'),
  ),

  libzmq('libzmq proxy: requests through ROUTER and DEALER', see('interop/proxy', 'ROUTER and DEALER')),
  libzmq(
    'libzmq proxy_hwm: a proxy holds the sender up',
    see('behaviour/proxy', 'makes the producer wait for a consumer that does not read'),
  ),
  libzmq('libzmq proxy_steerable: pause and resume', see('behaviour/proxy', 'holds everything while paused')),
  libzmq(
    'libzmq proxy_terminate: terminate ends it',
    see('behaviour/proxy', 'terminate closes both sockets and ends run'),
  ),

  libzmq('libzmq security_null: a ZAP domain makes NULL ask', see('behaviour/zap', '…: …')),
  libzmq(
    'libzmq security_plain: the right and the wrong password, and rubbish',
    see('behaviour/refusal', 'messages wait meanwhile, and arrive'),
  ),
  libzmq('libzmq security_curve: right and wrong keys, and rubbish'),
  libzmq(
    'libzmq security_zap: replies that are malformed, statuses, no handler',
    see('behaviour/zap', 'that answers with …: …'),
    see('behaviour/zap', 'says …: both sides report it'),
  ),
  libzmq('libzmq security_no_zap_handler: nobody to ask', see('behaviour/zap', '…: …')),
  libzmq('libzmq base85: Z85', see('unit/bytes/z85', 'is no Z85: another length, another character')),
  libzmq(
    'libzmq ws_transport: messages over ws',
    see('interop/pairs', 'messages of every shape and size'),
    see('interop/ws', 'is sent to libzmq, and asked for by it'),
  ),
  libzmq(
    'libzmq bind_null_fuzzer: rubbish to who binds or connects',
    see('fuzz/engine', 'noise after each stage'),
    see('fuzz/engine', 'damaged conversations: no throw, nothing after failed, nothing that was not said'),
  ),
  libzmq(
    'libzmq bind_curve_fuzzer: rubbish in the handshakes of CURVE, PLAIN and NULL, and in the upgrade of ws',
    see('fuzz/handshake', 'target'),
  ),
  libzmq(
    'libzmq connect_fuzzer: rubbish in place of an answer',
    see('model/roundtrip', 'never throws, and stays silent once it has failed, whatever comes'),
  ),
  libzmq(
    'libzmq bind_stream_fuzzer: any octets to a STREAM',
    see('unit/zmtp/raw', 'makes one message of each chunk, whatever is in it'),
  ),

  libzmq(
    'libzmq wss_transport: certificates that are good and bad',
    see('behaviour/wss', 'refuses …'),
    see('behaviour/wss', 'takes the name of the certificate from wssHostname'),
  ),
  libzmq(
    'libzmq dgram: datagrams to and from a DGRAM',
    see('behaviour/udp', 'receives from anybody, with the address to answer to'),
  ),
  otherwise('libzmq', 'libzmq hello_msg: a message for each new peer', `ZMQ_HELLO_MSG. ${NOT_OFFERED}`),
  otherwise(
    'libzmq',
    'libzmq disconnect_msg: a message when a peer has left',
    `ZMQ_DISCONNECT_MSG. ${NOT_OFFERED}`,
  ),
  otherwise(
    'libzmq',
    'libzmq hiccup_msg: a message when a connection was lost',
    `ZMQ_HICCUP_MSG. ${NOT_OFFERED}`,
  ),
  otherwise('libzmq', 'libzmq socks: through a proxy', 'The option `socksProxy` is kept and has no effect.'),
  otherwise(
    'libzmq',
    'libzmq filter_ipc: by user and process',
    'Node.js does not tell who is at the other end of a Unix socket; the permissions of its folder decide.',
  ),
  otherwise(
    'libzmq',
    'libzmq security_gssapi: Kerberos',
    'The zeromq package is built without it, and nothing in JavaScript does GSSAPI.',
  ),
  otherwise('libzmq', 'libzmq pair_tipc: TIPC, VMCI, VSOCK, PGM', 'Node.js has no sockets of these kinds.'),
  otherwise(
    'libzmq',
    'libzmq poller: messages, pollers, timers, atomics and threads of the C interface',
    'There is no such interface here.',
  ),
];
