/**
 * CURVE: encrypted and authenticated. The server has a pair of keys, each client has one too, and a ZAP handler lets in the
 * clients whose public keys it knows. A client that it doesn't know waits; it does not storm the server.
 *
 * npm run build && node examples/.out/curve.js
 */
import { Context, curveKeyPair, Pull, Push, type ZapReply, type ZapRequest } from '@zeroth/zmq';

// Made once, on the machine that needs them: of each pair only the public key leaves it.
const serverKeys = curveKeyPair();
const annaKeys = curveKeyPair();
const strangerKeys = curveKeyPair();

/** The public keys of the clients, and whose they are. */
const known = new Map([[annaKeys.publicKey, 'anna']]);

function authenticate({ domain, publicKey = '' }: ZapRequest): ZapReply {
  const userId = domain === 'plant' ? known.get(publicKey) : undefined;
  return userId === undefined ? { status: 400, text: 'unknown key' } : { status: 200, userId };
}

const server = new Pull({
  context: new Context({ zapHandler: authenticate }),
  curveServer: true,
  curveSecretKey: serverKeys.secretKey,
  zapDomain: 'plant',
});
const refused = new Promise<number | undefined>((resolve) => {
  server.events.on('handshake:error:auth', ({ error }) => resolve(error.status));
});
await server.bind('tcp://127.0.0.1:0');

/** A client knows the server's public key: it talks to nobody who has not the secret one. */
function connect(keys: { publicKey: string; secretKey: string }): Push {
  const client = new Push({
    curveServerKey: serverKeys.publicKey,
    curvePublicKey: keys.publicKey,
    curveSecretKey: keys.secretKey,
    linger: 0,
  });
  client.connect(server.lastEndpoint as string);
  return client;
}

const message = server.receive();
const stranger = connect(strangerKeys);
console.log(`a stranger was refused with ${await refused}`);

const anna = connect(annaKeys);
await anna.send('23.5');
const [value] = await message;
console.log(`${server.peers().find(({ state }) => state === 'ready')?.userId} says ${value}`);

for (const socket of [anna, stranger, server]) socket.close();
