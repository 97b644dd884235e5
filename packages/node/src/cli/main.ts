#!/usr/bin/env node
/**
 * `zeroth`: reads the command line, loads the one command that was called, and sets the exit code.
 *
 * Guarantees: every end has a documented exit code (exit.ts); an error is printed once; the process ends by itself,
 * and says so on standard error if something of ours was still open.
 */
import { Command, CommanderError } from 'commander';
import { guardExit } from '../service/left-open.ts';
import type { CommandContext, CommandEntry } from './command.ts';
import { usageError } from './errors.ts';
import { EXIT, EXIT_WORDS } from './exit.ts';
import { processTerminal } from './terminal.ts';
import { packageVersion } from './version.ts';

const COMMANDS: readonly CommandEntry[] = [
  { name: 'run', summary: 'run the node', load: () => import('./run.ts') },
  { name: 'init', summary: 'write a commented configuration file', load: () => import('./init.ts') },
  { name: 'check', summary: 'say what is wrong in a configuration file', load: () => import('./check.ts') },
  {
    name: 'service',
    summary: 'run the node as a service of Windows, systemd or launchd: install, start, status, logs',
    load: () => import('./service.ts'),
  },
  {
    name: 'doctor',
    summary: 'say what is wrong with this machine, and the way out',
    load: () => import('./doctor.ts'),
  },
  {
    name: 'schema',
    summary: 'print a JSON Schema of the configuration, for editors',
    load: () => import('./schema.ts'),
  },
  {
    name: 'status',
    summary: 'show how a running node does, on one screen',
    load: () => import('./status.ts'),
  },
  { name: 'top', summary: 'show a running node live', load: () => import('./top.ts') },
  {
    name: 'reload',
    summary: 'let a running node load its configuration again',
    load: () => import('./reload.ts'),
  },
  {
    name: 'set',
    summary: 'set a key of a running node, for a while or until it is unset',
    load: () => import('./set.ts'),
  },
  { name: 'unset', summary: 'take back what was set', load: () => import('./unset.ts') },
  {
    name: 'config',
    summary: 'the configuration of a running node: show, diff, history, rollback',
    load: () => import('./configuration.ts'),
  },
  {
    name: 'stream',
    summary: 'look into durable streams: ls, info, read, verify, purge',
    load: () => import('./stream.ts'),
  },
  {
    name: 'tap',
    summary: 'watch a sample of what passes a route or a stream of a running node',
    load: () => import('./tap.ts'),
  },
  { name: 'push', summary: 'send messages into a pipeline (PUSH)', load: () => import('./push.ts') },
  { name: 'pull', summary: 'read messages from a pipeline (PULL)', load: () => import('./pull.ts') },
  { name: 'pub', summary: 'publish messages (PUB)', load: () => import('./pub.ts') },
  {
    name: 'sub',
    summary: 'subscribe to topics and print what arrives (SUB)',
    load: () => import('./sub.ts'),
  },
  { name: 'req', summary: 'send requests and print the replies (REQ)', load: () => import('./req.ts') },
  { name: 'rep', summary: 'answer requests (REP)', load: () => import('./rep.ts') },
];

async function main(argv: readonly string[]): Promise<void> {
  const terminal = processTerminal();
  // Whatever stands after a lone `--` is data. commander would mix it with the operands before it.
  const end = argv.indexOf('--');
  const context: CommandContext = {
    terminal,
    literal: end === -1 ? null : argv.slice(end + 1),
    exit: (code) => {
      process.exitCode = code;
    },
  };
  const options = end === -1 ? argv : argv.slice(0, end);
  const json = options.includes('--json') || options.includes('-j');
  const crash = (error: unknown): void => {
    terminal.fail(error, json);
    if (error instanceof Error && error.stack !== undefined && !json) terminal.err(error.stack);
    process.exit(EXIT.unexpected);
  };
  process.on('uncaughtException', crash);

  const program = new Command('zeroth')
    .description('A message node for ZeroMQ programs, and tools to look into any ZeroMQ system.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .addHelpText('after', exitHelp())
    .enablePositionalOptions()
    .exitOverride()
    .configureHelp({ showGlobalOptions: false, helpWidth: 100 })
    .configureOutput({ outputError: () => {} });
  const called = COMMANDS.find((entry) => entry.name === (helpTopic(options) ?? options[0]));
  try {
    const topic = helpTopic(options);
    if (topic !== undefined && topic !== 'help' && called === undefined)
      throw usageError(`there is no command ${topic}`);
    for (const entry of COMMANDS) {
      const command = program.command(entry.name).summary(entry.summary).description(sentence(entry.summary));
      if (entry === called) (await entry.load()).describe(command, context);
    }
    await program.parseAsync(options, { from: 'user' });
  } catch (error) {
    context.exit(ending(error, context, { json, command: called?.name ?? null }));
  }
  guardExit((line) => terminal.err(line));
}

/** `zeroth help push` is `zeroth push --help`. */
function helpTopic(options: readonly string[]): string | undefined {
  return options[0] === 'help' ? options[1] : undefined;
}

function ending(
  error: unknown,
  { terminal }: CommandContext,
  { json, command }: { json: boolean; command: string | null },
): number {
  const hint = command === null ? 'zeroth --help shows what there is' : `zeroth ${command} --help`;
  if (!(error instanceof CommanderError)) {
    const { code, hint: own, message } = error as { code?: string; hint?: string | null; message: string };
    return terminal.fail(code === 'USAGE' && own === null ? usageError(message, hint) : error, json);
  }
  // commander prints help and version itself, and throws to end the program.
  if (error.exitCode === 0) return EXIT.ok;
  if (error.code === 'commander.help') return EXIT.usage;
  const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  return terminal.fail(usageError(message, hint), json);
}

function sentence(summary: string): string {
  return `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
}

function exitHelp(): string {
  const rows = EXIT_WORDS.map(([code, meaning]) => `  ${String(code).padEnd(4)} ${meaning}`);
  return `\nzeroth COMMAND --help has examples.\n\nExit codes:\n${rows.join('\n')}`;
}

void main(process.argv.slice(2));
