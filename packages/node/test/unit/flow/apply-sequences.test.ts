/** Any row of configurations: after each the node is what that one says, or, where it can't be had, what it was. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import type { TestContext } from 'node:test';
import { it } from 'node:test';
import fc from 'fast-check';
import { loadConfig } from '../../../src/config/load.ts';
import { streamsOf } from '../../../src/config/streams.ts';
import type { Config } from '../../../src/config/types.ts';
import { ReloadError } from '../../../src/flow/errors.ts';
import { type Node, startNode } from '../../../src/flow/topology.ts';
import { freePort } from '../../support/port.ts';
import { folder, HOST, route, routes, takenPort } from './support.ts';

/** Endpoints of a side: indexes of ports; -1 stands for any free port. */
interface Shape {
  readonly routes: readonly {
    readonly name: string;
    readonly pattern: 'pipeline' | 'reqrep' | 'pubsub';
    readonly front: readonly number[];
    readonly back: readonly number[];
    readonly stream: '' | '{}' | '{ fsync: never }';
    readonly ipv6: boolean;
    readonly mark: number;
  }[];
  readonly streams: readonly string[];
  readonly sessions: readonly number[];
}

const FREE = 6;
/** The index of a port that somebody else has. */
const TAKEN = FREE;

const ports = fc.uniqueArray(
  fc.oneof(
    { weight: 3, arbitrary: fc.constant(-1) },
    { weight: 8, arbitrary: fc.nat(FREE - 1) },
    fc.constant(TAKEN),
  ),
  { minLength: 1, maxLength: 2 },
);

const shape: fc.Arbitrary<Shape> = fc.record({
  routes: fc.uniqueArray(
    fc.record({
      name: fc.constantFrom('a', 'b', 'c'),
      pattern: fc.constantFrom('pipeline', 'reqrep', 'pubsub'),
      front: ports,
      back: ports,
      stream: fc.constantFrom('', '{}', '{ fsync: never }'),
      ipv6: fc.boolean(),
      mark: fc.constantFrom(10, 1000),
    }),
    { selector: ({ name }) => name, maxLength: 3 },
  ),
  streams: fc.uniqueArray(fc.constantFrom('s', 't'), { maxLength: 2 }),
  sessions: fc.oneof(fc.constant([]), ports),
});

function textOf({ routes: all, streams, sessions }: Shape, numbers: readonly number[]): string {
  const endpoint = (index: number): string => `tcp://${HOST}:${index < 0 ? '*' : numbers[index]}`;
  const lines = all.map(({ name, pattern, front, back, stream, ipv6, mark }) => {
    const kept = stream === '' || pattern === 'reqrep' ? '' : `, stream: ${stream}`;
    const more = `ipv6: ${ipv6}, sendHighWaterMark: ${mark}${kept}`;
    const [one, two] = [front, back].map((side) => side.map(endpoint).join(' '));
    return route(name, { pattern, front: one!, back: two!, more });
  });
  const served = sessions.map((index) => JSON.stringify(endpoint(index))).join(', ');
  return [
    lines.length === 0 ? '' : routes(...lines),
    streams.length === 0 ? '' : `streams: { ${streams.map((name) => `${name}: `).join(', ')} }\n`,
    served === '' ? '' : `sessions: { bind: [${served}] }\n`,
  ].join('');
}

/** What listens, by what it is configured as. */
function listening({ node }: { node: Node }): { key: string; configured: string; address: string }[] {
  const found = node
    .status()
    .flatMap(({ name, frontend, backend }) =>
      [frontend, backend].flatMap(({ endpoints }, side) =>
        endpoints.map(({ configured, address }) => ({ key: `${name} ${side}`, configured, address })),
      ),
    );
  const { sessions } = node.config;
  node.sessions.forEach((address, index) => {
    // In the order in which they were bound; a wildcard and a port are told apart by the port.
    const port = address.split(':').at(-1);
    const configured = sessions?.bind.find((each) => each.endsWith(`:${port}`)) ?? `tcp://${HOST}:*`;
    found.push({ key: `sessions ${index}`, configured, address });
  });
  return found;
}

function wanted(config: Config): string[] {
  const of = config.routes.flatMap(({ name, frontend, backend }) =>
    [frontend, backend].flatMap(({ bind }, side) => bind.map((each) => `${name} ${side} ${each}`)),
  );
  return [...of, ...(config.sessions?.bind.map((each) => `sessions ${each}`) ?? [])].sort();
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: HOST });
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

async function check(node: Node, config: Config, numbers: readonly number[]): Promise<void> {
  const found = listening({ node });
  const keys = found.map(
    ({ key, configured }) => `${key.startsWith('sessions') ? 'sessions' : key} ${configured}`,
  );
  assert.deepEqual(keys.sort(), wanted(config));
  assert.deepEqual(
    [...node.routes.keys()],
    config.routes.map(({ name }) => name),
  );
  assert.ok(node.status().every(({ state }) => state === 'running'));
  for (const { name, pattern } of node.status())
    assert.equal(pattern, config.routes.find((each) => each.name === name)?.pattern);
  assert.deepEqual(
    node
      .streams()
      .map(({ name }) => name)
      .sort(),
    streamsOf(config)
      .map(({ name }) => name)
      .sort(),
  );
  for (const { name, settings } of node.streams()) {
    const { name: _name, ...asked } = streamsOf(config).find((each) => each.name === name)!;
    assert.deepEqual(settings, asked);
  }
  const real = new Set(found.map(({ address }) => Number(address.split(':').at(-1))));
  for (const port of real) assert.equal(await answers(port), true, `port ${port} answers`);
  for (const port of numbers.slice(0, FREE))
    assert.equal(await answers(port), real.has(port), `port ${port}`);
}

function handles(): number {
  return process.getActiveResourcesInfo().filter((each) => /TCP|Pipe|FSReq|Timeout/.test(each)).length;
}

it('any row of configurations', { timeout: 200_000 }, async (t: TestContext) => {
  const dir = await folder(t);
  const numbers: number[] = [];
  while (numbers.length < FREE) {
    const port = await freePort();
    if (!numbers.includes(port)) numbers.push(port);
  }
  numbers.push(await takenPort(t));
  const seen = { applied: 0, failed: 0 };
  const before = handles();
  const load = (each: Shape): Config | null => {
    const node = `node: { dataDir: ${JSON.stringify(dir)}, stopTimeout: 2s }\n`;
    return loadConfig({ text: node + textOf(each, numbers), source: 'test' }).config;
  };
  const property = fc.asyncProperty(fc.array(shape, { minLength: 2, maxLength: 6 }), async (rows) => {
    const configs = rows.map(load).filter((config) => config !== null);
    const node = await startNode(load({ routes: [], streams: [], sessions: [] })!);
    try {
      for (const config of configs) {
        const was = {
          config: node.config,
          endpoints: listening({ node }),
          routes: [...node.routes.values()],
        };
        try {
          const { kept } = await node.apply(config);
          seen.applied++;
          assert.deepEqual(node.config, config);
          for (const key of kept) {
            const [section, name] = key.split('.');
            if (section !== 'routes') continue;
            assert.equal(
              node.routes.get(name!),
              was.routes.find((each) => each.name === name),
            );
          }
          // A wildcard that stays has its port.
          for (const { key, configured, address } of was.endpoints) {
            const now = listening({ node }).filter(
              (each) => each.key === key && each.configured === configured,
            );
            if (configured.endsWith('*') && now.length > 0 && !key.startsWith('sessions'))
              assert.ok(
                now.some((each) => each.address === address),
                `${key} ${configured}`,
              );
          }
        } catch (error) {
          if (!(error instanceof ReloadError)) throw error;
          seen.failed++;
          assert.match(error.message, /the node runs as before$/);
          assert.equal(node.config, was.config);
          assert.deepEqual(
            listening({ node })
              .map(({ address }) => address)
              .sort(),
            was.endpoints.map(({ address }) => address).sort(),
          );
        }
        await check(node, node.config, numbers);
      }
    } finally {
      await node.stop({ timeout: 0 });
    }
    for (const port of numbers.slice(0, FREE))
      assert.equal(await answers(port), false, `port ${port} is free`);
  });
  await fc.assert(property, { numRuns: 60 });
  assert.ok(seen.applied > 30 && seen.failed > 5, JSON.stringify(seen));
  // A connection that was looked at may take a turn to be gone.
  const end = performance.now() + 5000;
  while (handles() > before && performance.now() < end)
    await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(handles() <= before, process.getActiveResourcesInfo().join(' '));
  t.diagnostic(JSON.stringify(seen));
});
