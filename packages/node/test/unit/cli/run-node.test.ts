/** What a node that is a service of the system says of itself before it has a log. */
import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { it } from 'node:test';
import { NodeService } from '../../../src/cli/run/node.ts';
import type { Terminal } from '../../../src/cli/terminal.ts';
import type { EventRecord } from '../../../src/log/events.ts';
import type { ServiceHost } from '../../../src/service/host.ts';
import { Runner } from '../../../src/service/runner.ts';

interface Stage {
  readonly node: NodeService;
  readonly host: ServiceHost;
  readonly records: readonly EventRecord[];
  readonly said: readonly string[];
}

function stage(log: string | null): Stage {
  const records: EventRecord[] = [];
  const said: string[] = [];
  const host: ServiceHost = {
    kind: 'windows',
    listen: () => {},
    tell: () => {},
    record: (event) => void records.push(event),
    ended: () => Promise.resolve(),
    flush: () => {},
  };
  const terminal = {
    out: () => Promise.resolve(),
    err: (line: string) => void said.push(line),
    fail: (error: Error) => said.push(error.message),
    errIsTerminal: false,
    errColour: false,
  } as unknown as Terminal;
  const node = new NodeService({ file: null, quiet: true, service: 'edge', log, terminal, host });
  return { node, host, records, said };
}

it('its log can not be opened: that is an event of the system', async () => {
  const { node, host, records, said } = stage(tmpdir());
  const runner = new Runner(node, { host, journal: node, exit: () => {}, exitCode: () => 4 });
  assert.deepEqual(await runner.run(), { code: 4, cut: false });
  node.close();
  assert.deepEqual(
    records.map(({ id, level, fields }) => [id, level, fields.code]),
    [[105, 'fatal', 'FILE_FAILED']],
  );
  assert.equal(said.length, 1);
});

it('it crashes before its log is open: an event, and words', async () => {
  const { node, host, records, said } = stage(null);
  const codes: number[] = [];
  const runner = new Runner(node, {
    host,
    journal: node,
    exit: (code) => codes.push(code),
    exitCode: () => 4,
  });
  const stop = new Error('enough');
  const context = { signal: AbortSignal.abort(stop), progress: () => {}, event: () => {}, fail: () => {} };
  await assert.rejects(node.start(context), stop);
  runner.crash(new Error('boom'));
  node.close();
  assert.deepEqual(codes, [1]);
  assert.deepEqual(
    records.map(({ id }) => id),
    [106],
  );
  assert.match(said.join(), /^Error: boom\n/);
});
