/**
 * A real systemd, in namespaces of its own: the services of a test run under the program that they were made for.
 *
 * Guarantees: nothing of the machine is changed. All that is written goes to memory: every file of the machine is seen
 * through an overlay, and the machine's own root is gone before anything is written in the new one, so that no link leads
 * out. It has its own /tmp, /run, /dev, processes, network, control group, and not the capabilities that reach past
 * namespaces (clock, modules, kernel log, audit). Commands are run by descriptors of its namespaces, never by a pid that may
 * be somebody else's by then. It ends, and its control group is removed, with the process of the test, however that ends.
 * Where one of these can't be had there is none: {@link noSystemd} goes the whole way but for systemd itself.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
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
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const SYSTEMD = [
  '/lib/systemd/systemd',
  '--system',
  '--unit=multi-user.target',
  '--log-target=journal',
  '--log-level=notice',
  '--show-status=no',
];
/** What reaches past namespaces: neither systemd nor a command that is run there has it. */
const BOUNDS =
  'audit_control audit_read audit_write mac_admin mac_override sys_boot sys_module sys_rawio sys_time syslog wake_alarm'
    .split(' ')
    .map((each) => `-${each}`)
    .join(',');
/** As nsenter and /proc/PID/ns call them. */
const NAMESPACES: readonly (readonly [option: string, file: string])[] = [
  ['--mount', 'mnt'],
  ['--uts', 'uts'],
  ['--ipc', 'ipc'],
  ['--net', 'net'],
  ['--pid', 'pid'],
  ['--cgroup', 'cgroup'],
];

/**
 * Keeps what is made on the machine, which is one control group, and removes it at the end. Its standard input ends with
 * the process of the test. $1: the group, $2: {@link BOOT}; the rest is for that.
 */
const KEEP = `
set -u
mkdir "$1" || exit
exec 3<&0
KEEPER=$$ setpriv --pdeathsig KILL sh -c '
  # It may have ended before it was watched.
  test "$PPID" = "$KEEPER" && echo $$ > "$1/cgroup.procs" || exit 1
  boot=$2
  shift 2
  exec setpriv --bounding-set ${BOUNDS} unshare --fork --kill-child --pid --mount --uts --ipc --net --cgroup sh -c "$boot" boot "$@"
' enter "$@" < /dev/null 3<&- &
boot=$!
# Nobody may read any more what the shell says of a child that was killed.
trap '' PIPE
{ read -r _ <&3; kill -KILL "$boot"; } > /dev/null 2>&1 &
watch=$!
exec 3<&- < /dev/null
echo "$boot"
wait "$boot"
code=$?
kill "$watch"
# Processes leave it a moment after they were killed. rmdir takes nothing that is in use.
for each in $(seq 400); do
  find "$1" -depth -type d -exec rmdir {} + 2> /dev/null
  test -d "$1" || break
  sleep 0.05
done
exit "$code"
`;

/**
 * Makes the file system, and becomes a program. $1: the repository, $2: Node, then the program. Nothing is ever removed in
 * here, and nothing is written outside of $S, whose content is memory, until the root is the new one.
 */
const BOOT = `
set -eu
# Fails when the process of the test is gone already.
echo boot
mount --make-rprivate /
# A folder of every system that the new root does not take anything from.
S=/sys
mount -t tmpfs -o size=1g,mode=755 tmpfs "$S"
mkdir "$S/upper" "$S/work" "$S/root" "$S/repository" "$S/repository-upper" "$S/repository-work"
cp "$2" "$S/node"
chmod 755 "$S/node"
cd "$1"
mount -t overlay -o "lowerdir=.,upperdir=$S/repository-upper,workdir=$S/repository-work" overlay "$S/repository"
mount -t overlay -o "lowerdir=/,upperdir=$S/upper,workdir=$S/work" overlay "$S/root"
mkdir "$S/root/.machine"
cd "$S/root"
pivot_root . .machine
cd /
for each in run tmp var/tmp dev etc/systemd/system; do mount -t tmpfs -o mode=755 tmpfs "/$each"; done
chmod 1777 /tmp /var/tmp
mkdir -p ${HERE} /usr/local/bin
mount --bind /.machine/sys/repository ${HERE}
cp /.machine/sys/node ${NODE}
# umount reads it.
mount -t proc proc /proc
umount -l /.machine
# Of its own: of the machine's, it could change the mode.
mknod -m 666 /dev/null c 1 3
mknod -m 666 /dev/zero c 1 5
mknod -m 666 /dev/full c 1 7
mknod -m 666 /dev/random c 1 8
mknod -m 666 /dev/urandom c 1 9
mknod -m 666 /dev/tty c 5 0
mkdir /dev/shm /dev/pts
ln -s /proc/self/fd /dev/fd
ln -s pts/ptmx /dev/ptmx
for each in sys sysrq-trigger irq bus fs acpi scsi; do
  if test -e "/proc/$each"; then
    mount --bind "/proc/$each" "/proc/$each"
    mount -o remount,bind,ro "/proc/$each"
  fi
done
mount -t sysfs -o ro sysfs /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
# What a boot would do besides: nothing of it is wanted here.
for each in sysinit basic network-online multi-user timers shutdown; do
  printf '[Unit]\nDefaultDependencies=no\n' > "/etc/systemd/system/$each.target"
  if test -d "/lib/systemd/system/$each.target.wants"; then mount -t tmpfs tmpfs "/lib/systemd/system/$each.target.wants"; fi
done
for each in lib usr/lib usr/local/lib; do
  if test -d "/$each/systemd/system-generators"; then mount -t tmpfs tmpfs "/$each/systemd/system-generators"; fi
done
shift 2
exec env -i PATH=${PATH} container=zeroth-test "$@"
`;

export interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Why there can be none here; null: there can. */
export async function noSystemd(): Promise<string | null> {
  if (process.platform !== 'linux') return 'systemd is there on Linux only';
  if (process.getuid?.() !== 0) return 'needs root, for namespaces';
  // Its control groups are systemd's there, and somebody's work runs beside.
  if (
    existsSync('/run/systemd/system') &&
    process.env.CI !== 'true' &&
    process.env.ZEROTH_TEST_SYSTEMD !== '1'
  )
    return 'this machine runs systemd itself: ZEROTH_TEST_SYSTEMD=1 runs a second one in namespaces';
  for (const file of ['/lib/systemd/systemd', '/lib/systemd/systemd-journald'])
    if (!existsSync(file)) return `${file} is not there`;
  if (groupMount() === null) return 'no cgroup2 is mounted';
  // A container may be root and may not do this.
  const { child, output } = keep(['true']);
  const [code] = (await once(child, 'close')) as [number | null];
  return code === 0 ? null : `namespaces, an overlay or a control group are refused: ${output().trim()}`;
}

let kept = 0;

/** Runs a program in namespaces of its own, until it ends or this process does. */
function keep(words: readonly string[]): { readonly child: ChildProcess; readonly output: () => string } {
  const group = join(groupMount() as string, `zeroth-test-${process.pid}-${++kept}`);
  // Detached: a signal to the process group of the test leaves it to clean up.
  const child = spawn('sh', ['-c', KEEP, 'keep', group, BOOT, REPOSITORY, process.execPath, ...words], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  child.stdin.on('error', () => {});
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-20_000);
    });
  return { child, output: () => output };
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
  /** Of its namespaces. */
  readonly #files: number[] = [];

  constructor(child: ChildProcess, output: () => string) {
    this.#child = child;
    this.#output = output;
  }

  /** Runs a command in there. */
  async run(words: readonly string[], options: { input?: string } = {}): Promise<Answer> {
    if (this.#files.length !== NAMESPACES.length) throw new Error('systemd has not started');
    const where = NAMESPACES.map(([option], at) => `${option}=/proc/self/fd/${3 + at}`);
    const child = spawn('setpriv', ['--bounding-set', BOUNDS, 'nsenter', ...where, '--', ...words], {
      env: { PATH, NO_COLOR: '1', LC_ALL: 'C' },
      cwd: '/',
      timeout: PATIENCE,
      stdio: ['pipe', 'pipe', 'pipe', ...this.#files],
    });
    const texts = { stdout: '', stderr: '' };
    for (const key of ['stdout', 'stderr'] as const)
      child[key]?.setEncoding('utf8').on('data', (text: string) => {
        texts[key] += text;
      });
    // A command that does not read its input may be gone before it is written.
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input ?? '');
    const [code] = (await once(child, 'close')) as [number | null];
    return { code: code ?? -1, ...texts };
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
      () => Promise.resolve(this.#enter()),
      (entered) => entered,
    );
    const ask = (): Promise<Answer> => this.run(['systemctl', 'is-active', 'multi-user.target']);
    await this.until('systemd does not answer', ask, ({ stdout }) => stdout.trim() === 'active');
    await this.ok(['systemctl', 'start', 'systemd-journald.service']);
  }

  async close(): Promise<void> {
    for (const file of this.#files.splice(0)) closeSync(file);
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = once(this.#child, 'close');
    this.#child.stdin?.end();
    await closed;
  }

  /** Opens its namespaces, once it is systemd: before that its root is the machine's. */
  #enter(): boolean {
    const pid = this.#systemd();
    if (pid === 0) return false;
    try {
      for (const [, name] of NAMESPACES) {
        const file = openSync(`/proc/${pid}/ns/${name}`, 'r');
        this.#files.push(file);
        if (fstatSync(file).ino === statSync(`/proc/self/ns/${name}`).ino)
          throw new Error(`its ${name} namespace is that of the machine`);
      }
      // They were its own, not those of a later process with this pid.
      if (this.#systemd() !== pid) throw new Error('systemd has ended');
    } catch (error) {
      for (const file of this.#files.splice(0)) closeSync(file);
      throw error;
    }
    return true;
  }

  #systemd(): number {
    try {
      const [parent] = /^\d+(?=\n)/.exec(this.#output()) ?? [];
      const [first = ''] = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim().split(' ');
      return readFileSync(`/proc/${first}/comm`, 'utf8').trim() === 'systemd' ? Number(first) : 0;
    } catch {
      return 0;
    }
  }
}

/** Boots one; it ends with the test. */
export async function bootSystemd(t: TestContext): Promise<Systemd> {
  const { child, output } = keep(SYSTEMD);
  const systemd = new Systemd(child, output);
  t.after(() => systemd.close());
  await systemd.booted();
  return systemd;
}
