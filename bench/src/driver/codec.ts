/**
 * Encodes or decodes one record over and over, in one process, and tells the octets that it takes. The codec is that of
 * `zeroth --decode`: json, msgpack or protobuf:FILE#TYPE.
 */
import { parseCodec } from '@zeroth/client/codec';
import type { ForeignDriver } from './common.ts';
import { Meter, sayReady, sayResult } from './common.ts';

/** As a machine sends one: text, whole numbers, measured values, a few labels. */
const RECORD = {
  machine: 'press-4',
  at: 1_790_000_000_123,
  line: 7,
  running: true,
  temperature: 21.53,
  pressures: [1.013, 1.021, 0.998, 1.005, 1.017, 1.002, 0.991, 1.009],
  labels: { plant: 'north', shift: 'early', product: 'A-2231' },
  alarms: [
    { code: 1201, severity: 'warning', text: 'oil temperature above 60 degrees' },
    { code: 77, severity: 'info', text: 'door 2 was opened' },
  ],
  note: 'changed the filter at 05:40, next change in 400 hours',
};

export const codecEncode: ForeignDriver = async (options) => {
  const codec = await parseCodec(options.endpoint);
  const meter = new Meter(options);
  sayReady('codec');
  let size = 0;
  do size = codec.encode(RECORD).length;
  while (!meter.add(size));
  sayResult({ ...meter.result(), size });
};

export const codecDecode: ForeignDriver = async (options) => {
  const codec = await parseCodec(options.endpoint);
  const meter = new Meter(options);
  // As it comes out of a socket.
  const bytes = Buffer.from(codec.encode(RECORD));
  sayReady('codec');
  let lines = 0;
  do lines += (codec.decode(bytes) as { line: number }).line;
  while (!meter.add(bytes.length));
  sayResult({ ...meter.result(), size: bytes.length, lines });
};
