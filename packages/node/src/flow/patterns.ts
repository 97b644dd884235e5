/**
 * The three patterns of a route: which socket stands on which side, and which peers belong there.
 *
 * Guarantees: the one place where a route's configuration becomes socket options.
 */
import type { CommonOptions, GeneralOptions } from '@zeroth/zmq';
import { Dealer, Pull, Push, Router, XPublisher, XSubscriber } from '@zeroth/zmq';
import type { RouteConfig, RoutePattern } from '../config/types.ts';

export type FrontSocket = XSubscriber | Router | Pull;
export type BackSocket = XPublisher | Dealer | Push;

/** ZeroMQ's name of the socket on a side, and of the peers it is for. */
export interface SideWords {
  readonly socketType: string;
  readonly peers: string;
}

export const PATTERNS: Readonly<
  Record<RoutePattern, { readonly frontend: SideWords; readonly backend: SideWords }>
> = {
  pubsub: {
    frontend: { socketType: 'XSUB', peers: 'PUB' },
    backend: { socketType: 'XPUB', peers: 'SUB' },
  },
  reqrep: {
    frontend: { socketType: 'ROUTER', peers: 'REQ' },
    backend: { socketType: 'DEALER', peers: 'REP' },
  },
  pipeline: {
    frontend: { socketType: 'PULL', peers: 'PUSH' },
    backend: { socketType: 'PUSH', peers: 'PULL' },
  },
};

/** ZeroMQ's 100 overflows when a plant comes back after a power cut: each connect in vain then waits a second. */
const BACKLOG = 1024;
/** Topics of one subscriber: each costs the node some hundred octets, twice. */
const MAX_SUBSCRIPTIONS = 100_000;

/** Options of both sockets that may change while they run; some count from the next connection on. */
function liveOptions(route: RouteConfig): CommonOptions & Partial<GeneralOptions> {
  return {
    maxMessageSize: route.maxMessageSize,
    maxPeers: route.maxPeers,
    heartbeatInterval: route.heartbeatInterval,
    heartbeatTimeout: route.heartbeatTimeout,
    handshakeInterval: route.handshakeInterval,
    reconnectInterval: route.reconnectInterval,
    reconnectMaxInterval: route.reconnectMaxInterval,
    tcpKeepalive: route.tcpKeepalive ? 1 : 0,
    // ZeroMQ counts this one in seconds; -1 leaves it to the operating system.
    tcpKeepaliveIdle: route.tcpKeepaliveIdle === 0 ? -1 : Math.ceil(route.tcpKeepaliveIdle / 1000),
  };
}

/** Sets what may change on the sockets of a running route. */
export function setOptions(route: RouteConfig, front: FrontSocket, back: BackSocket): void {
  const live = liveOptions(route);
  const { sendHighWaterMark, receiveHighWaterMark } = route;
  Object.assign(front, live, { receiveHighWaterMark });
  Object.assign(back, live, { sendHighWaterMark });
  if (!(front instanceof Pull)) front.sendHighWaterMark = sendHighWaterMark;
  if (!(back instanceof Push)) back.receiveHighWaterMark = receiveHighWaterMark;
}

/** Makes the two sockets of a route, not yet bound or connected. */
export function openSockets(route: RouteConfig): { front: FrontSocket; back: BackSocket } {
  const common = {
    ...liveOptions(route),
    ipv6: route.ipv6,
    wsOrigins: route.wsOrigins || null,
    backlog: BACKLOG,
    // A node stops by draining with a deadline; a plain close is the end.
    linger: 0,
  };
  const out = { sendHighWaterMark: route.sendHighWaterMark };
  const into = { receiveHighWaterMark: route.receiveHighWaterMark };
  switch (route.pattern) {
    case 'pubsub':
      return {
        front: new XSubscriber({ ...common, ...into, ...out }),
        back: new XPublisher({ ...common, ...into, ...out, maxSubscriptions: MAX_SUBSCRIPTIONS }),
      };
    case 'reqrep':
      return {
        front: new Router({ ...common, ...into, ...out }),
        back: new Dealer({ ...common, ...into, ...out }),
      };
    case 'pipeline': {
      // What is in a stream need not be given to a consumer before it is there.
      const immediate = route.stream !== null;
      return { front: new Pull({ ...common, ...into }), back: new Push({ ...common, ...out, immediate }) };
    }
  }
}
