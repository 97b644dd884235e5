/** Two sides of a CURVE connection in memory, their commands passed by hand. */
import { newKeyPair } from '../../src/crypto/keys.ts';
import { newProvider, type Provider } from '../../src/crypto/provider.ts';
import { type Command, parseCommand } from '../../src/zmtp/command.ts';
import { bodyStart } from '../../src/zmtp/frame.ts';
import type { CurveCrypto } from '../../src/zmtp/mechanism/curve.ts';
import { CurveClient } from '../../src/zmtp/mechanism/curve-client.ts';
import { CurveServer } from '../../src/zmtp/mechanism/curve-server.ts';
import type { Mechanism, Verdict } from '../../src/zmtp/mechanism/mechanism.ts';

export const SERVER = newKeyPair();
export const CLIENT = newKeyPair();
export const LET_IN: Verdict = { status: 200, userId: '', metadata: new Map() };

/** Every build of libsodium that this machine has. */
export const providers: readonly (readonly [name: string, provider: Provider])[] = [
  ['WebAssembly alone', await newProvider(false)],
  ['with the addon', await newProvider(true)],
];

/** The command in a frame. */
export function commandOf(bytes: Uint8Array): Command {
  const command = parseCommand(bytes, bodyStart(bytes, 0), bytes.length);
  if (command === null) throw new Error('no command');
  return command;
}

export function client(crypto: CurveCrypto, server: Buffer = SERVER.publicKey): CurveClient {
  const keys = { ours: CLIENT, server };
  return new CurveClient([['Socket-Type', Buffer.from('PUSH')]], keys, crypto);
}

export function server(crypto: CurveCrypto): CurveServer {
  return new CurveServer([['Socket-Type', Buffer.from('PULL')]], SERVER, crypto);
}

/** Passes commands until nobody has one; `meddle` may change them on their way. The commands, in order. */
export function shakeHands(
  a: Mechanism,
  b: Mechanism,
  meddle: (bytes: Uint8Array, name: string) => Uint8Array = (bytes) => bytes,
): string[] {
  const names: string[] = [];
  for (let quiet = false; !quiet; ) {
    quiet = true;
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const bytes = from.next();
      if (bytes === null) continue;
      quiet = false;
      const { name } = commandOf(bytes);
      names.push(name);
      to.receive(commandOf(meddle(Uint8Array.from(bytes), name)));
      if (to.credentials !== null) to.decide(LET_IN);
    }
  }
  return names;
}
