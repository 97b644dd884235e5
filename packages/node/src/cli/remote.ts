/**
 * A running node, as commands talk to it: over its local socket, or over HTTP with a token.
 *
 * Guarantees: a command finds the one node of this user by itself, and never picks one of several; a token is never read
 * from the command line; an answer is bounded, and waited for no longer than {@link PATIENCE} without a sign.
 */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { request } from 'node:http';
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { Option } from 'commander';
import type { LocalSocket } from '../admin/local.ts';
import { localSockets } from '../admin/local.ts';
import type { Problem } from '../config/problem.ts';
import { printable } from '../config/problem.ts';
import type { ErrorCode } from '../errors.ts';
import { ERROR_CODES } from '../errors.ts';
import { CliError, fileError, usageError } from './errors.ts';
import { EXIT } from './exit.ts';
import { packageVersion } from './version.ts';

/** Milliseconds. A reload may drain endpoints for as long as `node.stopTimeout` says. */
const PATIENCE = 120_000;
/** Milliseconds that a node has to say how it is. */
const LOOK = 10_000;
/** Milliseconds that the search for nodes gives each of them. */
const SEARCH = 2000;
const MAX_ANSWER = 64 * 1024 * 1024;

interface Options {
  readonly node?: string;
  readonly url?: string;
  readonly tokenFile?: string;
}

/** Where a request goes. */
type Target = Pick<RequestOptions, 'socketPath' | 'host' | 'port' | 'headers'>;

/** The options of every command that talks to a node. */
export function addRemote(command: Command): void {
  command
    .option('--node <NAME>', 'the node, where several run here')
    .addOption(new Option('--url <URL>', 'its control API: http://HOST:PORT').conflicts('node'))
    .option('--token-file <FILE>', 'the token for --url (or ZEROTH_TOKEN in the environment)');
}

/** The node that the options mean. @throws CliError NODE_NOT_FOUND, NODE_UNREACHABLE. */
export async function remoteOf(command: Command): Promise<RemoteNode> {
  const { node, url, tokenFile } = command.opts<Options>();
  if (url !== undefined) return new RemoteNode(targetOf(url, tokenOf(tokenFile)), url);
  if (tokenFile !== undefined)
    throw usageError('--token-file goes with --url', 'a node of this user on this machine asks for no token');
  const found = await search();
  const fitting = node === undefined ? found : found.filter(({ name }) => name === node);
  const [first, second] = fitting;
  if (first === undefined || second !== undefined) throw notOne(found, node);
  const where = `node ${first.name}`;
  if (first.answers) return new RemoteNode(first.target, where);
  throw unreachable(`${where} (process ${first.pid})`, new SilenceError(SEARCH));
}

/** The node of this process id; null: it does not answer. */
export async function remoteOfProcess(pid: number): Promise<RemoteNode | null> {
  const found = await search((socket) => socket.pid === pid);
  const [first] = found;
  return first?.answers === true ? new RemoteNode(first.target, `node ${first.name}`) : null;
}

export class RemoteNode {
  /** For messages: `node plant-7`, or the URL. */
  readonly where: string;
  readonly #target: Target;
  readonly #patience: number;

  /** `patience`: milliseconds without a sign until it counts as unreachable. */
  constructor(target: Target, where: string, patience: number = PATIENCE) {
    this.#target = target;
    this.where = where;
    this.#patience = patience;
  }

  /** Sends a request and reads the answer, of whatever status is in `also` or good. @throws CliError */
  async call<T>(method: string, path: string, body?: object, also: readonly number[] = []): Promise<T> {
    return await this.#answered<T>(await this.#open(method, path, body), also);
  }

  async #answered<T>(answer: IncomingMessage, also: readonly number[]): Promise<T> {
    const text = await textOf(answer, this.where);
    const status = answer.statusCode ?? 0;
    const value = parsed(text);
    if ((status >= 200 && status < 300) || also.includes(status)) {
      if (value !== undefined) return value as T;
      throw noNode(this.where);
    }
    throw refusal(status, value) ?? noNode(this.where);
  }

  get<T>(path: string): Promise<T> {
    return this.call<T>('GET', path);
  }

  /** What it says at once, if it can: a node that hangs is told soon. @throws CliError, also when `signal` aborts. */
  async look<T>(path: string, signal?: AbortSignal): Promise<T> {
    const soon = new RemoteNode(this.#target, this.where, Math.min(this.#patience, LOOK));
    return await soon.#answered<T>(await soon.#open('GET', path, undefined, signal), []);
  }

  /** The lines of an answer that goes on, each a JSON text, until `signal` aborts or the node ends them. @throws CliError */
  async *lines(path: string, signal: AbortSignal): AsyncGenerator<unknown, void> {
    const answer = await this.#open('GET', path, undefined, signal);
    const status = answer.statusCode ?? 0;
    if (status !== 200) throw refusal(status, parsed(await textOf(answer, this.where))) ?? noNode(this.where);
    answer.setEncoding('utf8');
    let rest = '';
    try {
      for await (const chunk of answer as AsyncIterable<string>) {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() as string;
        if (rest.length > MAX_ANSWER) throw noNode(this.where);
        for (const line of lines) if (line !== '') yield parsed(line);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof CliError) throw error;
      throw new CliError('NODE_UNREACHABLE', `${this.where} has ended the connection`, {
        exitCode: EXIT.start,
        hint: 'it was stopped, or is gone',
        cause: error,
      });
    }
  }

  #open(method: string, path: string, body?: object, signal?: AbortSignal): Promise<IncomingMessage> {
    const text = body === undefined ? null : Buffer.from(JSON.stringify(body));
    const headers = {
      ...this.#target.headers,
      'User-Agent': agent(),
      Accept: 'application/json',
      ...(text === null ? {} : { 'Content-Type': 'application/json', 'Content-Length': text.length }),
    };
    return new Promise((resolve, reject) => {
      const sent = request({
        ...this.#target,
        method,
        path,
        headers,
        agent: false,
        timeout: this.#patience,
        ...(signal === undefined ? {} : { signal }),
      });
      sent.once('response', resolve);
      sent.once('timeout', () => sent.destroy(new SilenceError(this.#patience)));
      sent.once('error', (error) => reject(unreachable(this.where, error)));
      sent.end(text ?? undefined);
    });
  }
}

/** An answer that says no, with everything that the node said. */
export class RefusedError extends CliError {
  readonly problems: readonly Problem[];
  readonly status: number;

  constructor(
    status: number,
    code: ErrorCode,
    message: string,
    hint: string | undefined,
    problems: readonly Problem[],
  ) {
    super(code, message, { exitCode: exitOf(code), ...(hint === undefined ? {} : { hint }) });
    this.status = status;
    this.problems = problems;
  }
}

function exitOf(code: ErrorCode): number {
  switch (code) {
    case 'CONFIG_INVALID':
      return EXIT.config;
    case 'ADMIN_UNAUTHORIZED':
    case 'RELOAD_FAILED':
    case 'BIND_FAILED':
    case 'SOURCE_FAILED':
    case 'SOURCE_KEY_MISSING':
      return EXIT.start;
    case 'ADMIN_FAILED':
      return EXIT.unexpected;
    default:
      return EXIT.usage;
  }
}

function refusal(status: number, value: unknown): RefusedError | null {
  const error = (
    value as { error?: { code?: string; message?: string; hint?: string; problems?: unknown } } | undefined
  )?.error;
  const code = ERROR_CODES.find((known) => known === error?.code);
  if (error === undefined || code === undefined) return null;
  const problems = Array.isArray(error.problems) ? (error.problems as Problem[]) : [];
  const own = typeof error.hint === 'string' ? printable(error.hint) : undefined;
  const hint =
    code === 'ADMIN_UNAUTHORIZED'
      ? 'give it the token of the node: --token-file FILE, or ZEROTH_TOKEN in the environment'
      : own;
  return new RefusedError(status, code, printable(String(error.message)), hint, problems);
}

async function textOf(answer: IncomingMessage, where: string): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MAX_ANSWER) throw new Error('the answer is too long');
      chunks.push(chunk);
    }
  } catch (error) {
    throw unreachable(where, error);
  }
  return Buffer.concat(chunks).toString();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

interface FoundNode {
  readonly name: string;
  readonly pid: number;
  readonly target: Target;
  /** False: it is there, and hangs. */
  readonly answers: boolean;
}

/** The nodes of this user. */
async function search(wanted: (socket: LocalSocket) => boolean = () => true): Promise<readonly FoundNode[]> {
  const sockets = localSockets(process.env).filter(wanted);
  const asked = await Promise.all(
    sockets.map(async ({ path, name, pid }) => {
      const target = { socketPath: path, headers: { Host: 'localhost' } };
      try {
        const answer = await new RemoteNode(target, path, SEARCH).get<{ name?: unknown }>('/v1/node');
        return typeof answer.name === 'string'
          ? { name: printable(answer.name), pid, target, answers: true }
          : null;
      } catch (error) {
        // Killed ones leave their socket behind, and refuse.
        const hangs = error instanceof CliError && error.cause instanceof SilenceError;
        return hangs ? { name: printable(name), pid, target, answers: false } : null;
      }
    }),
  );
  return asked.filter((one) => one !== null);
}

function notOne(found: readonly FoundNode[], wanted: string | undefined): CliError {
  const names = found.map(({ name }) => name).join(', ');
  if (found.length === 0)
    return new CliError('NODE_NOT_FOUND', 'no node of this user runs on this machine', {
      exitCode: EXIT.start,
      hint: 'start one: zeroth run FILE. One of another user or machine: --url http://HOST:PORT (its admin.bind)',
    });
  if (wanted === undefined)
    return new CliError('NODE_NOT_FOUND', `several nodes run here: ${names}`, {
      exitCode: EXIT.usage,
      hint: 'choose one: --node NAME',
    });
  const several = found.filter(({ name }) => name === wanted).length > 1;
  return new CliError(
    'NODE_NOT_FOUND',
    several ? `several nodes here have the name ${wanted}` : `no node ${wanted} runs here`,
    {
      exitCode: EXIT.start,
      hint: several ? 'give them names of their own: node.name' : `there are: ${names}`,
    },
  );
}

function targetOf(text: string, token: string | null): Target {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (
    url === null ||
    url.protocol !== 'http:' ||
    url.pathname !== '/' ||
    url.search !== '' ||
    url.username !== ''
  )
    throw usageError(`--url takes http://HOST:PORT, not ${printable(text).slice(0, 200)}`);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return {
    host,
    port: url.port === '' ? 80 : Number(url.port),
    headers: { Host: url.host, ...(token === null ? {} : { Authorization: `Bearer ${token}` }) },
  };
}

/** From a file or the environment: a command line can be seen by every user of the machine. */
function tokenOf(file: string | undefined): string | null {
  let token = process.env.ZEROTH_TOKEN ?? '';
  if (file !== undefined) {
    try {
      token = readFileSync(file, 'utf8').trim();
    } catch (cause) {
      throw fileError('read', file, { cause, exitCode: EXIT.usage });
    }
  }
  if (token === '' && file === undefined) return null;
  if (/^[\x21-\x7e]{1,512}$/.test(token)) return token;
  throw usageError(`${file ?? 'ZEROTH_TOKEN'} holds no token: it is printable characters without a space`);
}

/** Somebody is there, and says nothing. */
class SilenceError extends Error {
  constructor(milliseconds: number) {
    super(`nothing was heard for ${milliseconds / 1000} s`);
  }
}

function unreachable(where: string, cause: unknown): CliError {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code?.startsWith('HPE_') === true) return noNode(where);
  const reason = code === undefined || message.includes(code) ? message : `${message} (${code})`;
  return new CliError('NODE_UNREACHABLE', `${where} does not answer: ${reason}`, {
    exitCode: EXIT.start,
    hint:
      cause instanceof SilenceError
        ? 'it hangs, or its machine is overloaded; its log may say more'
        : 'does it run? Its log has its addresses; admin.bind says where it listens',
    cause,
  });
}

/** Something else answers there. */
function noNode(where: string): CliError {
  return new CliError('NODE_UNREACHABLE', `what answers at ${where} is not a Zeroth node`, {
    exitCode: EXIT.start,
    hint: 'check --url against admin.bind of the node',
  });
}

/** For the audit of the node. */
function agent(): string {
  let user = '';
  try {
    user = userInfo().username;
  } catch {
    // A user without a name.
  }
  return `zeroth/${packageVersion()} (${user.replace(/[^\w.@-]/g, '')})`;
}
