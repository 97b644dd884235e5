/**
 * `zeroth run`: the node, in the foreground or as a service of the system, until it is asked to stop.
 *
 * Guarantees: standard output says where to connect, once, when every endpoint is bound; the log goes to standard error;
 * SIGINT or SIGTERM stops accepting, delivers what was accepted within node.stopTimeout, tells what was not, and exits 0;
 * a second one exits at once; SIGHUP loads the configuration again. As a service: the same, asked for by its manager.
 */
import { setFlagsFromString } from 'node:v8';
import { openHost } from '../service/open-host.ts';
import { runHosted } from '../service/run.ts';
import type { CommandContext, DescribeCommand } from './command.ts';
import { describeError } from './errors.ts';
import { NodeService } from './run/node.ts';
import { examples } from './tool/help.ts';

interface RunOptions {
  readonly quiet?: boolean;
  readonly service?: string;
  readonly log?: string;
}

export const describe: DescribeCommand = (command, context) => {
  command
    .argument('[FILE]', 'configuration; none: the embedded default, a route of each pattern and a stream')
    .option('-q, --quiet', 'do not print where to connect (the log has it as well)')
    .option('--log <FILE>', 'write the log there as JSON lines; at 16 MiB a new one, four old ones are kept')
    .option('--service <NAME>', 'it is the service of this name (zeroth service install writes it)')
    .addHelpText(
      'after',
      `${examples([
        'zeroth run                       try it: ports 5550 to 5561 on 127.0.0.1',
        'zeroth run zeroth.yaml           the configuration that zeroth init wrote',
        'zeroth run zeroth.yaml 2> log    keep the log; it is JSON lines when standard error is no terminal',
      ])}

SIGINT (Ctrl-C) and SIGTERM stop accepting and deliver what was accepted, for at most
node.stopTimeout; the log has what could not be delivered. A second signal exits at once (130, 143).
A changed file is loaded by itself (node.watch), with SIGHUP, and with zeroth reload.
Without a terminal on standard input, SIGTSTP pauses (nothing is taken in, what is there is
delivered) and SIGCONT resumes.`,
    )
    .action(async (file: string | undefined) => {
      context.exit(await run(file ?? null, command.opts<RunOptions>(), context));
    });
};

async function run(file: string | null, options: RunOptions, { terminal }: CommandContext): Promise<number> {
  // Whatever is read, from a peer or from the disk, is memory outside of V8's heap, and V8 starts to mark its heap again
  // and again because of it. The heap of a node is small: marked in one go it costs half. (bench: stream-consume-1024)
  setFlagsFromString('--no-incremental-marking');
  const { quiet = false, service = null, log = null } = options;
  const host = await openHost(service, process.env);
  const node = new NodeService({ file, quiet, service, log, terminal, host });
  // main prints the faults of other commands; here they are an event.
  process.removeAllListeners('uncaughtException');
  try {
    return await runHosted(node, {
      host,
      journal: node,
      exitCode: (error) => describeError(error).exitCode,
    });
  } finally {
    node.close();
  }
}
