/**
 * Nodes that are installed as services of Windows for a test.
 *
 * Guarantees: after the test no such service is left, nor its process, nor a file of it.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LogLine } from '../../support/cli.ts';
import { CONTROL, facts, good, here, manager, PACKAGED, STATE, until, windows, zeroth } from './machine.ts';

/** A test, or a suite. */
export interface Scope {
  after(work: () => Promise<void>): void;
}

export interface InstallOptions {
  /** How the command line is started. */
  readonly program?: readonly string[];
  readonly args?: readonly string[];
  /** That of another service, which removes it; else a new one. */
  readonly folder?: string;
}

interface Side {
  readonly messagesIn: number;
  readonly endpoints: readonly { readonly address: string }[];
}

/** Some of what `zeroth status --json` has. */
export interface NodeStatus {
  readonly routes: readonly { readonly name: string; readonly frontend: Side; readonly backend: Side }[];
  readonly streams: readonly { readonly name: string; readonly next: number }[];
}

export const TOKEN = 'the-token-of-a-test';

export class Installed {
  readonly name: string;
  /** Its folder, with zeroth.yaml and data, as this system sees it. */
  readonly folder: string;
  readonly #program: readonly string[];

  constructor(name: string, folder: string, program: readonly string[]) {
    this.name = name;
    this.folder = folder;
    this.#program = program;
  }

  get file(): string {
    return join(this.folder, 'zeroth.yaml');
  }

  get logFile(): string {
    return here(`${programData()}\\zeroth\\${this.name}\\log\\zeroth.log`);
  }

  /** Writes its configuration: these routes. */
  configure(routes: string): void {
    writeFileSync(this.file, configuration(this.name, routes));
  }

  /** `zeroth service VERB --name NAME ARGS...`; fails unless it ends with 0. */
  service(verb: string, ...args: string[]): Promise<string> {
    return good(['service', verb, '--name', this.name, ...args], this.#program);
  }

  log(): readonly LogLine[] {
    if (!existsSync(this.logFile)) return [];
    const lines = readFileSync(this.logFile, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as LogLine);
  }

  /** The lines of an event since the node began to start last. */
  events(event: string): readonly LogLine[] {
    const log = this.log();
    return log
      .slice(log.findLastIndex((line) => line.event === 'start'))
      .filter((line) => line.event === event);
  }

  /** Where a route of the running node is bound. */
  async address(route: string, side: 'frontend' | 'backend'): Promise<string> {
    const { routes } = await this.status();
    const [endpoint] = routes.find(({ name }) => name === route)?.[side].endpoints ?? [];
    if (endpoint === undefined) throw new Error(`${route} has no ${side}: ${JSON.stringify(routes)}`);
    return endpoint.address;
  }

  /** Its control API. */
  get url(): string {
    const [address] = (this.events('ready')[0]?.admin ?? []) as string[];
    if (address === undefined)
      throw new Error(`${this.name} is not ready: ${JSON.stringify(this.log(), null, 1)}`);
    return address;
  }

  /** What it says of itself, to this system: Wine can't list the pipes by which commands find a node. */
  async status(): Promise<NodeStatus> {
    const answer = await fetch(`${this.url}/v1/status`, { headers: { authorization: `Bearer ${TOKEN}` } });
    return (await answer.json()) as NodeStatus;
  }

  /** Its process, started and ready. */
  async started(): Promise<number> {
    await this.service('start');
    const { state, pid } = await (await manager()).query(this.name);
    if (state !== STATE.running)
      throw new Error(`state ${state} after its start: ${JSON.stringify(this.log(), null, 1)}`);
    return pid;
  }
}

/** Installs `zeroth run FILE` as a service. */
export async function installed(
  scope: Scope,
  name: string,
  routes: string,
  { program = PACKAGED, args = [], folder = newFolder() }: InstallOptions = {},
): Promise<Installed> {
  leavesNothing(scope, name, folder);
  const service = new Installed(name, folder, program);
  service.configure(routes);
  await good(['service', 'install', windows(service.file), '--name', name, ...args], program);
  return service;
}

function newFolder(): string {
  return mkdtempSync(join(facts.scratch, 'a service '));
}

/** Removes a service after the test, and these folders. */
export function leavesNothing(scope: Scope, name: string, ...folders: string[]): void {
  scope.after(async () => {
    const agent = await manager();
    const { error, pid } = await agent.query(name);
    if (error === undefined) {
      if (pid > 0 && (await agent.alive(pid))) await agent.control(name, CONTROL.stop);
      // One that does not stop is the failure of its test; here it has to go.
      if (pid > 0)
        await until(`the end of ${name}`, async () => !(await agent.alive(pid))).catch(() => agent.kill(pid));
      await zeroth(['service', 'uninstall', '--name', name]);
      await agent.remove(name);
    }
    for (const folder of [...folders, here(`${programData()}\\zeroth\\${name}`)])
      rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  });
}

function programData(): string {
  return facts.drive === undefined ? (process.env.ProgramData ?? 'C:\\ProgramData') : 'C:\\ProgramData';
}

const ANY = 'tcp://127.0.0.1:0';

export function route(name: string, pattern: string, more = ''): string {
  return `  ${name}: { pattern: ${pattern}, frontend: { bind: "${ANY}" }, backend: { bind: "${ANY}" }${more} }\n`;
}

/** A node that does not look after its file by itself; its name is that of its service. */
export function configuration(name: string, routes: string): string {
  const node = `{ name: ${name}, dataDir: ./data, watch: false, stopTimeout: 30s }`;
  return `node: ${node}\nadmin: { bind: "${ANY}", token: ${TOKEN} }\nroutes:\n${routes}`;
}

export const THREE: string =
  route('telemetry', 'pubsub') + route('orders', 'reqrep') + route('jobs', 'pipeline');
