/** Codecs by name, for command lines and configurations. */
import { ClientError } from '../errors.ts';
import type { Codec } from './codec.ts';
import { json } from './json.ts';
import { msgpack } from './msgpack.ts';
import { protobuf } from './protobuf.ts';

/**
 * The codec for `json`, `msgpack` or `protobuf:FILE#TYPE`.
 * @throws ClientError (as a rejection) ERR_OPTION, ERR_CODEC_MISSING.
 */
export async function parseCodec(text: string): Promise<Codec<unknown>> {
  if (text === 'json') return json();
  if (text === 'msgpack') return msgpack();
  const [, file, type] = /^protobuf:(.+)#([\w.]+)$/.exec(text) ?? [];
  if (file !== undefined && type !== undefined) return protobuf<unknown>(file, type);
  throw new ClientError('ERR_OPTION', `a codec is json, msgpack or protobuf:FILE#TYPE, not ${text}`);
}
