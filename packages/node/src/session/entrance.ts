/**
 * How a consumer gets into its group: into the one that is there, or into a new one, where its place or the request
 * says.
 *
 * Guarantees: a new group's place is on the disk before a consumer is told of it; who has left meanwhile, or whose
 * stream has gone, gets into none.
 */
import type { ConsumeRequest } from '@zeroth/client/wire';
import type { Consumer } from './consumer.ts';
import type { GroupState } from './core/group.ts';
import { decodePlace, within } from './core/place.ts';
import type { Hub, Hubs } from './hub.ts';
import { deadLetterOf, placeOf, startOf } from './request.ts';
import { Runner, type RunnerHost, type RunnerOptions, savePlace } from './runner.ts';
import type { Outlet } from './session.ts';

/** Places of groups that a stream keeps. */
const MAX_PLACES = 1000;

/** A consumer on its way into its group. */
interface Entry {
  readonly consumer: Consumer;
  readonly hub: Hub;
  /** Of the group among those of the stream. */
  readonly key: string;
  readonly options: RunnerOptions;
  readonly request: ConsumeRequest;
}

export interface EntranceHost extends RunnerHost {
  /** Nobody comes in any more. */
  readonly closed: boolean;
  /** This is its group from now on. */
  joined(consumer: Consumer, runner: Runner): void;
  /** There is none for it. */
  refuse(consumer: Consumer, code: string, message: string): void;
  /** To be called when somebody has joined later than with its message. */
  flush(): void;
}

export class Entrance {
  /** Consumers, some of them gone, for which something is looked up or written. */
  waiting = 0;
  readonly #hubs: Hubs;
  readonly #outlet: Outlet;
  readonly #host: EntranceHost;
  /** Places of new groups that are on their way to the disk, by stream and place. */
  readonly #settling: Map<string, Promise<void>> = new Map();
  #private = 0;

  constructor(hubs: Hubs, outlet: Outlet, host: EntranceHost) {
    this.#hubs = hubs;
    this.#outlet = outlet;
    this.#host = host;
  }

  enter(consumer: Consumer, hub: Hub, request: ConsumeRequest, prefix: Uint8Array): void {
    const { name } = consumer.session;
    const { strategy, ackTimeout, maxDeliveries } = request;
    const place = placeOf(request, name);
    const options: RunnerOptions = {
      place,
      name: request.group ?? name,
      strategy,
      prefix: Buffer.from(prefix),
      ackTimeout,
      maxDeliveries,
      deadLetter: deadLetterOf(request),
    };
    this.#enter({ consumer, hub, key: place ?? ` ${this.#private++}`, options, request });
  }

  #enter(entry: Entry): void {
    const { consumer, hub, key } = entry;
    if (this.#hubs.get(hub.stream.name) !== hub) {
      this.#host.refuse(consumer, 'STREAM_UNKNOWN', `the node has no stream ${hub.stream.name} any more`);
      return;
    }
    const settling = this.#settling.get(placeKey(entry));
    if (settling !== undefined) this.#await(consumer, settling, () => this.#enter(entry));
    else if (hub.runners.has(key)) this.#join(entry, null);
    else this.#open(entry);
  }

  /** Goes on when something is found or done, unless the consumer is not there any more. */
  #await<T>(consumer: Consumer, done: Promise<T>, then: (value: T) => void): void {
    const wanted = (): boolean => {
      this.waiting--;
      return consumer.session.consumers.get(consumer.number) === consumer && !this.#host.closed;
    };
    this.waiting++;
    done.then(
      (value) => {
        if (!wanted()) return;
        then(value);
        this.#host.flush();
      },
      (error: Error) => {
        if (wanted()) this.#host.refuse(consumer, 'STREAM_FAILED', error.message);
      },
    );
  }

  /** Starts a group: where its place says, or where the request says. */
  #open(entry: Entry): void {
    const { consumer, hub, key, options, request } = entry;
    const { stream } = hub;
    const kept = options.place === null ? null : stream.places.get(options.place);
    if (kept !== null) {
      const place = decodePlace(kept);
      if (place === null) this.#host.refuse(consumer, 'STREAM_FAILED', `the place of ${key} is damaged`);
      else this.#join(entry, within(place.state, stream.next));
      return;
    }
    const groups = new Set([...stream.places.names(), ...hub.runners.keys()]);
    if (options.place !== null && groups.size >= MAX_PLACES) {
      this.#host.refuse(
        consumer,
        'TOO_MANY_CONSUMERS',
        `a stream keeps the places of ${MAX_PLACES} groups at most`,
      );
      return;
    }
    const start = startOf(stream, request.from);
    if (typeof start === 'number') this.#begin(entry, start);
    else
      this.#await(consumer, stream.find(start.time), (found) => {
        if (this.#hubs.get(stream.name) === hub) this.#begin(entry, found);
        else this.#enter(entry);
      });
  }

  /** Starts a new group, once its place can't be lost: after a power cut it must not begin somewhere else. */
  #begin(entry: Entry, acknowledged: number): void {
    const { consumer, hub, options } = entry;
    const { places } = hub.stream;
    const { place } = options;
    const state = { acknowledged, ranges: [], deliveries: [] };
    if (place === null) this.#join(entry, state);
    else if (places.get(place) === null) {
      savePlace(hub.stream, place, options, state);
      const id = placeKey(entry);
      const settling = places.settle(place).then(
        () => {
          this.#settling.delete(id);
        },
        (error: Error) => {
          this.#settling.delete(id);
          places.remove(place);
          throw error;
        },
      );
      this.#settling.set(id, settling);
      this.#await(consumer, settling, () => this.#enter(entry));
      // Another one has begun it meanwhile.
    } else this.#enter(entry);
  }

  /** Puts a consumer into its group, which begins in this state if it is not there. */
  #join({ consumer, hub, key, options, request }: Entry, state: GroupState | null): void {
    let runner = hub.runners.get(key);
    if (runner === undefined) {
      runner = new Runner(hub.stream, options, state!, this.#host);
      hub.runners.set(key, runner);
      runner.save();
    } else if (request.strategy === 'broadcast' && runner.group.members.length > 0) {
      this.#host.refuse(consumer, 'GROUP_MISMATCH', 'another consumer of this client has that place');
      return;
    } else if (!runner.agrees(request, options.prefix, options.deadLetter)) {
      this.#host.refuse(consumer, 'GROUP_MISMATCH', 'the members of the group ask for something else');
      return;
    }
    consumer.runner = runner;
    consumer.connected = consumer.session.connection !== null;
    this.#outlet.send(consumer.session, {
      type: 'CONSUMING',
      consumer: consumer.number,
      next: runner.group.next,
    });
    this.#host.joined(consumer, runner);
  }
}

function placeKey({ hub, key }: Entry): string {
  return `${hub.stream.name} ${key}`;
}
