/**
 * The thread of a Windows service that talks with the service control manager, while another runs the program.
 *
 * Guarantees: a control is answered at once, whatever the program does; events are written in their order, and before the
 * STOPPED that follows them; a program that was asked to stop and whose loop does not turn any more is ended after a
 * minute, so that no process stays behind.
 */

import { parentPort, workerData } from 'node:worker_threads';
import { SERVICE } from '../../log/catalogue/service.ts';
import type { FromWorker, ToWorker, WorkerStart } from './channel.ts';
import { SHARED } from './channel.ts';
import { openDispatcher } from './dispatcher.ts';
import { eventText, eventType } from './event-text.ts';
import { readServiceValues } from './registry.ts';
import { HUNG, PACE, Reporter } from './reporter.ts';

/** Milliseconds from one look to the next whether the dispatcher has refused us. */
const LOOK = 20;

function serve(start: WorkerStart, port: NonNullable<typeof parentPort>): void {
  const say = (message: FromWorker): void => port.postMessage(message);
  const shared = new Int32Array(start.shared);
  const dispatcher = openDispatcher(start.name);
  const reporter = new Reporter((report) => dispatcher.report(report));
  let turned = 0;

  const look = setInterval(() => {
    if (!dispatcher.refused()) return;
    clearInterval(look);
    say({ kind: 'none' });
  }, LOOK);

  let ticking: NodeJS.Timeout | null = null;
  /** Only while something is pending: an idle service wakes nobody. */
  const watch = (): void => {
    if (reporter.pending) ticking ??= setInterval(tick, PACE);
    else if (ticking !== null) {
      clearInterval(ticking);
      ticking = null;
    }
  };
  const tick = (): void => {
    const now = Atomics.load(shared, SHARED.turned);
    reporter.tick(now !== turned);
    turned = now;
    if (reporter.hung) {
      const { id, message } = SERVICE['service:overrun'];
      const fields = { timeout: HUNG, reason: 'the event loop stands still' };
      const event = {
        id,
        message,
        fields,
        name: 'service:overrun',
        level: 'error',
        time: Date.now(),
      } as const;
      dispatcher.recordEvent(eventType(event.level), id, eventText(event));
      // Not through a handler of the program any more: what it holds on disk survives that.
      reporter.ended(1);
      dispatcher.terminate(1);
    }
    say({ kind: 'ping' });
  };

  dispatcher.start(
    () => {
      clearInterval(look);
      reporter.begin();
      watch();
      try {
        say({ kind: 'service', ...readServiceValues(start.name) });
      } catch (error) {
        // A callback of the system would swallow it: it ends this thread, and the program learns of that.
        setImmediate(() => {
          throw error;
        });
      }
    },
    (control) => {
      const { result, heard } = reporter.control(control);
      watch();
      if (heard !== null) say({ kind: 'control', heard });
      return result;
    },
  );

  port.on('message', (message: ToWorker) => {
    switch (message.kind) {
      case 'offer':
        return reporter.offer(message.canPause, message.canReload);
      case 'tell':
        reporter.tell(message.state, message.within);
        return watch();
      case 'record':
        dispatcher.recordEvent(message.type, message.id, message.text);
        Atomics.add(shared, SHARED.recorded, 1);
        Atomics.notify(shared, SHARED.recorded);
        return;
      case 'ended':
        reporter.ended(message.code);
        watch();
        dispatcher.finish();
        return say({ kind: 'ended' });
    }
  });
}

if (parentPort !== null) serve(workerData as WorkerStart, parentPort);
