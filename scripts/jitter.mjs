// node scripts/jitter.mjs SEED MS COMMAND [ARG...]: runs a command while the node processes under it are stopped (SIGSTOP)
// one at a time for random moments of at most MS ms, as a machine does that is too busy. Linux only: it reads /proc.
//
// Left alone: a process that is stopped already, or that a test stops meanwhile, one that listens for SIGCONT, to which
// the end of a stop is an order, and one on the terminal that script(1) makes, which stops with it for good.
// The seed repeats the lengths, not what the machine makes of them.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

/** How long the list of processes is taken to be true, in ms. */
const FRESH = 50;
const SIGCONT = 18;
const SIGSTOP = 19;

const [seed, longest, command, ...args] = process.argv.slice(2);
if (process.platform !== 'linux') fail('only Linux says in /proc which processes there are to be stopped');
if (command === undefined || !(Number(seed) >= 0 && Number(longest) > 0))
  fail(`a seed, milliseconds and a command are wanted, not: ${process.argv.slice(2).join(' ')}`);

function fail(reason) {
  console.error(`jitter: ${reason}`);
  process.exit(2);
}

/** Numbers in [0, 1) that follow from the seed (a linear congruential generator, constants of Numerical Recipes). */
let state = Number(seed) >>> 0;
function random() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}

/** Parent, state and name of a process; null once it is gone. */
function look(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const end = text.lastIndexOf(')');
    const [status, parent] = text.slice(end + 2).split(' ');
    return { pid, name: text.slice(text.indexOf('(') + 1, end), status, parent: Number(parent) };
  } catch {
    return null;
  }
}

/** Node names its main thread anew in later versions. */
const isNode = ({ name }) => name === 'node' || name === 'node-MainThread' || name === 'MainThread';

function below(root) {
  const children = new Map();
  for (const entry of readdirSync('/proc')) {
    const seen = /^\d+$/.test(entry) ? look(entry) : null;
    if (seen === null) continue;
    const siblings = children.get(seen.parent);
    if (siblings === undefined) children.set(seen.parent, [seen]);
    else siblings.push(seen);
  }
  const found = [];
  for (const todo = [root]; todo.length > 0; ) {
    for (const child of children.get(todo.pop()) ?? []) {
      todo.push(Number(child.pid));
      if (isNode(child) && look(child.parent)?.name !== 'script') found.push(Number(child.pid));
    }
  }
  return found;
}

/** Whether a signal is in a set of /proc/PID/status, such as those that are caught; null: the process is gone. */
function has(pid, set, number) {
  try {
    const mask = new RegExp(`^${set}:\\s*([0-9a-f]+)`, 'm').exec(
      readFileSync(`/proc/${pid}/status`, 'utf8'),
    )?.[1];
    return mask === undefined ? null : ((BigInt(`0x${mask}`) >> BigInt(number - 1)) & 1n) === 1n;
  } catch {
    return null;
  }
}

function mayStop(pid) {
  const seen = look(pid);
  return seen !== null && !'TtZ'.includes(seen.status) && has(pid, 'SigCgt', SIGCONT) === false;
}

/** To a process that ended meanwhile there is nothing to say. */
function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

let over = false;
const child = spawn(command, args, { stdio: 'inherit' });
child.on('exit', (code, name) => {
  over = true;
  process.exitCode = name === null ? code : 1;
});
// It ends when the command does, so that nothing stays stopped.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => signal(child.pid, name));
child.on('error', (error) => {
  over = true;
  console.error(`${command}: ${error.message}`);
  process.exitCode = 1;
});

let pids = [];
for (let looked = 0; !over; ) {
  if (Date.now() - looked > FRESH) {
    pids = below(child.pid);
    looked = Date.now();
  }
  const pid = pids[Math.floor(random() * pids.length)];
  if (pid !== undefined && mayStop(pid)) {
    signal(pid, 'SIGSTOP');
    // Mostly short ones.
    await wait(random() ** 3 * Number(longest));
    // A second stop waits for the end of the first; as long as it is not stopped, what waits is the first.
    const wanted = look(pid)?.status === 'T' && has(pid, 'ShdPnd', SIGSTOP) === true;
    if (!wanted) signal(pid, 'SIGCONT');
  }
  await wait(random() * 20);
}
