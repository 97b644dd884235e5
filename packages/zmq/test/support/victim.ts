/** Who strangers are let loose on: a socket with a healthy peer, which must not notice anything. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import * as zmq from '../../src/index.ts';
import { until } from './deadline.ts';
import { type EventLog, watch } from './events.ts';
import { text } from './payload.ts';
import { RawPeer } from './rawpeer.ts';
import { link, scope } from './scope.ts';
import { tcp } from './transports.ts';

/** A PULL socket with one healthy PUSH, and ways to come in beside it. */
export interface Victim {
  readonly pull: zmq.Pull;
  readonly log: EventLog;
  readonly endpoint: string;
  stranger(): Promise<RawPeer>;
  /** A stranger that has shaken hands as a PUSH. */
  guest(): Promise<RawPeer>;
  /** The healthy peer still gets everything through, in order. */
  healthy(): Promise<void>;
}

export type PullOptions = ConstructorParameters<typeof zmq.Pull>[0];

export async function victim(t: TestContext, options: PullOptions = {}): Promise<Victim> {
  const s = scope(t, tcp);
  const pull = s.open(zmq.Pull, options);
  const log = watch(pull);
  const push = s.open(zmq.Push);
  const endpoint = await link(tcp, pull, push);
  let sent = 0;
  const stranger = async (): Promise<RawPeer> => s.use(await RawPeer.connect(endpoint));
  return {
    pull,
    log,
    endpoint,
    stranger,
    guest: async () => {
      const before = log.count('peer:ready');
      const peer = await stranger();
      await peer.handshake({ socketType: 'PUSH' });
      await until(() => log.count('peer:ready') > before, 'the guest to be ready');
      return peer;
    },
    healthy: async () => {
      const first = sent;
      for (; sent < first + 20; sent += 1) await push.send(['healthy', String(sent)]);
      for (let index = first; index < sent; index += 1) {
        assert.deepEqual(text(await pull.receive()), ['healthy', String(index)]);
      }
      assert.equal(push.peers().length, 1);
    },
  };
}
