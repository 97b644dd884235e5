/** A model node behind a ROUTER socket, for the client's real connections. */
import { Router } from '@zeroth/zmq';
import { type ModelNode, ModelPeer } from './model-node.ts';

export interface Served {
  readonly endpoint: string;
  close(): Promise<void>;
}

export async function serve(node: ModelNode, address: string = 'tcp://127.0.0.1:*'): Promise<Served> {
  const router = new Router({ sendHighWaterMark: 0, linger: 0, mandatory: false });
  await router.bind(address);
  const peers = new Map<string, ModelPeer>();
  const read = async (): Promise<void> => {
    for await (const [id, ...frames] of router) {
      const key = id!.toString('hex');
      let peer = peers.get(key);
      if (peer === undefined) {
        peer = new ModelPeer(node, (answer) => void router.trySend([id!, ...answer]));
        peers.set(key, peer);
      }
      peer.receive(frames);
    }
  };
  const done = read();
  return {
    endpoint: router.lastEndpoint!,
    close: async () => {
      await router.drain({ timeout: 0 });
      await done;
    },
  };
}
