/**
 * Who is asked whether a client is let in (RFC 27): the function of the context, else the socket that is bound to
 * `inproc://zeromq.zap.01` in it, and what follows when there is neither. As in libzmq 4.3.5:
 *
 *     mechanism   asked when                             nobody is there to ask
 *     NULL        `zapDomain` is set                     let in; with `zapEnforceDomain` not
 *     PLAIN       always                                 not let in
 *     CURVE       always; with `zapEnforceDomain` and    let in; with `zapEnforceDomain` not
 *                 no `zapDomain` never
 *
 * Each question has a connection of its own to the handler's socket, which goes with the client: a handler that answers
 * late, twice, or not at all can't reach another one.
 */

import { z85Encode } from '../bytes/z85.ts';
import { ZmqError } from '../errors.ts';
import type { Connection } from '../transport/transport.ts';
import { printable } from '../zmtp/command.ts';
import { decodeMessage, messageEnd, messageLength, writeMessage } from '../zmtp/frame.ts';
import type { Credentials, Verdict } from '../zmtp/mechanism/mechanism.ts';
import { NullMechanism } from '../zmtp/mechanism/null.ts';
import { EMPTY_METADATA, SOCKET_TYPE } from '../zmtp/metadata.ts';
import { ZmtpPeer } from '../zmtp/peer.ts';
import {
  parseZapReply,
  ZAP_ENDPOINT,
  ZAP_REPLY_MAX,
  type ZapAnswer,
  type ZapQuestion,
  zapRequest,
} from '../zmtp/zap.ts';
import { type Context, inprocOf } from './context.ts';
import type { OptionValues } from './options.ts';
import { transportOptions, type ZapTerms } from './security.ts';
import { callsOf, fromReply, toRequest } from './zap-handler.ts';

/**
 * What came of it. With a verdict the client is told; without one the connection ends without a word, and the client may
 * come again. `error`: why it is not let in.
 */
export interface Decision {
  readonly verdict: Verdict | null;
  readonly error: ZmqError | null;
}

/** A question that is open. */
export interface Inquiry {
  /** The time is over: the decision when there was no answer. Nothing follows. */
  late(limit: number): Decision;
  /** Nobody wants to know any more. */
  cancel(): void;
}

const WELCOME: Decision = {
  verdict: { status: 200, userId: '', metadata: EMPTY_METADATA },
  error: null,
};

let requests = 0;

/** Finds out whether a client is let in. `decided` is called once, later, unless `late` or `cancel` came before. */
export function inquire(
  context: Context,
  options: OptionValues,
  terms: ZapTerms,
  remote: string,
  credentials: Credentials,
  decided: (decision: Decision) => void,
): Inquiry {
  let open = true;
  let stop = (): void => {};
  const settle = (decision: Decision): void => {
    if (!open) return;
    open = false;
    stop();
    decided(decision);
  };
  const close = (): void => {
    open = false;
    stop();
  };
  const asked = {
    domain: terms.domain,
    address: addressOf(remote),
    identity: Buffer.from(options.routingId ?? ''),
    credentials,
  };
  stop = ask(context, options, terms.enforced, asked, settle);
  return {
    cancel: close,
    late(limit) {
      close();
      return failed(`the ZAP handler did not answer within ${limit} ms (handshakeInterval)`);
    },
  };
}

/** The host of `tcp://10.0.0.7:51234`, without brackets; empty for what has none. */
export function addressOf(remote: string): string {
  return /^(?:tcp|wss?):\/\/\[?(.+?)\]?:\d+(?:\/.*)?$/.exec(remote)?.[1] ?? '';
}

function ask(
  context: Context,
  options: OptionValues,
  enforced: boolean,
  asked: ZapQuestion,
  settle: (decision: Decision) => void,
): () => void {
  const { mechanism } = asked.credentials;
  const { handshakeInterval } = options;
  const time = handshakeInterval > 0 ? handshakeInterval : 0x7fff_ffff;
  const known = asked.domain !== '';
  const { zapHandler } = context;
  if (mechanism === 'CURVE' && enforced && !known) queueMicrotask(() => settle(WELCOME));
  else if (zapHandler !== null) {
    return callsOf(zapHandler).call(toRequest(asked, z85Encode), time, (error, reply) => {
      settle(error === null ? decide(() => fromReply(reply)) : threw(error));
    });
  } else if (inprocOf(context).bound(ZAP_ENDPOINT)) return askSocket(context, options, asked, settle);
  else if (mechanism === 'PLAIN' || enforced) {
    const way = `set zapHandler of the context, or bind a Reply or Router to ${ZAP_ENDPOINT}`;
    queueMicrotask(() => settle(failed(`nobody is there to ask whether the client is let in: ${way}`)));
  } else queueMicrotask(() => settle(WELCOME));
  return () => {};
}

function decide(answer: () => ZapAnswer): Decision {
  try {
    const { verdict, text } = answer();
    const { status } = verdict;
    if (status === 200) return { verdict, error: null };
    const said = text === '' ? 'without a reason' : `"${printable(text)}"`;
    const detail = `the ZAP handler did not let the client in: ${said}`;
    return { verdict, error: new ZmqError('ERR_AUTHENTICATION', { status, detail }) };
  } catch (error) {
    return { verdict: null, error: ZmqError.fromSystem(error) };
  }
}

function threw(cause: unknown): Decision {
  const detail = 'the ZAP handler threw an error: see cause';
  const verdict = { status: 500, userId: '', metadata: EMPTY_METADATA } as const;
  return { verdict, error: new ZmqError('ERR_AUTHENTICATION', { status: 500, detail, cause }) };
}

/** No answer: for the client that is no word about its credentials. */
function failed(detail: string): Decision {
  return { verdict: null, error: new ZmqError('ERR_AUTHENTICATION', { status: 500, detail }) };
}

const PROPERTIES = [[SOCKET_TYPE, Buffer.from('DEALER')]] as const;

/** One request over a connection of its own, as libzmq does it. */
function askSocket(
  context: Context,
  options: OptionValues,
  asked: ZapQuestion,
  settle: (decision: Decision) => void,
): () => void {
  const id = String(++requests);
  let connection: Connection | null = null;
  const gone = (): void => settle(failed('the ZAP handler went away without an answer'));
  const peer = new ZmtpPeer(
    { socketType: 'DEALER', mechanism: new NullMechanism(PROPERTIES), maxMessageSize: ZAP_REPLY_MAX },
    {
      output: (bytes) => void connection?.write([bytes]),
      ready() {
        const frames = zapRequest(id, asked);
        const bytes = Buffer.allocUnsafeSlow(messageLength(frames));
        writeMessage(bytes, 0, frames);
        connection?.write([bytes]);
      },
      messages: (bytes, start) => {
        const frames = decodeMessage(bytes, start, messageEnd(bytes, start));
        settle(decide(() => parseZapReply(frames, id)));
      },
      failed: (error) => {
        const { code, detail = '' } = error;
        const long = code === 'ERR_ZMTP_MESSAGE_SIZE';
        settle(
          long
            ? { verdict: null, error: new ZmqError('ERR_ZAP_MALFORMED_REPLY', { detail }) }
            : failed(`whoever is bound to ${ZAP_ENDPOINT} is no ZAP handler: ${detail}`),
        );
      },
      authenticate() {},
      subscription() {},
      ping() {},
    },
  );
  const cancel = inprocOf(context).dial(
    ZAP_ENDPOINT,
    transportOptions(options, { mechanism: 'NULL' }),
    (error, made) => {
      if (made === null) {
        settle(failed(`the ZAP handler can not be reached: ${error?.message ?? ''}`));
        return;
      }
      connection = made;
      made.start({ onData: (chunk) => peer.receive(chunk), onDrain() {}, onEnd: gone, onClose: gone });
      peer.open();
    },
  );
  return () => {
    cancel();
    connection?.destroy();
    peer.close();
  };
}
