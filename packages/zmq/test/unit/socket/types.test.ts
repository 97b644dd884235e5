/** That programs written for the types of zeromq.js compile: checked by the compiler, this file only has to build. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type * as theirs from 'zeromq';
import type * as theirDrafts from 'zeromq/draft.js';
import type * as drafts from '../../../src/draft.ts';
import type * as zmq from '../../../src/index.ts';

type Received<S extends { receive(): Promise<unknown> }> = Awaited<ReturnType<S['receive']>>;
/** What may be given to `send` there may be given here. */
type Sends<
  Ours extends { send: unknown },
  Theirs extends { send(...rest: never[]): unknown },
> = Ours['send'] extends (...rest: Parameters<Theirs['send']>) => Promise<void> ? true : false;
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

/** Each has to be true. */
type Checks = [
  Same<Received<zmq.Stream>, Received<theirs.Stream>>,
  Same<Received<drafts.Server>, Received<theirDrafts.Server>>,
  Same<Received<drafts.Client>, Received<theirDrafts.Client>>,
  Same<Received<drafts.Dish>, Received<theirDrafts.Dish>>,
  Same<Received<drafts.Gather>, Received<theirDrafts.Gather>>,
  Same<Received<drafts.Peer>, Received<drafts.Server>>,
  Same<Received<drafts.Channel>, [Buffer]>,
  Same<Received<zmq.Pull>, Received<theirs.Pull>>,
  Sends<zmq.Stream, theirs.Stream>,
  Sends<zmq.Push, theirs.Push>,
  Sends<drafts.Server, theirDrafts.Server>,
  Sends<drafts.Client, theirDrafts.Client>,
  Sends<drafts.Radio, theirDrafts.Radio>,
  Sends<drafts.Scatter, theirDrafts.Scatter>,
  Same<Parameters<drafts.Dish['join']>, Parameters<theirDrafts.Dish['join']>>,
  // A message without what it needs does not compile, nor one of several frames.
  Same<Parameters<drafts.Server['send']>[1], { routingId: number } & zmq.SendOptions>,
  Same<Parameters<drafts.Client['send']>[0], zmq.MessageLike>,
  Same<Parameters<zmq.Stream['send']>[0], [zmq.MessageLike, zmq.MessageLike]>,
];

type All<T extends readonly boolean[]> = false extends T[number] ? false : true;

it('the types of messages are those of zeromq.js', () => {
  const all: All<Checks> = true;
  assert.ok(all);
});
