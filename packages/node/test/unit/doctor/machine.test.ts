/** Checks of the runtime, the clock, permissions, cryptography, local sockets, the network and services. */
import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import manifest from 'zeroth/package.json' with { type: 'json' };
import { openConfig } from '../../../src/control/open.ts';
import { checkClock, checkSkew, judgeClock, resolutionOf } from '../../../src/doctor/clock.ts';
import { checkCryptography } from '../../../src/doctor/cryptography.ts';
import { checkIpc } from '../../../src/doctor/ipc.ts';
import { checkNetwork, crowdOf } from '../../../src/doctor/network.ts';
import {
  filesLimitOf,
  judgeFiles,
  judgeRuntime,
  NODE_LEAST,
  runtimeFacts,
} from '../../../src/doctor/node.ts';
import { checkPermissions } from '../../../src/doctor/permissions.ts';
import { checkServices } from '../../../src/doctor/services.ts';
import { ZerothError } from '../../../src/errors.ts';
import type { ServiceManager, ServiceStatus } from '../../../src/service/manager.ts';
import { one, only, surroundings } from '../../support/doctor.ts';

const ROUTE = one('tcp://127.0.0.1:0');

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'zeroth-doctor-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

describe('doctor: node', () => {
  const facts = { ...runtimeFacts(), limit: null, memory: 8e9, heap: 2e9 };

  it('is content with this one, and asks for what the package does', () => {
    assert.equal(judgeRuntime(facts).status, 'ok');
    assert.equal(manifest.engines.node, `>=${NODE_LEAST.join('.')}`);
  });

  it('refuses old versions, warns of 32 bit and of little memory', () => {
    assert.equal(judgeRuntime({ ...facts, version: '20.18.9' }).status, 'failure');
    assert.equal(judgeRuntime({ ...facts, version: '21.0.0' }).status, 'ok');
    assert.match(judgeRuntime({ ...facts, arch: 'arm' }).message, /no 64 bit/);
    assert.match(judgeRuntime({ ...facts, limit: 64e6 }).message, /limited to 61 MiB/);
    assert.match(judgeRuntime({ ...facts, limit: 512e6 }).hint ?? '', /max-old-space-size=244/);
  });

  it('counts open files against the connections of the configuration', async () => {
    const { opened } = await surroundings(ROUTE);
    const { config } = opened;
    assert.equal(judgeFiles(1_048_576, config).status, 'ok');
    assert.equal(judgeFiles(null, config).status, 'ok');
    const few = judgeFiles(1024, config);
    assert.equal(few.status, 'warning');
    assert.match(few.message, /1,024 open files at most; the configuration allows 20,002 connections/);
    assert.equal(
      filesLimitOf('Limit x\nMax open files            1024                 4096                 files\n'),
      4096,
    );
  });
});

describe('doctor: clock', () => {
  const at = Date.UTC(2026, 6, 1);
  const facts = {
    resolution: 100,
    readings: [0, 40, 80].map((run) => ({ day: at + run, run })),
    zone: 'UTC',
    synchronised: true,
    behind: [],
  };

  it('looks at the real ones', async () => {
    const results = await checkClock(await surroundings(ROUTE));
    assert.ok(results.every(({ figures }) => (figures.resolutionNs as number) < 1_000_000));
  });

  it('warns when it jumps, is coarse, is years behind, or nobody keeps it', () => {
    assert.equal(only(judgeClock(facts)).status, 'ok');
    assert.match(only(judgeClock({ ...facts, synchronised: null })).message, /nobody here says/);
    const jump = [...facts.readings, { day: at + 5000, run: 120 }];
    assert.match(only(judgeClock({ ...facts, readings: jump })).message, /jumped by 4\.88 s/);
    const back = [...facts.readings, { day: at - 5000, run: 120 }];
    assert.match(only(judgeClock({ ...facts, readings: back })).message, /jumped by 5\.12 s/);
    assert.match(only(judgeClock({ ...facts, resolution: 15_600_000 })).message, /can't be measured/);
    assert.match(only(judgeClock({ ...facts, readings: [{ day: 0, run: 0 }] })).message, /years behind/);
    assert.match(only(judgeClock({ ...facts, synchronised: false })).message, /no NTP/);
    let ticks = 0n;
    assert.equal(
      resolutionOf(() => (ticks++ / 3n) * 1000n),
      1000,
    );
  });

  it('compares it with the date of a centre, and with files that are from later', async (t) => {
    const dir = await folder(t);
    const server = createServer((_request, response) => response.end()).listen(0, '127.0.0.1');
    t.after(() => server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const { opened } = await surroundings(`node: { dataDir: ${JSON.stringify(dir)} }\n${ROUTE}`);
    const source = { kind: 'consul', url: `http://127.0.0.1:${port}`, key: 'k' } as const;
    const config = {
      ...opened.config,
      source: { ...source, bucket: '', namespace: '', user: '', password: '', token: '', timeout: 1000 },
    };
    const given = await surroundings(ROUTE);
    assert.deepEqual(await checkSkew(given, config), []);
    const slow = only(await checkSkew(given, config, () => Date.now() - 60_000));
    assert.match(slow.message, /behind what 127\.0\.0\.1:\d+ says/);
    assert.match(only(await checkSkew(given, config, () => Date.now() + 60_000)).message, /ahead of/);
    await mkdir(join(dir, 'streams', 'events'), { recursive: true });
    const later = Date.now() / 1000 + 3600;
    await utimes(join(dir, 'streams', 'events'), later, later);
    assert.match(
      only(await checkSkew(given, { ...config, source: null })).message,
      /behind what was written into/,
    );
  });
});

describe('doctor: permissions', () => {
  const SECRET = `admin: { bind: "tcp://127.0.0.1:0", token: 0123456789abcdef }\n`;
  const user = { uid: 1000, name: 'ann' };
  const skip = process.platform === 'win32';

  it('warns of secrets that everybody can read, and of files that everybody can change', {
    skip,
  }, async (t) => {
    const file = join(await folder(t), 'zeroth.yaml');
    await writeFile(file, `${ROUTE}${SECRET}`);
    const opened = await openConfig({ from: { path: file } });
    assert.ok(opened.ok);
    const check = async (mode: number): Promise<string> => {
      await chmod(file, mode);
      const { status, message, hint } = only(
        await checkPermissions(await surroundings(ROUTE, { file, opened }), user),
      );
      assert.doesNotMatch(`${message}${hint}`, /0123456789abcdef/);
      return `${status}: ${message}`;
    };
    assert.match(await check(0o644), /^warning: .* holds a secret, and everybody here can read it/);
    assert.match(await check(0o602), /^warning: everybody here can change/);
    assert.match(await check(0o640), /^ok/);
  });

  it('looks at the file of the token', { skip }, async (t) => {
    const path = join(await folder(t), 'token');
    const yaml = `${ROUTE}admin: { bind: "tcp://127.0.0.1:0", tokenFile: ${JSON.stringify(path)} }\n`;
    const check = async (): Promise<readonly unknown[]> => {
      const { status, figures } = only(await checkPermissions(await surroundings(yaml), user));
      return [status, figures.code ?? figures.mode];
    };
    assert.deepEqual(await check(), ['failure', 'ENOENT']);
    await writeFile(path, '0123456789abcdef', { mode: 0o644 });
    await chmod(path, 0o644);
    assert.deepEqual(await check(), ['warning', '644']);
    await chmod(path, 0o600);
    assert.equal((await check())[0], 'ok');
  });

  it('warns of root', async () => {
    const result = only(await checkPermissions(await surroundings(ROUTE), { uid: 0, name: 'root' }));
    assert.deepEqual([result.status, result.message], ['warning', 'this runs as root']);
  });
});

describe('doctor: cryptography', () => {
  it('works here, and warns of certificates that are not there', async (t) => {
    const check = async (file: string): Promise<string> => {
      const environment = { NODE_EXTRA_CA_CERTS: file };
      const { status, message } = only(await checkCryptography(await surroundings(ROUTE, { environment })));
      return `${status}: ${message}`;
    };
    assert.match(await check(''), /^ok: OpenSSL .*FIPS mode (on|off)/);
    const dir = await folder(t);
    assert.match(await check(join(dir, 'no.pem')), /^warning: .*ENOENT/);
    await writeFile(join(dir, 'bad.pem'), 'not a certificate');
    assert.match(await check(join(dir, 'bad.pem')), /^warning: .*no certificate/);
  });

  it('fails without hashes, and for Nacos without MD5', async () => {
    const none = (): string => {
      throw new Error('digital envelope routines::unsupported');
    };
    assert.equal(only(await checkCryptography(await surroundings(ROUTE), none)).status, 'failure');
    const given = await surroundings(ROUTE);
    const { opened } = given;
    const source = {
      kind: 'nacos',
      url: 'http://127.0.0.1:1',
      key: 'k',
      bucket: '',
      namespace: '',
      user: '',
      password: '',
      token: '',
      timeout: 1,
    } as const;
    const nacos = { ...given, opened: { ...opened, config: { ...opened.config, source } } };
    const strict = (algorithm: string): string =>
      algorithm === 'md5' ? none() : 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
    assert.match(only(await checkCryptography(nacos, strict)).message, /no MD5/);
    assert.equal(only(await checkCryptography(given, strict)).status, 'ok');
  });
});

describe('doctor: ipc', () => {
  const skip = process.platform === 'win32';
  const check = async (folder: string): Promise<string> => {
    const environment = { ZEROTH_RUNTIME_DIR: folder };
    const { status, message } = only(await checkIpc(await surroundings(ROUTE, { environment })));
    return `${status}: ${message}`;
  };

  it('sends a message through a folder that is made, and removed again', { skip }, async (t) => {
    const dir = await folder(t);
    assert.match(await check(join(dir, 'run', 'zeroth')), /^ok: a message over .*\/run\/zeroth after/);
    assert.deepEqual(await readdir(dir), []);
  });

  it('says why a folder does not do', { skip }, async (t) => {
    const dir = await folder(t);
    assert.match(await check(join(dir, 'x'.repeat(110))), /^warning: .*too long for a socket/);
    await writeFile(join(dir, 'file'), '');
    assert.match(await check(join(dir, 'file')), /^warning: no folder for the local socket/);
    await mkdir(join(dir, 'open'));
    await chmod(join(dir, 'open'), 0o777);
    assert.match(await check(join(dir, 'open')), /^warning: .*others can write into/);
    assert.deepEqual((await readdir(dir)).sort(), ['file', 'open']);
  });
});

describe('doctor: network', () => {
  it('comes through to itself', async () => {
    assert.equal(only(await checkNetwork(await surroundings(ROUTE))).status, 'ok');
    const asked = checkNetwork(await surroundings(ROUTE));
    // A process that does nothing else for so long is no network without a loopback.
    for (const end = performance.now() + 1100; performance.now() < end; );
    assert.equal(only(await asked).status, 'ok');
  });

  it('fails without loopback, and warns without IPv6 that is asked for', async () => {
    const given = await surroundings(ROUTE);
    const none = (host: string): Promise<number | string> =>
      Promise.resolve(host === '::1' ? 'EADDRNOTAVAIL' : 1);
    assert.equal(only(await checkNetwork(given, none)).status, 'ok');
    const six = await surroundings(ROUTE.replace('pattern: pipeline', 'pattern: pipeline, ipv6: true'));
    assert.equal(only(await checkNetwork(six, none)).status, 'warning');
    assert.equal(only(await checkNetwork(given, () => Promise.resolve('ETIMEDOUT'))).status, 'failure');
    assert.deepEqual(
      crowdOf('32768 60999', 'sockets: used 9\nTCP: inuse 5 orphan 0 tw 20000 alloc 5 mem 0\n'),
      {
        outgoingPorts: 28232,
        waiting: 20000,
      },
    );
  });
});

describe('doctor: services', () => {
  const service: ServiceStatus = {
    name: 'zeroth',
    displayName: 'Zeroth',
    state: 'running',
    start: 'auto',
    pid: 7,
    since: null,
    exitCode: null,
    command: 'zeroth run',
    text: null,
  };
  const check = async (
    services: readonly Partial<ServiceStatus>[],
    koffi: string | null = null,
  ): Promise<string> => {
    const list = (): Promise<readonly ServiceStatus[]> =>
      Promise.resolve(services.map((each) => ({ ...service, ...each })));
    const manager = { system: 'systemd', list } as unknown as ServiceManager;
    const given = await surroundings(ROUTE, { openManager: () => Promise.resolve(manager) });
    const { status, message, hint } = only(await checkServices(given, () => koffi));
    return `${status}: ${message}${hint === null ? '' : ` -> ${hint}`}`;
  };

  it('tells what is installed and runs', async () => {
    assert.equal(await check([]), 'ok: systemd; no service of ours is installed');
    assert.equal(await check([{}]), 'ok: systemd; 1 service: zeroth running');
  });

  it('tells what has failed, is stopped or paused', async () => {
    const failed = await check([{ name: 'edge', state: 'failed', exitCode: 3 }]);
    assert.match(
      failed,
      /^failure: the service edge has failed, exit code 3 -> zeroth service logs --name edge/,
    );
    assert.match(await check([{ state: 'stopped', exitCode: 1066 }]), /^failure/);
    assert.match(
      await check([{ state: 'stopped', exitCode: 0 }]),
      /^warning: .*starts with the machine, and is stopped/,
    );
    assert.match(await check([{ state: 'stopped', start: 'manual' }]), /^ok/);
    assert.match(await check([{ state: 'paused' }]), /^warning: .*paused -> zeroth service continue/);
    assert.match(
      await check([{}], 'koffi is not there'),
      /^warning: .*koffi is not there -> npm install koffi/,
    );
  });

  it('warns where there is no manager, or it does not answer', async () => {
    assert.match(
      only(await checkServices(await surroundings(ROUTE))).message,
      /^nothing starts a node with the machine/,
    );
    const broken = (): Promise<never> =>
      Promise.reject(new ZerothError('SERVICE_FAILED', 'systemctl: no bus'));
    const given = await surroundings(ROUTE, { openManager: broken });
    assert.match(only(await checkServices(given)).message, /no bus/);
  });
});
