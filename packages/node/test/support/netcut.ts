/**
 * A network that is really cut: this program runs in a network namespace of its own (`unshare -rn node netcut.js`), makes
 * another one and a cable between them, and a node here and a worker there. When they work, it pulls the cable.
 *
 * Prints one JSON line: the health of the worker after the cut, and after the cable is back.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Push } from '@zeroth/zmq';
import { until, WatchedNode, Worker } from './watched.ts';

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: 'inherit' });
}

ip('link', 'set', 'lo', 'up');
// Says a line when it is in its namespace.
const there = spawn('unshare', ['-n', 'sh', '-c', 'echo here; exec sleep 1000'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
process.on('exit', () => there.kill('SIGKILL'));
await once(there.stdout, 'data');
const enter = ['nsenter', '-t', String(there.pid), '-n'] as const;
const far = (...args: string[]): void => {
  execFileSync('nsenter', [...enter.slice(1), 'ip', ...args], { stdio: 'inherit' });
};
ip('link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1');
ip('link', 'set', 'v1', 'netns', String(there.pid));
ip('addr', 'add', '10.9.0.1/24', 'dev', 'v0');
ip('link', 'set', 'v0', 'up');
far('addr', 'add', '10.9.0.2/24', 'dev', 'v1');
far('link', 'set', 'v1', 'up');

const node = await WatchedNode.start(`routes:
  jobs:
    pattern: pipeline
    heartbeatInterval: 200ms
    frontend: { bind: "tcp://127.0.0.1:0" }
    backend: { bind: "tcp://10.9.0.1:0" }`);
const worker = new Worker(['PULL', node.address('jobs', 'backend')], enter);
const push = new Push({ linger: 0 });
try {
  const id = await node.joined('jobs');
  push.connect(node.address('jobs', 'frontend'));
  await push.send('first');
  await until(
    () => worker.lines.length === 1,
    () => 'it works',
  );
  far('link', 'set', 'v1', 'down');
  await node.becomes(id, 'silent');
  // Of a moment before the first retransmission it knows nothing of the network yet.
  await until(
    () => node.peer(id)?.evidence === 'network',
    () => `the system tells that it is the network: ${JSON.stringify(node.peer(id))}`,
  );
  const cut = node.peer(id);
  far('link', 'set', 'v1', 'up');
  await node.becomes(id, 'healthy');
  process.stdout.write(`${JSON.stringify({ cut, back: node.peer(id) })}\n`);
} finally {
  push.close();
  await worker.end();
  await node.stop();
  // Nothing else is left that holds this process.
  there.kill('SIGKILL');
}
