/**
 * Metadata properties of the READY command: name with a one-octet length, value with a four-octet length
 * (RFC 37, The NULL Security Mechanism). Names are case-insensitive: they are kept in lower case.
 */

import { view } from '../bytes/view.ts';
import { ZmqError } from '../errors.ts';

/** Property name in lower case -> value. */
export type Metadata = ReadonlyMap<string, Buffer>;

/** No properties. */
export const EMPTY_METADATA: Metadata = new Map();

export const SOCKET_TYPE = 'Socket-Type';
export const IDENTITY = 'Identity';

/** Canonical names, in the case that libzmq compares with. */
export function encodeMetadata(properties: readonly (readonly [name: string, value: Uint8Array])[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const [name, value] of properties) {
    const head = Buffer.allocUnsafe(1 + name.length + 4);
    head[0] = name.length;
    head.write(name, 1, 'latin1');
    head.writeUInt32BE(value.length, 1 + name.length);
    parts.push(head, value);
  }
  return Buffer.concat(parts);
}

/** Throws ERR_ZMTP_INVALID_METADATA when a length leads out of the data or a name is not printable. */
export function parseMetadata(data: Buffer): Metadata {
  const properties = new Map<string, Buffer>();
  for (let at = 0; at < data.length; ) {
    const nameEnd = at + 1 + data[at]!;
    if (nameEnd === at + 1 || nameEnd + 4 > data.length)
      throw invalid('a property name leads out of the command');
    const name = data.toString('latin1', at + 1, nameEnd);
    if (!/^[A-Za-z0-9._+-]+$/.test(name))
      throw invalid('a property name has characters that are not allowed');
    const valueStart = nameEnd + 4;
    const valueEnd = valueStart + data.readUInt32BE(nameEnd);
    if (valueEnd > data.length) throw invalid(`the value of ${name} leads out of the command`);
    properties.set(name.toLowerCase(), view(data, valueStart, valueEnd));
    at = valueEnd;
  }
  return properties;
}

function invalid(detail: string): ZmqError {
  return new ZmqError('ERR_ZMTP_INVALID_METADATA', { detail });
}
