/** A node that commands talk to, as a process, with a pipeline and a route of requests. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Ended, LogLine, Running } from './cli.ts';
import { cli, folder, start } from './cli.ts';
import * as lib from './libzmq.ts';

export const ROUTES: string = `routes:
  jobs: { pattern: pipeline, frontend: { bind: "tcp://127.0.0.1:0" }, backend: { bind: "tcp://127.0.0.1:0" } }
  orders: { pattern: reqrep, frontend: { bind: "tcp://127.0.0.1:0" }, backend: { bind: "tcp://127.0.0.1:0" } }
`;

export interface Controlled {
  readonly process: Running;
  readonly file: string;
  readonly dir: string;
  readonly name: string;
  /** Its own commands: `zeroth COMMAND --node NAME`. */
  run(...args: readonly string[]): Promise<Ended>;
  log(): LogLine[];
  /** The line of the log, once it is there. */
  line(event: string, more?: (line: LogLine) => boolean): Promise<LogLine>;
  write(text: string): Promise<void>;
}

let nodes = 0;

/** A running node of a name of its own. `head` are lines of the file before the routes. */
export async function controlled(t: TestContext, head = '', nodeKeys = 'watch: false'): Promise<Controlled> {
  const dir = await folder(t);
  const name = `node-${process.pid}-${++nodes}`;
  const file = join(dir, 'zeroth.yaml');
  const node = `node: { name: ${name}, dataDir: ./data, ${nodeKeys} }\n`;
  const write = (text: string): Promise<void> => writeFile(file, `${node}${text}`);
  await write(`${head}${ROUTES}`);
  const running = start(t, ['run', file]);
  await running.waitFor('stderr', /"event":"ready"/);
  const log = (): LogLine[] =>
    running.stderr
      .split('\n')
      // Of the last one there may be only the beginning.
      .slice(0, -1)
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as LogLine);
  const line = async (event: string, more: (line: LogLine) => boolean = () => true): Promise<LogLine> => {
    const found = (): LogLine | undefined => log().find((each) => each.event === event && more(each));
    await running.until(`no ${event} in the log`, () => found() !== undefined);
    return found() as LogLine;
  };
  const run = (...args: readonly string[]): Promise<Ended> => {
    const at = args.indexOf('--');
    const options = at === -1 ? args : args.slice(0, at);
    return cli([...options, '--node', name, ...(at === -1 ? [] : args.slice(at))]);
  };
  return { process: running, file, dir, name, run, log, line, write };
}

export function address(node: Controlled, route: string, side: 'frontend' | 'backend'): string {
  const line = node.log().find((each) => each.event === 'route:ready' && each.route === route);
  const [first] = (line?.[side] ?? []) as string[];
  assert.ok(first !== undefined, `${node.name} has no ${route}`);
  return first;
}

/** Sends messages through the pipeline of the node, whenever it is asked to. */
export async function flowing(t: TestContext, node: Controlled): Promise<() => Promise<void>> {
  const [push, pull] = [lib.pushSocket(t), lib.pullSocket(t)];
  await lib.connected(push, address(node, 'jobs', 'frontend'));
  await lib.connected(pull, address(node, 'jobs', 'backend'));
  let n = 0;
  return async () => {
    await push.send(`${++n}`);
    assert.deepEqual(await lib.receiveTexts(pull, 1), [`${n}`]);
  };
}
