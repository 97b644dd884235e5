// Which programs of other systems this machine can run: its own, and those of Windows under Wine.
//
// Wine is used where the environment says so (WINEPREFIX, made as Windows 10: Node refuses older ones). Its daemons keep
// what they are started with, so nothing there is a pipe.
import { spawnSync } from 'node:child_process';
import { HOST } from './targets.mjs';

const STARTS = 5;

/** What stands before a program of this target; null: it does not run here. */
export function runnerOf({ name, platform }) {
  if (name === HOST) return [];
  return platform === 'win32' && process.env.WINEPREFIX !== undefined ? ['wine'] : null;
}

/** Runs a tool. They talk while all is well; what they said is shown when it is not. */
export function call([command, ...args], cwd) {
  const stdio = command === 'wine' ? 'ignore' : 'pipe';
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', stdio });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ended with ${status}: ${stdout ?? ''}${stderr ?? ''}`);
}

/**
 * How long the smallest thing takes that an executable can do: `zeroth --version`, from the start of the process to its
 * end, the median in words. @throws when the executable does not run.
 */
export function startTime(target, program) {
  const runner = runnerOf(target);
  if (runner === null) return 'not run here';
  const times = Array.from({ length: STARTS }, () => {
    const began = performance.now();
    call([...runner, program, '--version']);
    return performance.now() - began;
  });
  const median = `${times.toSorted((a, b) => a - b)[STARTS >> 1].toFixed(0)} ms`;
  return runner.length > 0 ? `${median} (${runner})` : median;
}
