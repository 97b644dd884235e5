import assert from 'node:assert/strict';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { test } from 'node:test';
import type { Controls, ServiceHost } from '../../../../src/service/host.ts';
import { hasKoffi, loadKoffi } from '../../../../src/service/koffi.ts';
import { openDatagrams, unixAddress } from '../../../../src/service/systemd/datagram.ts';
import { openSystemdHost } from '../../../../src/service/systemd/host.ts';
import { stateLines, watchdogInterval } from '../../../../src/service/systemd/notify.ts';
import { noDatagrams, parseEntry, receive } from '../../../support/datagrams.ts';

const skip = noDatagrams() ?? (hasKoffi() ? false : 'koffi is not there');

const controls = (alive: () => boolean): Controls => ({
  canPause: true,
  canReload: true,
  stop: () => {},
  stopNow: () => {},
  pause: () => {},
  resume: () => {},
  reload: () => {},
  lost: () => {},
  alive,
});

for (const kind of ['path', 'abstract'] as const)
  test(`states arrive at a socket with ${kind === 'path' ? 'a path' : 'an abstract name'}`, {
    skip,
  }, async (t) => {
    const systemd = await receive(t, kind);
    const environment: NodeJS.ProcessEnv = {
      NOTIFY_SOCKET: systemd.path,
      WATCHDOG_USEC: '3000000',
      KEEP: 'x',
    };
    const host = openSystemdHost(environment) as ServiceHost;
    // Programs that are started from here do not speak for us.
    assert.deepEqual(environment, { KEEP: 'x' });
    assert.equal(host.record, null);
    const told = async (...args: Parameters<ServiceHost['tell']>): Promise<string> => {
      host.tell(...args);
      return (await systemd.next()).toString();
    };
    assert.equal(
      await told('starting', { text: 'recovering\nstream a', within: 1500.5 }),
      'STATUS=starting: recovering stream a\nEXTEND_TIMEOUT_USEC=1500500',
    );
    assert.equal(await told('running'), 'READY=1\nSTATUS=running');
    assert.match(await told('reloading'), /^RELOADING=1\nMONOTONIC_USEC=\d+\nSTATUS=reloading$/);
    assert.equal(await told('running', { text: 'ok' }), 'READY=1\nSTATUS=running: ok');
    assert.equal(await told('pausing'), 'STATUS=pausing');
    assert.equal(await told('paused'), 'READY=1\nSTATUS=paused');
    assert.equal(
      await told('stopping', { within: 2000 }),
      'STOPPING=1\nSTATUS=stopping\nEXTEND_TIMEOUT_USEC=2000000',
    );
    await host.ended(3);
    assert.equal((await systemd.next()).toString(), 'STOPPING=1\nSTATUS=ended with code 3');
  });

test('a sign of life is sent while the program says that it works, and no longer', { skip }, async (t) => {
  const systemd = await receive(t);
  const host = openSystemdHost({
    NOTIFY_SOCKET: systemd.path,
    WATCHDOG_USEC: '30000',
    WATCHDOG_PID: String(process.pid),
  }) as ServiceHost;
  let asked = 0;
  const refused = new Promise<void>((resolve) => {
    host.listen(
      controls(() => {
        asked++;
        if (asked === 6) resolve();
        return asked <= 3;
      }),
    );
  });
  for (let i = 0; i < 3; i++) assert.equal((await systemd.next()).toString(), 'WATCHDOG=1');
  await refused;
  const before = process.listenerCount('SIGTERM');
  await host.ended(0);
  assert.equal(process.listenerCount('SIGTERM'), before - 1);
  assert.match((await systemd.next()).toString(), /^STOPPING=1/);
});

test('events go to the journal with their fields', { skip }, async (t) => {
  const journald = await receive(t);
  const fd = openSync('/dev/null', 'r');
  t.after(() => closeSync(fd));
  const { dev, ino } = fstatSync(fd);
  const environment = { JOURNAL_STREAM: `${dev}:${ino}`, SYSLOG_IDENTIFIER: 'edge' };
  const host = openSystemdHost(environment, { journalSocket: journald.path, stderr: fd }) as ServiceHost;
  host.record?.({ id: 3, name: 'crash', level: 'fatal', message: 'fault', fields: { err: 'a\nb' }, time: 0 });
  const fields = parseEntry(await journald.next());
  assert.deepEqual(
    ['MESSAGE', 'PRIORITY', 'SYSLOG_IDENTIFIER', 'ZEROTH_ID', 'ZEROTH_EVENT', 'ZEROTH_ERR'].map((name) =>
      fields.get(name),
    ),
    ['fault err=a', '2', 'edge', '3', 'crash', 'a\nb'],
  );
  await host.ended(0);
});

test('started by anybody else there is no such host', () => {
  assert.equal(openSystemdHost({}), null);
  assert.equal(openSystemdHost({ JOURNAL_STREAM: '1:2' }), null);
});

test('what can not be sent is said, and a closed socket is not used again', { skip }, async (t) => {
  const { path, next } = await receive(t);
  const datagrams = openDatagrams(loadKoffi());
  const address = unixAddress(path) as Uint8Array;
  assert.equal(datagrams?.send(address, Buffer.from('one')), null);
  assert.equal((await next()).toString(), 'one');
  assert.equal(datagrams?.send(unixAddress(`${path}-gone`) as Uint8Array, Buffer.from('x')), 'ENOENT');
  datagrams?.close();
  datagrams?.close();
  assert.equal(datagrams?.send(address, Buffer.from('two')), 'EBADF');
});

test('addresses of sockets', () => {
  assert.equal(unixAddress('relative'), null);
  assert.equal(unixAddress(''), null);
  assert.equal(unixAddress('@'), null);
  assert.equal(unixAddress(`/${'x'.repeat(107)}`), null);
  assert.equal(unixAddress(`/${'x'.repeat(106)}`)?.length, 2 + 108);
  assert.deepEqual([...(unixAddress('@ab') ?? [])].slice(2), [0, 97, 98]);
});

test('the watchdog of another process, and nonsense, are none', () => {
  assert.equal(watchdogInterval({ WATCHDOG_USEC: '30000000' }), 10_000);
  assert.equal(watchdogInterval({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '1' }), null);
  for (const WATCHDOG_USEC of ['0', '-5', 'x', '', '9'.repeat(20)])
    assert.equal(watchdogInterval({ WATCHDOG_USEC }), null);
  assert.equal(watchdogInterval({ WATCHDOG_USEC: '999999999999999' }), 2 ** 31 - 1);
});

test('a status is one line, and short', () => {
  const [status = ''] = stateLines('starting', { text: `a\nREADY=1\n${'x'.repeat(9000)}` });
  assert.equal(status.includes('\n'), false);
  assert.ok(status.length <= 520);
});
