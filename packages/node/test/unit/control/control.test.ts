import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { DiffReport } from '../../../src/control/types.ts';
import { ZerothError } from '../../../src/errors.ts';
import { accepted, everything, ME, refused, run, text, until } from './support.ts';

describe('a reload', () => {
  it('loads, checks, compares, applies, and replaces the snapshot', async (t) => {
    const { control, node, path, log, levels } = await run(t, text());
    const before = control.snapshot;
    assert.deepEqual([before.version, before.origin, before.by.via], [1, path, 'start']);
    const seen: string[][] = [];
    control.listen((snapshot, changes) => {
      assert.equal(snapshot, control.snapshot);
      seen.push(changes.map(({ key }) => key));
    });
    writeFileSync(path, `${text('    timeout: 3s\n')}log: { level: debug }\n`);
    const report = accepted(await control.reload(ME));
    assert.equal(report.version, 2);
    assert.deepEqual(
      report.changes.map(({ key, before: old, after }) => [key, old, after]),
      [
        ['log.level', 'info', 'debug'],
        ['routes.orders.timeout', '0s', '3s'],
      ],
    );
    assert.deepEqual(report.applied?.kept, []);
    assert.equal(node.configs.at(-1)?.routes[0]?.timeout, 3000);
    assert.notEqual(control.snapshot, before);
    assert.equal(before.config.routes[0]?.timeout, 0, 'who has the old one keeps the old one');
    assert.equal(control.snapshot.config, node.configs.at(-1));
    assert.deepEqual(control.snapshot.by, ME);
    assert.deepEqual(levels, ['debug']);
    assert.deepEqual(seen, [['log.level', 'routes.orders.timeout']]);
    const [line] = log.of('config:applied');
    assert.deepEqual([line?.version, line?.via, line?.who, line?.origin], [2, 'socket', 'ann', path]);
    assert.deepEqual((line?.changes as unknown[] | undefined)?.[1], {
      key: 'routes.orders.timeout',
      before: '0s',
      after: '3s',
    });
    assert.deepEqual(control.reloads, { accepted: 1, refused: 0 });
    assert.deepEqual(
      control.history().map(({ version, current }) => [version, current]),
      [
        [1, false],
        [2, true],
      ],
    );
  });

  it('without a change is none', async (t) => {
    const { control, node, path, log } = await run(t, text());
    const before = control.snapshot;
    writeFileSync(path, `# only a comment\n${text()}`);
    const report = accepted(await control.reload(ME));
    assert.deepEqual([report.version, report.changes, report.applied], [1, [], null]);
    assert.deepEqual([node.configs.length, control.history().length], [0, 1]);
    assert.deepEqual(log.of('config:applied'), []);
    assert.equal(control.snapshot, before);
  });

  it('that the node can not take changes nothing, and says why', async (t) => {
    const { control, node, path, log } = await run(t, text());
    const before = control.snapshot;
    node.fail = new ZerothError('RELOAD_FAILED', 'tcp://*:1 is taken');
    writeFileSync(path, text('    timeout: 3s\n'));
    const report = refused(await control.reload(ME));
    assert.deepEqual([report.code, report.message], ['RELOAD_FAILED', 'tcp://*:1 is taken']);
    assert.equal(control.snapshot, before);
    assert.deepEqual(control.lastReload()?.ok, false);
    assert.equal(log.of('config:refused')[0]?.reason, 'tcp://*:1 is taken');
    node.fail = null;
    assert.equal(accepted(await control.reload(ME)).version, 2);
    assert.equal(control.lastReload()?.ok, true);
  });

  it('names what counts from the next start, for as long as it does not count', async (t) => {
    const { control, path } = await run(t, text());
    writeFileSync(path, text('', 'node: { name: other, watch: false }\n'));
    const report = accepted(await control.reload(ME));
    assert.deepEqual(report.warnings, ['node.name: counts from the next start']);
    writeFileSync(path, text('    timeout: 1s\n', 'node: { name: other, watch: false }\n'));
    assert.deepEqual(accepted(await control.reload(ME)).warnings, report.warnings);
    assert.deepEqual(control.snapshot.restart, ['node.name']);
    writeFileSync(path, text());
    await control.reload(ME);
    assert.deepEqual(control.snapshot.restart, []);
  });

  it('waits for the one before', async (t) => {
    const { control, node, path } = await run(t, text());
    let open = (): void => {};
    node.gate = new Promise((resolve) => {
      open = resolve;
    });
    writeFileSync(path, text('    timeout: 1s\n'));
    const first = control.reload(ME);
    const second = control.set('routes.orders.timeout', '2s', { for: null, by: ME });
    const third = control.rollback(null, ME);
    open();
    const versions = [await first, await second, await third].map((each) => accepted(each).version);
    assert.deepEqual(versions, [2, 2, 3]);
    assert.deepEqual(
      node.configs.map(({ routes }) => routes[0]?.timeout),
      [1000, 2000],
    );
  });

  it('by a signal is answered in the log, each time', async (t) => {
    const { control, path, log } = await run(t, text());
    const by = { via: 'signal', who: 'SIGHUP' } as const;
    accepted(await control.reload(by));
    assert.deepEqual(log.of('config:unchanged').at(-1)?.version, 1);
    accepted(await control.reload(ME));
    assert.equal(log.of('config:unchanged').length, 1);
    writeFileSync(path, text('    timout: 1s\n'));
    refused(await control.reload(by));
    refused(await control.reload(by));
    assert.equal(log.of('config:refused').length, 2);
  });

  it('of a listener that throws goes on', async (t) => {
    const { control, path, log } = await run(t, text());
    control.listen(() => {
      throw new Error('listener');
    });
    writeFileSync(path, text('    timeout: 1s\n'));
    accepted(await control.reload(ME));
    assert.equal(log.of('config:listener').length, 1);
  });

  it('after the end is refused', async (t) => {
    const { control } = await run(t, text());
    await control.close();
    for (const report of [
      await control.reload(ME),
      await control.set('log.level', 'debug', { for: null, by: ME }),
      await control.unset('log.level', ME),
      await control.rollback(null, ME),
    ])
      assert.deepEqual(
        [refused(report).code, refused(report).message],
        ['RELOAD_FAILED', 'the node is stopping'],
      );
  });
});

describe('a difference', () => {
  it('is what a reload would change', async (t) => {
    const { control, node, path } = await run(t, text());
    assert.deepEqual(await control.diff(), { ok: true, changes: [] });
    writeFileSync(path, text('    timeout: 3s\n'));
    const diff: DiffReport = await control.diff();
    assert.ok(diff.ok);
    assert.deepEqual(
      diff.changes.map(({ key }) => key),
      ['routes.orders.timeout'],
    );
    assert.equal(node.configs.length, 0);
    writeFileSync(path, text('    timout: 3s\n'));
    const wrong: DiffReport = await control.diff();
    assert.ok(!wrong.ok);
    assert.deepEqual(
      wrong.problems.map(({ line, suggestion }) => [line, suggestion]),
      [[7, 'timeout']],
    );
  });
});

describe('a key set by hand', () => {
  it('counts at once, survives a reload, and ends', async (t) => {
    const { control, node, path, log } = await run(t, text());
    const report = accepted(await control.set('routes.orders.timeout', '3s', { for: null, by: ME }));
    assert.deepEqual(
      report.changes.map(({ key, before, after }) => [key, before, after]),
      [['routes.orders.timeout', '0s', '3s']],
    );
    assert.equal(node.configs.at(-1)?.routes[0]?.timeout, 3000);
    assert.equal(control.snapshot.version, 1);
    const [override] = control.snapshot.overrides;
    assert.deepEqual(
      [override?.key, override?.value, override?.by, override?.expiresAt],
      ['routes.orders.timeout', '3s', ME, null],
    );
    const [line] = log.of('config:set');
    assert.deepEqual([line?.key, line?.value, line?.who], ['routes.orders.timeout', '3s', 'ann']);

    writeFileSync(path, text('    timeout: 9s\n    maxPeers: 5\n'));
    assert.deepEqual(
      accepted(await control.reload(ME)).changes.map(({ key }) => key),
      ['routes.orders.maxPeers'],
    );
    assert.equal(control.snapshot.config.routes[0]?.timeout, 3000);

    const unset = accepted(await control.unset('routes.orders.timeout', ME));
    assert.deepEqual(
      unset.changes.map(({ before, after }) => [before, after]),
      [['3s', '9s']],
    );
    assert.deepEqual(control.snapshot.overrides, []);
    assert.equal(log.of('config:unset').length, 1);
    assert.match(refused(await control.unset('routes.orders.timeout', ME)).message, /not set by hand/);
  });

  it('expires by itself', async (t) => {
    const { control, log } = await run(t, text());
    accepted(await control.set('routes.orders.timeout', '3s', { for: 20, by: ME }));
    assert.ok((control.snapshot.overrides[0]?.expiresAt ?? 0) > Date.now() - 1000);
    await until(() => control.snapshot.overrides.length === 0);
    assert.equal(control.snapshot.config.routes[0]?.timeout, 0);
    assert.deepEqual(control.snapshot.by, { via: 'expiry', who: 'routes.orders.timeout' });
    assert.equal(log.of('config:expired')[0]?.key, 'routes.orders.timeout');
  });

  it('set again has the new value and the new time', async (t) => {
    const { control } = await run(t, text());
    accepted(await control.set('routes.orders.timeout', '3s', { for: 20, by: ME }));
    accepted(await control.set('routes.orders.timeout', '4s', { for: null, by: ME }));
    accepted(await control.set('routes.orders.maxPeers', '4', { for: 30, by: ME }));
    await until(() => control.snapshot.overrides.length === 1);
    assert.equal(control.snapshot.config.routes[0]?.timeout, 4000);
  });

  it('set again while its end waits for a slow change keeps its new value', async (t) => {
    const { control, node, path, log } = await run(t, text());
    writeFileSync(path, text('    maxPeers: 9\n'));
    let open = (): void => {};
    const slow = new Promise<void>((resolve) => {
      open = resolve;
    });
    const stop = control.listen(() => {
      node.gate = slow;
      stop();
    });
    const asked = [
      control.set('routes.orders.timeout', '3s', { for: 1, by: ME }),
      control.reload(ME),
      control.set('routes.orders.timeout', '4s', { for: 60_000, by: ME }),
    ];
    accepted(await (asked[0] as (typeof asked)[number]));
    // Its time is over before this timer's, and its end waits behind the other two.
    await new Promise((resolve) => setTimeout(resolve, 20));
    open();
    for (const report of await Promise.all(asked)) accepted(report);
    // What waited behind them is done when this is.
    await control.diff();
    assert.equal(control.snapshot.config.routes[0]?.timeout, 4000);
    assert.equal(log.of('config:expired').length, 0);
  });

  it('that the node can not take back is tried again, not forgotten', async (t) => {
    const { control, node, log } = await run(t, text());
    accepted(await control.set('routes.orders.timeout', '3s', { for: 20, by: ME }));
    node.fail = new Error('no');
    await until(() => log.of('config:refused').length === 1);
    assert.equal(control.snapshot.overrides.length, 1);
  });

  it('ends with what it was set of', async (t) => {
    const { control, path, log } = await run(
      t,
      `${text()}streams: { s: {} }\nsessions: { bind: tcp://127.0.0.1:1 }\n`,
    );
    accepted(await control.set('streams.s.fsync', 'never', { for: 60_000, by: ME }));
    writeFileSync(path, text());
    const report = accepted(await control.reload(ME));
    assert.ok(report.warnings.some((warning) => warning.startsWith('streams.s.fsync: is not set any more')));
    assert.deepEqual(control.snapshot.overrides, []);
    assert.equal(log.of('config:orphaned')[0]?.key, 'streams.s.fsync');
  });

  it('that a new file does not go with refuses the file', async (t) => {
    const { control, path } = await run(t, text());
    accepted(await control.set('routes.orders.reconnectInterval', '9s', { for: null, by: ME }));
    writeFileSync(path, text('    reconnectMaxInterval: 5s\n'));
    const report = refused(await control.reload(ME));
    assert.equal(report.problems[0]?.code, 'CONFIG_CONFLICT');
    assert.equal(control.snapshot.config.routes[0]?.reconnectMaxInterval, 10_000);
  });

  const wrong: [key: string, value: string, code: string, says: RegExp][] = [
    ['routes.orders.timout', '3s', 'CONFIG_UNKNOWN_KEY', /routes\.orders\.timeout/],
    ['routes.orders.timeout', '3', 'CONFIG_BAD_UNIT', /"3s"/],
    ['routes.orders.timeout', '9000d', 'CONFIG_OUT_OF_RANGE', /0s to 1d/],
    ['routes.orders.timeout', '[3s', 'CONFIG_SYNTAX', /set routes\.orders\.timeout/],
    ['routes.orders.timeout', '', 'CONFIG_WRONG_TYPE', /no value/],
    ['routes.orders.timeout', '&a [*a]', 'CONFIG_ALIAS_CYCLE', /contains it/],
    ['routes.orders.timeout', '{ a: 1, a: 2 }', 'CONFIG_WRONG_TYPE', /a duration/],
    ['routes.orders.maxPeers', 'many', 'CONFIG_WRONG_TYPE', /many/],
    [
      'routes.orders.frontend.bind',
      'tcp://127.0.0.1:5558',
      'CONFIG_ENDPOINT_TWICE',
      /set routes\.orders\.frontend\.bind/,
    ],
    ['node.name', 'x', 'CONFIG_NOT_RELOADABLE', /start the node again/],
    ['routes.orders', '{}', 'CONFIG_WRONG_TYPE', /one key is set at a time/],
  ];
  for (const [key, value, code, says] of wrong) {
    it(`${key} ${value}: ${code}`, async (t) => {
      const { control, node, log } = await run(t, text());
      const before = control.snapshot;
      const report = refused(await control.set(key, value, { for: null, by: ME }));
      assert.equal(report.code, 'CONFIG_INVALID');
      assert.equal(report.problems[0]?.code, code);
      assert.match(
        JSON.stringify(report.problems)
          .replaceAll('\\"', '"')
          .replace(/"suggestion":"(\w+)"/, '"$1"'),
        says,
      );
      assert.deepEqual([control.snapshot, node.configs.length], [before, 0]);
      assert.equal(log.of('config:refused').length, 1);
      assert.doesNotMatch(report.message, /(routes\S+): \1:/);
    });
  }

  it('has limits', async (t) => {
    const { control } = await run(t, text());
    const set = (value: string, time: number | null) =>
      control.set('routes.orders.timeout', value, { for: time, by: ME });
    for (const time of [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 367 * 86_400_000])
      assert.equal(refused(await set('3s', time)).code, 'INPUT_INVALID');
    assert.equal(refused(await set('x'.repeat(16 * 1024 + 1), null)).code, 'INPUT_INVALID');
  });

  it('that is secret is nowhere to be seen', async (t) => {
    const running = await run(t, `${text()}admin: { token: hunter2-the-first-one }\n`);
    const { control, path } = running;
    const reports = [
      await control.set('admin.token', 'hunter2-the-second-one', { for: null, by: ME }),
      await control.set('admin.token', 'hunter2', { for: null, by: ME }),
      await control.set('admin.token', '[hunter2', { for: null, by: ME }),
      await control.set('admin.tokn', 'hunter2', { for: null, by: ME }),
      await control.set('telemetry.headers', 'hunter2', { for: null, by: ME }),
      await control.set('admin.token=hunter2', 'x', { for: null, by: ME }),
      await control.set('admin.bind', 'tcp://me:hunter2@127.0.0.1:1', { for: null, by: ME }),
    ];
    assert.equal(control.snapshot.config.admin.token, 'hunter2-the-second-one');
    assert.equal(control.snapshot.overrides[0]?.value, '[redacted]');
    writeFileSync(
      path,
      `${text()}admin: { token: hunter2-the-third }\ntelemetry: { headers: "a=hunter2" }\n`,
    );
    reports.push(await control.reload(ME));
    writeFileSync(path, `${text()}admin: { token: hunter2 }\n`);
    reports.push(await control.reload(ME));
    reports.push(await control.unset('admin.token', ME));
    assert.equal(reports.filter(({ ok }) => ok).length, 3);
    assert.doesNotMatch(everything(running, reports, await control.diff()), /hunter2/);
  });
});

describe('a rollback', () => {
  it('applies an earlier text as a new version, and leaves the file alone', async (t) => {
    const { control, path, node, log } = await run(t, text('    timeout: 1s\n'));
    const second = text('    timeout: 2s\n');
    writeFileSync(path, second);
    await control.reload(ME);
    accepted(await control.set('routes.orders.maxPeers', '7', { for: null, by: ME }));
    const report = accepted(await control.rollback(1, ME));
    assert.equal(report.version, 3);
    assert.match(report.warnings[0] ?? '', /zeroth\.yaml still has another content/);
    assert.match(report.warnings[1] ?? '', /^routes\.orders\.maxPeers: set by hand, and still counts/);
    assert.deepEqual(
      [node.configs.at(-1)?.routes[0]?.timeout, node.configs.at(-1)?.routes[0]?.maxPeers],
      [1000, 7],
    );
    assert.equal(control.snapshot.origin, 'version 1');
    assert.equal(readFileSync(path, 'utf8'), second);
    assert.equal(log.of('config:rollback')[0]?.to, 1);
    // The file counts again when somebody says so.
    assert.equal(accepted(await control.reload(ME)).version, 4);
    assert.equal(control.snapshot.config.routes[0]?.timeout, 2000);
    // And the one before is the one that was rolled back to.
    assert.equal(accepted(await control.rollback(null, ME)).version, 5);
    assert.equal(control.snapshot.config.routes[0]?.timeout, 1000);
  });

  it('that is refused names the lines of that version', async (t) => {
    const { control, path } = await run(t, text('    reconnectMaxInterval: 5s\n'));
    writeFileSync(path, text());
    accepted(await control.reload(ME));
    accepted(await control.set('routes.orders.reconnectInterval', '9s', { for: null, by: ME }));
    const report = refused(await control.rollback(1, ME));
    assert.deepEqual(
      report.problems.map(({ code, file }) => [code, file]),
      [['CONFIG_CONFLICT', `version 1 of ${path}`]],
    );
    assert.ok(report.message.startsWith(`version 1 of ${path}:7: `), report.message);
  });

  it('to what is not there is refused', async (t) => {
    const { control } = await run(t, text());
    assert.match(refused(await control.rollback(null, ME)).message, /no version before/);
    assert.match(refused(await control.rollback(7, ME)).message, /no version 7; the history has 1$/);
    assert.match(refused(await control.rollback(-1, ME)).message, /no version -1/);
  });
});

it('nothing is left after the end, though something was waiting', async (t) => {
  const { control, node, path } = await run(t, text('', ''));
  let open = (): void => {};
  node.gate = new Promise((resolve) => {
    open = resolve;
  });
  const set = control.set('routes.orders.timeout', '3s', { for: 60_000, by: ME });
  const later = control.set('routes.orders.maxPeers', '3', { for: 60_000, by: ME });
  writeFileSync(path, text('    timeout: 1s\n', ''));
  await until(() => node.asked === 1);
  const closed = control.close();
  open();
  await closed;
  accepted(await set);
  assert.match(refused(await later).message, /stopping/);
  const left = process.getActiveResourcesInfo().filter((name) => /FSEvent|StatWatcher/.test(name));
  assert.deepEqual([left, node.configs.length], [[], 1]);
});
