/**
 * A Unix datagram socket that listens, as systemd and journald have them: Node can't, Python can.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';

const LISTEN = `
import socket, sys
path = sys.argv[1]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("\\0" + path[1:] if path[0] == "@" else path)
print("bound", flush=True)
while True:
    print(s.recv(1 << 20).hex(), flush=True)
`;

/** Why there is none; null: there is. */
export function noDatagrams(): string | null {
  if (process.platform !== 'linux') return 'for Linux';
  return spawnSync('python3', ['--version']).status === 0 ? null : 'python3 is not there';
}

export interface Receiver {
  readonly path: string;
  /** The next datagram. */
  next(): Promise<Buffer>;
}

export async function receive(t: TestContext, kind: 'path' | 'abstract' = 'path'): Promise<Receiver> {
  const folder = mkdtempSync(join(tmpdir(), 'zeroth-dgram-'));
  const path = kind === 'path' ? join(folder, 'socket') : `@zeroth-test-${process.pid}-${Math.random()}`;
  const child = spawn('python3', ['-c', LISTEN, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  t.after(async () => {
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    await closed;
    rmSync(folder, { recursive: true, force: true });
  });
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error('the receiver has ended');
    return value;
  };
  if ((await next()) !== 'bound') throw new Error('the receiver is not bound');
  return { path, next: async () => Buffer.from(await next(), 'hex') };
}

/** An entry of the journal's native protocol, taken apart as its specification says. */
export function parseEntry(entry: Buffer): Map<string, string> {
  const fields = new Map<string, string>();
  let at = 0;
  while (at < entry.length) {
    const end = entry.indexOf(0x0a, at);
    const line = entry.subarray(at, end);
    const equals = line.indexOf(0x3d);
    if (equals !== -1) {
      fields.set(line.subarray(0, equals).toString(), line.subarray(equals + 1).toString());
      at = end + 1;
      continue;
    }
    const length = Number(entry.readBigUInt64LE(end + 1));
    const from = end + 9;
    fields.set(line.toString(), entry.subarray(from, from + length).toString());
    if (entry[from + length] !== 0x0a) throw new Error('a binary field does not end with a line feed');
    at = from + length + 1;
  }
  return fields;
}
