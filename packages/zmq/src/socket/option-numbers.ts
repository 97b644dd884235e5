/**
 * Socket options by libzmq's numbers: what zeromq.js gives to classes that extend its `Socket`, for options that have no
 * property there. Here they lead to the properties of the same options; a number without one is an error.
 */
import { ZmqError } from '../errors.ts';
import { OPTIONS, type OptionName } from './options.ts';
import type { Socket } from './socket.ts';

const NAMES: Readonly<Record<number, OptionName | 'type' | 'lastEndpoint' | 'threadSafe'>> = {
  4: 'affinity',
  5: 'routingId',
  8: 'rate',
  9: 'recoveryInterval',
  11: 'sendBufferSize',
  12: 'receiveBufferSize',
  16: 'type',
  17: 'linger',
  18: 'reconnectInterval',
  19: 'backlog',
  21: 'reconnectMaxInterval',
  22: 'maxMessageSize',
  23: 'sendHighWaterMark',
  24: 'receiveHighWaterMark',
  25: 'multicastHops',
  27: 'receiveTimeout',
  28: 'sendTimeout',
  32: 'lastEndpoint',
  33: 'mandatory',
  34: 'tcpKeepalive',
  35: 'tcpKeepaliveCount',
  36: 'tcpKeepaliveIdle',
  37: 'tcpKeepaliveInterval',
  38: 'tcpAcceptFilter',
  39: 'immediate',
  42: 'ipv6',
  44: 'plainServer',
  45: 'plainUsername',
  46: 'plainPassword',
  47: 'curveServer',
  48: 'curvePublicKey',
  49: 'curveSecretKey',
  50: 'curveServerKey',
  51: 'probeRouter',
  52: 'correlate',
  53: 'relaxed',
  54: 'conflate',
  55: 'zapDomain',
  56: 'handover',
  57: 'typeOfService',
  66: 'handshakeInterval',
  68: 'socksProxy',
  69: 'noDrop',
  71: 'manual',
  72: 'welcomeMessage',
  73: 'notify',
  74: 'invertMatching',
  75: 'heartbeatInterval',
  76: 'heartbeatTimeToLive',
  77: 'heartbeatTimeout',
  79: 'connectTimeout',
  80: 'tcpMaxRetransmitTimeout',
  81: 'threadSafe',
  84: 'multicastMaxTransportDataUnit',
  85: 'vmciBufferSize',
  86: 'vmciBufferMinSize',
  87: 'vmciBufferMaxSize',
  88: 'vmciConnectTimeout',
  92: 'interface',
  93: 'zapEnforceDomain',
  94: 'loopbackFastPath',
};

type Value = string | number | boolean | Buffer | null;
type Options = Socket & Record<string, unknown>;

function nameOf(socket: Socket, option: number): string {
  if (typeof option !== 'number') throw new TypeError('Identifier must be a number');
  const name = NAMES[option];
  if (name !== undefined && name in socket) return name;
  const detail = `the socket has no option with the number ${option} of libzmq`;
  throw new ZmqError('EINVAL', { detail });
}

/** The value of the option with this number. @throws ZmqError EINVAL when the socket has none. */
export function optionByNumber(socket: Socket, option: number): unknown {
  return (socket as Options)[nameOf(socket, option)];
}

/** @throws ZmqError EINVAL when the socket has no such option, or one that can't be set; else as its property. */
export function setOptionByNumber(socket: Socket, option: number, value: Value): void {
  const name = nameOf(socket, option);
  const kind = (OPTIONS as Readonly<Record<string, { kind: string }>>)[name]?.kind;
  if (kind === undefined) throw new ZmqError('EINVAL', { detail: `${name} can't be set` });
  // libzmq has no flags: 0 and 1 are.
  (socket as Options)[name] = kind === 'boolean' ? Boolean(value) : kind === 'number' ? Number(value) : value;
}
