/** What an installation on Windows does: the steps, against a system that writes down what it is asked. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Run, ServiceSpec, Step } from '../../../../src/service/manager.ts';
import { folderStep, grantStep } from '../../../../src/service/windows/folders.ts';
import { installSteps, OURS, uninstallSteps } from '../../../../src/service/windows/install.ts';
import type { Registry, RegistryValue } from '../../../../src/service/windows/registry.ts';
import { eventSourceKey, serviceKey } from '../../../../src/service/windows/registry.ts';
import type { NewService, OpenService, Scm, Settings } from '../../../../src/service/windows/scm.ts';
import { serviceSid } from '../../../../src/service/windows/sid.ts';

const SECRET = 'hunter2';

const spec: ServiceSpec = {
  name: 'edge-2',
  displayName: 'Edge 2',
  description: 'the second edge',
  command: ['C:\\Program Files\\zeroth\\zeroth.exe', 'run', 'C:\\etc\\a b.yaml', '--service', 'edge-2'],
  folder: 'C:\\etc',
  dataDir: 'D:\\data\\edge-2',
  reads: ['C:\\etc\\a b.yaml'],
  writes: [],
  lowPorts: false,
  environment: { TOKEN: SECRET },
  user: null,
  start: 'delayed',
  stopTimeout: 10_000,
};

/** Only what these steps call. */
class System {
  readonly did: string[] = [];
  service: NewService | null = null;
  settings: Settings | null = null;
  readonly values: Map<string, Readonly<Record<string, RegistryValue>>> = new Map();

  readonly scm = {
    create: (service: NewService) => {
      this.did.push('create');
      this.service = service;
    },
    use: <T>(name: string, _rights: number, work: (service: OpenService) => T): T => {
      assert.equal(name, spec.name);
      return work({
        change: (settings: Settings) => {
          this.did.push('change');
          this.settings = settings;
        },
        control: () => 1062,
        status: () => ({ state: 1, accepted: 0, exit: 0, specific: 0, checkpoint: 0, hint: 0, pid: 0 }),
        delete: () => {
          this.did.push('delete');
        },
      } as unknown as OpenService);
    },
  } as unknown as Scm;

  readonly registry: Registry = {
    read: (key, value) => {
      const found = this.values.get(key)?.[value];
      return typeof found === 'object' && 'expand' in found ? found.expand : ((found as string) ?? null);
    },
    write: (key, values) => {
      this.did.push(`write ${key}`);
      this.values.set(key, { ...this.values.get(key), ...values });
    },
    protect: (key, sddl) => {
      this.did.push(`protect ${key} ${sddl}`);
    },
    remove: (key) => {
      this.did.push(`remove ${key}`);
      this.values.delete(key);
    },
    keys: () => [],
  };

  readonly run: Run = async (program, words) => {
    this.did.push([program.split('\\').at(-1), ...words].join(' '));
    return { code: 0, stdout: '', stderr: '' };
  };

  readonly protect = (folder: string, sddl: string): void => {
    this.did.push(`protect ${folder} ${sddl}`);
  };

  steps(of: Partial<ServiceSpec> = {}): Step[] {
    return installSteps(
      this,
      { ...spec, ...of },
      {
        USERPROFILE: 'C:\\Users\\anna',
        PUBLIC: 'C:\\Users\\Public',
        SystemRoot: 'C:\\Windows',
        ProgramFiles: 'C:\\Program Files',
      },
    );
  }

  /** Without those that make folders on this machine. */
  async perform(steps: readonly Step[]): Promise<void> {
    for (const step of steps) if (!step.what.startsWith('make the folder')) await step.perform();
  }
}

describe('an installation on Windows', () => {
  it('makes the service, with everything that it is', async () => {
    const system = new System();
    await system.perform(system.steps());
    assert.deepEqual(system.service, {
      name: 'edge-2',
      displayName: 'Edge 2',
      account: 'NT SERVICE\\edge-2',
      startType: 2,
      commandLine: '"C:\\Program Files\\zeroth\\zeroth.exe" run "C:\\etc\\a b.yaml" --service edge-2',
    });
    assert.deepEqual(system.settings, {
      description: 'the second edge',
      delayed: true,
      restartAfter: [5000, 30_000, 60_000],
      resetAfter: 86_400,
      preshutdown: 30_000,
    });
    assert.deepEqual(system.values.get(eventSourceKey('edge-2')), {
      EventMessageFile: {
        expand: '%SystemRoot%\\Microsoft.NET\\Framework64\\v4.0.30319\\EventLogMessages.dll',
      },
      TypesSupported: 7,
    });
    assert.deepEqual(system.values.get(serviceKey('edge-2')), { Environment: [`TOKEN=${SECRET}`] });
    assert.deepEqual(system.values.get(`${serviceKey('edge-2')}\\Parameters`), { Folder: 'C:\\etc' });
    assert.match(
      String(system.values.get(`${OURS}\\edge-2`)?.LogFile),
      /\\zeroth\\edge-2\\log\\zeroth\.log$/,
    );
  });

  it('lets nobody read the environment before it is written', async () => {
    const system = new System();
    await system.perform(system.steps());
    const key = serviceKey('edge-2');
    const guarded = system.did.findIndex((did) => did.startsWith(`protect ${key} D:PAI(`));
    assert.ok(guarded >= 0 && guarded < system.did.indexOf(`write ${key}`));
    assert.ok(!system.did[guarded]?.includes('WD'), 'not for everybody');
  });

  it('shows no value of the environment', () => {
    const shown = new System()
      .steps()
      .map(({ what, content = '' }) => `${what}\n${content}`)
      .join('\n');
    assert.ok(shown.includes('TOKEN='));
    assert.ok(!shown.includes(SECRET));
  });

  it('gives the data to the system, administrators and the service alone', async () => {
    const system = new System();
    await system.perform(system.steps());
    const sid = serviceSid('edge-2');
    assert.ok(
      system.did.includes(
        `protect D:\\data\\edge-2 D:PAI(A;OICI;FA;;;S-1-5-18)(A;OICI;FA;;;S-1-5-32-544)(A;OICI;0x1301bf;;;${sid})`,
      ),
    );
    assert.ok(system.did.includes('icacls.exe D:\\data\\edge-2 /setowner *S-1-5-32-544 /T /C /L /Q'));
    assert.ok(system.did.includes(`icacls.exe C:\\etc\\a b.yaml /grant *${sid}:(R)`));
    assert.ok(system.did.includes(`icacls.exe C:\\etc /grant *${sid}:(RX)`));
  });

  it('leaves a folder for the data open that other things are in, too', async () => {
    for (const dataDir of ['D:\\', 'C:\\ETC', 'c:\\program files\\zeroth']) {
      const system = new System();
      await system.perform(system.steps({ dataDir }));
      assert.ok(!system.did.some((did) => did.startsWith(`protect ${dataDir} `)), dataDir);
      assert.ok(system.did.includes(`icacls.exe ${dataDir} /grant *${serviceSid('edge-2')}:(OI)(CI)(M)`));
    }
  });

  it('makes no folder of the system or of a person its own', () => {
    const system = new System();
    const taken = [
      'C:\\',
      'C:\\Windows',
      'c:\\windows\\Temp\\x',
      'C:\\Program Files\\',
      'C:\\Users',
      'C:\\users\\Bert',
    ];
    for (const dataDir of [...taken, 'C:\\Users\\anna', 'C:\\ProgramData', 'C:\\ProgramData\\zeroth'])
      assert.throws(
        () => system.steps({ dataDir }),
        { code: 'USAGE', message: /a folder of its own/ },
        dataDir,
      );
    system.steps({ dataDir: 'C:\\Users\\anna\\zeroth' });
    system.steps({ dataDir: 'C:\\ProgramData\\zeroth\\edge-2\\data' });
  });

  it('leaves to nobody what he gave himself in a folder before', async () => {
    const system = new System();
    await system.perform(system.steps());
    const root = system.did.findIndex((did) =>
      /^protect .*zeroth D:PAI\(.*\(A;;0x1200a9;;;S-1-5-32-545\)$/.test(did),
    );
    // First the owner: until then he gives himself any right again.
    assert.match(system.did[root - 1] ?? '', /^icacls\.exe .*zeroth \/setowner \*S-1-5-32-544 \/L \/Q$/);
    assert.ok(!system.did.some((did) => did.includes('/grant:r')));
  });

  it('refuses a command that Windows would change, or tell nobody', () => {
    const system = new System();
    const command = (...words: string[]): Step[] => system.steps({ command: ['C:\\zeroth.exe', ...words] });
    assert.throws(() => command('run', 'C:\\50%\\%programfiles%.yaml'), {
      code: 'USAGE',
      message: /%programfiles%/,
    });
    command('tcp://%E4%B8%AD', '100%');
    assert.throws(() => command('x'.repeat(3000)), { code: 'USAGE', message: /3000 characters/ });
  });

  it('refuses a name that is none for its folder, or that names the events of another', () => {
    const system = new System();
    for (const name of ['edge.', 'NUL', 'com1', 'aux.2'])
      assert.throws(() => system.steps({ name }), { code: 'USAGE' }, name);
    system.steps({ name: 'console' });
    system.registry.write(eventSourceKey('ESENT'), { EventMessageFile: { expand: 'C:\\esent.dll' } });
    assert.throws(() => system.steps({ name: 'ESENT' }), {
      code: 'SERVICE_EXISTS',
      message: /another --name/,
    });
  });

  it('can be taken back, the last first', async () => {
    const system = new System();
    const steps = system.steps().filter(({ what }) => !what.startsWith('make the folder'));
    await system.perform(steps);
    for (const step of steps.reverse()) await step.undo?.();
    assert.deepEqual([...system.values.keys()], [serviceKey('edge-2')], 'which goes with the service');
    assert.equal(system.did.at(-1), 'delete');
  });

  it('takes no account with a password, before anything is done', () => {
    const system = new System();
    assert.throws(() => system.steps({ user: 'PLANT\\anna' }), { code: 'USAGE' });
    assert.deepEqual(system.did, []);
  });

  it('refuses a program that its account could not read', () => {
    const system = new System();
    const at = (program: string, user: string | null = null): Step[] =>
      system.steps({ command: [program, 'run'], user });
    assert.throws(() => at('C:\\users\\Anna\\zeroth.exe'), {
      code: 'USAGE',
      message: /NT SERVICE\\edge-2 can't read C:\\users\\Anna\\zeroth\.exe.*LocalSystem/,
    });
    at('C:\\Users\\Anna\\zeroth.exe', 'LocalSystem');
    at('C:\\Users\\Public\\zeroth.exe');
    const config = 'C:\\Users\\anna\\zeroth.yaml';
    system.steps({ command: ['C:\\zeroth.exe', 'run', config], reads: [config] });
  });

  it('is undone by an uninstallation, but for the data', async () => {
    const system = new System();
    await system.perform(uninstallSteps(system, 'edge-2'));
    assert.deepEqual(system.did, ['delete', `remove ${eventSourceKey('edge-2')}`, `remove ${OURS}\\edge-2`]);
  });
});

describe('the folders of a service', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'zeroth-windows-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('are made, and taken back only when they were not there', async () => {
    const path = join(folder, 'a');
    const step = folderStep(path);
    await step.perform();
    const again = folderStep(path);
    await again.perform();
    await again.undo?.();
    assert.ok((await stat(path)).isDirectory());
    await step.undo?.();
    await assert.rejects(stat(path), { code: 'ENOENT' });
  });

  it('are not taken from another program', async () => {
    const system = new System();
    await mkdir(join(folder, 'streams'));
    system.steps({ dataDir: folder });
    await writeFile(join(folder, 'holiday.jpg'), '');
    assert.throws(() => system.steps({ dataDir: folder }), {
      code: 'SERVICE_FAILED',
      message: /"holiday\.jpg" in it/,
    });
    assert.deepEqual(system.did, []);
  });

  it('say why rights can not be given', async () => {
    const run: Run = async () => ({ code: 5, stdout: '', stderr: 'Access is denied.' });
    await assert.rejects(grantStep(run, 'C:\\x', 'S-1-1', 'R').perform(), {
      code: 'SERVICE_FAILED',
      message: /icacls.*Access is denied/,
    });
  });
});
