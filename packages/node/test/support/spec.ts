/** A service to install in tests. */
import type { Ran, Run, ServiceSpec } from '../../src/service/manager.ts';

export function specOf(more: Partial<ServiceSpec> = {}): ServiceSpec {
  return {
    name: 'zeroth',
    displayName: 'Zeroth',
    description: 'a node',
    command: ['/usr/bin/node', '/opt/zeroth.js', 'run', '/etc/zeroth/zeroth.yaml'],
    folder: '/etc/zeroth',
    dataDir: '/var/lib/zeroth',
    reads: ['/etc/zeroth/zeroth.yaml'],
    writes: [],
    lowPorts: false,
    environment: {},
    user: null,
    start: 'auto',
    stopTimeout: 10_000,
    ...more,
  };
}

/** Commands that are not run: `answers` says what they print, by the beginning of the line; all others succeed. */
export function fakeRun(answers: Readonly<Record<string, Partial<Ran>>> = {}): { run: Run; calls: string[] } {
  const calls: string[] = [];
  const run: Run = (program, arguments_) => {
    const line = [program, ...arguments_].join(' ');
    calls.push(line);
    const key = Object.keys(answers).find((each) => line.startsWith(each));
    return Promise.resolve({ code: 0, stdout: '', stderr: '', ...(key === undefined ? {} : answers[key]) });
  };
  return { run, calls };
}
