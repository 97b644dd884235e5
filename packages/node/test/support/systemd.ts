/**
 * A real systemd, in namespaces of its own: the services of a test run under the program that they were made for.
 *
 * Guarantees: nothing of the machine is changed: the root file system is an overlay whose changes are in memory, with its
 * own /tmp, /run, /dev, processes, network and control group; all of it is gone with the test.
 */
import type { ChildProcess } from 'node:child_process';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const REPOSITORY = fileURLToPath(new URL('../../../../..', import.meta.url));
/** Where the repository and Node are in there: readable for every user. */
const HERE = '/opt/zeroth';
export const NODE = '/usr/local/bin/zeroth-node';
export const ZEROTH: readonly [string, string] = [NODE, `${HERE}/packages/node/bin/zeroth.js`];

/** Milliseconds; reached only by a test that fails. */
const PATIENCE = 60_000;

/** Makes the file system, and becomes systemd. $1: an empty folder, $2: the repository, $3: Node. */
const BOOT = `
set -eu
S=$1
mount --make-rprivate /
mount -t tmpfs -o size=1g tmpfs "$S"
mkdir "$S/upper" "$S/work" "$S/root"
R=$S/root
mount -t overlay -o "lowerdir=/,upperdir=$S/upper,workdir=$S/work" overlay "$R"
for each in run tmp var/tmp dev etc/systemd/system; do mount -t tmpfs -o mode=755 tmpfs "$R/$each"; done
chmod 1777 "$R/tmp" "$R/var/tmp"
for each in null zero full random urandom tty; do : > "$R/dev/$each"; mount --bind "/dev/$each" "$R/dev/$each"; done
mkdir -p "$R/dev/shm" "$R/dev/pts" "$R${HERE}" "$R/usr/local/bin" "$R/old"
ln -s /proc/self/fd "$R/dev/fd"
ln -s pts/ptmx "$R/dev/ptmx"
mount --bind "$2" "$R${HERE}"
mount -o remount,bind,ro "$R${HERE}"
cp "$3" "$R${NODE}"
chmod 755 "$R${NODE}"
mount -t proc proc "$R/proc"
mount --bind "$R/proc/sys" "$R/proc/sys"
mount -o remount,bind,ro "$R/proc/sys"
mount -t sysfs -o ro sysfs "$R/sys"
mount -t cgroup2 cgroup2 "$R/sys/fs/cgroup"
# What a boot would do besides: nothing of it is wanted here.
for each in sysinit basic network-online multi-user timers shutdown; do
  printf '[Unit]\\nDefaultDependencies=no\\n' > "$R/etc/systemd/system/$each.target"
  rm -rf "$R/lib/systemd/system/$each.target.wants"
done
pivot_root "$R" "$R/old"
cd /
umount -l /old
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin container=zeroth-test \\
  /lib/systemd/systemd --system --unit=multi-user.target --log-target=journal --log-level=notice --show-status=no
`;

/** What {@link BOOT} needs. $0: where cgroup2 is mounted. */
const PROBE = `
set -eu
mkdir "$0/zeroth-probe-$$" && rmdir "$0/zeroth-probe-$$"
exec unshare --fork --pid --mount --uts --ipc --net --cgroup sh -c '
  set -eu
  mount -t tmpfs tmpfs /tmp
  mkdir /tmp/u /tmp/w /tmp/r
  mount -t overlay -o lowerdir=/,upperdir=/tmp/u,workdir=/tmp/w overlay /tmp/r
  mount -t cgroup2 cgroup2 /tmp/r/mnt
'
`;

export interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Why there can be none here; null: there can. */
export function noSystemd(): string | null {
  if (process.platform !== 'linux') return 'systemd is there on Linux only';
  if (process.getuid?.() !== 0) return 'needs root, for namespaces';
  for (const file of [
    '/lib/systemd/systemd',
    '/lib/systemd/systemd-journald',
    '/usr/bin/unshare',
    '/usr/bin/nsenter',
    '/usr/bin/setpriv',
  ])
    if (!existsSync(file)) return `${file} is not there`;
  if (groupMount() === null) return 'no cgroup2 is mounted';
  // A container may be root and may not do this.
  const { status, stderr } = spawnSync('sh', ['-c', PROBE, groupMount() as string], { encoding: 'utf8' });
  return status === 0 ? null : `namespaces, an overlay or a control group are refused: ${stderr.trim()}`;
}

function groupMount(): string | null {
  const line = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .find((each) => each.split(' ')[2] === 'cgroup2');
  return line?.split(' ')[1] ?? null;
}

export class Systemd {
  readonly #child: ChildProcess;
  readonly #output: () => string;
  #pid = 0;

  constructor(child: ChildProcess, output: () => string) {
    this.#child = child;
    this.#output = output;
  }

  /** Runs a command in there. */
  async run(words: readonly string[], options: { input?: string } = {}): Promise<Answer> {
    if (this.#pid === 0) throw new Error('systemd has not started');
    return await new Promise((resolve) => {
      const all = ['-t', String(this.#pid), '-m', '-u', '-i', '-n', '-p', '-C', '--', ...words];
      const env = {
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        NO_COLOR: '1',
        LC_ALL: 'C',
      };
      const child = execFile(
        'nsenter',
        all,
        { env, cwd: '/', timeout: PATIENCE },
        (error, stdout, stderr) => {
          const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
          resolve({ code, stdout, stderr });
        },
      );
      // A command that does not read its input may be gone before it is written.
      child.stdin?.on('error', () => {});
      child.stdin?.end(options.input ?? '');
    });
  }

  /** What a command prints. Fails with all that is known if it fails. */
  async ok(words: readonly string[], options: { input?: string } = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(words, options);
    if (code === 0) return stdout;
    const { stdout: journal } = await this.run(['journalctl', '--no-pager', '--lines=60', '--output=short']);
    throw new Error(
      `${words.join(' ')}: code ${code}\n${stdout}\n${stderr}\n--- journal\n${journal}\n--- systemd\n${this.#output()}`,
    );
  }

  zeroth(...words: readonly string[]): Promise<Answer> {
    return this.run([...ZEROTH, ...words]);
  }

  /** Asks again until `done`. */
  async until<T>(what: string, ask: () => Promise<T>, done: (answer: T) => boolean): Promise<T> {
    const end = Date.now() + PATIENCE;
    for (;;) {
      const answer = await ask();
      if (done(answer)) return answer;
      if (Date.now() > end || this.#child.exitCode !== null) {
        const { stdout } = await this.run(['journalctl', '--no-pager', '--lines=60', '--output=short']).catch(
          () => ({ stdout: '' }),
        );
        throw new Error(
          `${what}: ${JSON.stringify(answer)}\n--- journal\n${stdout}\n--- systemd\n${this.#output()}`,
        );
      }
      await wait(50);
    }
  }

  async booted(): Promise<void> {
    await this.until(
      'systemd does not start',
      () => Promise.resolve(this.#systemd()),
      (pid) => {
        this.#pid = pid;
        return pid > 0;
      },
    );
    const ask = (): Promise<Answer> => this.run(['systemctl', 'is-active', 'multi-user.target']);
    await this.until('systemd does not answer', ask, ({ stdout }) => stdout.trim() === 'active');
    await this.ok(['systemctl', 'start', 'systemd-journald.service']);
  }

  /** 0 until it has its own root: before that, commands would run on the machine itself. */
  #systemd(): number {
    try {
      const { pid } = this.#child;
      const [first = ''] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
      return readFileSync(`/proc/${first}/comm`, 'utf8').trim() === 'systemd' ? Number(first) : 0;
    } catch {
      return 0;
    }
  }
}

/** Boots one; it ends with the test. */
export async function bootSystemd(t: TestContext): Promise<Systemd> {
  const folder = mkdtempSync(join(tmpdir(), 'zeroth-systemd-'));
  const group = join(groupMount() as string, `zeroth-test-${process.pid}`);
  mkdirSync(group);
  const enter =
    'echo $$ > "$0/cgroup.procs" && exec unshare --fork --kill-child --pid --mount --uts --ipc --net --cgroup sh -c "$@"';
  const words = ['-c', enter, group, BOOT, 'boot', folder, REPOSITORY, process.execPath];
  // With this process everything of it ends, however it ends.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'sh', ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-20_000);
    });
  t.after(async () => {
    const closed = new Promise((resolve) => child.once('close', resolve));
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await closed;
    }
    await removeGroup(group);
    rmSync(folder, { recursive: true, force: true });
  });
  const systemd = new Systemd(child, () => output);
  await systemd.booted();
  return systemd;
}

/** Processes leave it a moment after they were killed. */
async function removeGroup(group: string): Promise<void> {
  const end = Date.now() + PATIENCE;
  for (;;) {
    try {
      removeGroups(group);
      return;
    } catch (error) {
      if (Date.now() > end) throw error;
      await wait(50);
    }
  }
}

function removeGroups(group: string): void {
  for (const entry of readdirSync(group, { withFileTypes: true }))
    if (entry.isDirectory()) removeGroups(join(group, entry.name));
  rmdirSync(group);
}
