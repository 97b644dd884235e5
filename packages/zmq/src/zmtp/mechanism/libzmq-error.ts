/**
 * libzmq (4.3.5) writes PLAIN's ERROR command with another name, and knows no other: where RFC 24 has the length 5 and
 * `ERROR` it has `^RROR`, because the E after `\x05` in its source counts as a digit. A refused client of libzmq reports
 * the status only when it is told so; one of RFC 24 only when it is told properly. NULL and CURVE are not concerned.
 */
import { type Command, ERROR, encodeCommand } from '../command.ts';
import { COMMAND, encodeFrame } from '../frame.ts';

const NAME = Buffer.from('^RROR');
const PROPER: Buffer = encodeCommand(ERROR, new Uint8Array(0)).subarray(2);

/** The frame of a command; an ERROR in libzmq's form. */
export function asLibzmq(frame: Uint8Array): Uint8Array {
  if (!PROPER.equals(frame.subarray(2, 2 + PROPER.length))) return frame;
  return encodeFrame(COMMAND, Buffer.concat([NAME, frame.subarray(2 + PROPER.length)]));
}

/** The ERROR in a command's body of libzmq's form, or null. */
export function fromLibzmq(body: Buffer): Command | null {
  return NAME.equals(body.subarray(0, NAME.length))
    ? { name: ERROR, data: body.subarray(NAME.length) }
    : null;
}
