/**
 * `zeroth service start|stop|restart|pause|continue|reload`.
 *
 * Guarantees: returns when the system says that it is done, or that it failed.
 */
import type { Command } from 'commander';
import type { ServiceManager } from '../../service/manager.ts';
import type { CommandContext } from '../command.ts';
import { EXIT } from '../exit.ts';
import type { PlanOptions } from './manager.ts';
import { addName, addPlan, carryOut, managerFor, mustBeElevated } from './manager.ts';
import { statusView } from './status.ts';

interface Control {
  readonly name: string;
  readonly method: 'start' | 'stop' | 'restart' | 'pause' | 'resume' | 'reload';
  readonly words: string;
}

const CONTROLS: readonly Control[] = [
  { name: 'start', method: 'start', words: 'start a service' },
  { name: 'stop', method: 'stop', words: 'stop a service: it delivers what it has accepted' },
  { name: 'restart', method: 'restart', words: 'stop a service if it runs, and start it' },
  { name: 'pause', method: 'pause', words: 'take in nothing more, deliver what is there' },
  { name: 'continue', method: 'resume', words: 'go on after a pause' },
  { name: 'reload', method: 'reload', words: 'let a service load its configuration again' },
];

export function describeControls(command: Command, context: CommandContext): void {
  for (const control of CONTROLS) {
    const { name, words } = control;
    const one = command
      .command(name)
      .summary(words)
      .description(`${words.charAt(0).toUpperCase()}${words.slice(1)}.`);
    addName(one);
    addPlan(one);
    one.action(() => run(control, one.opts<PlanOptions>(), context));
  }
}

async function run(
  { method }: Control,
  { name, dryRun = false, json = false }: PlanOptions,
  { terminal, exit }: CommandContext,
): Promise<void> {
  const manager: ServiceManager = await managerFor(name, dryRun);
  const steps = await manager[method](name);
  if (!dryRun) mustBeElevated(manager);
  await carryOut(steps, { terminal, dryRun, json });
  if (!dryRun) {
    const status = await manager.status(name);
    void terminal.out(
      json ? `${JSON.stringify(statusView(status), null, 2)}\n` : `service ${name}: ${status.state}\n`,
    );
  }
  exit(EXIT.ok);
}
