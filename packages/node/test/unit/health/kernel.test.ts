import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { endianness } from 'node:os';
import { describe, it } from 'node:test';
import { Kernel, keyOf } from '../../../src/health/kernel.ts';

const HEAD =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const V4 = `${HEAD}   0: 00000000:15B3 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21 1 0 100 0 0 10 0
   1: 0100007F:15B3 0200007F:9C40 01 0000000B:00000000 01:00000014 00000003     0        0 22 1 0 20 4 30 10 -1
   2: 0100007F:15B3 0200007F:9C41 01 000F4240:00000000 04:00000014 00000000     0        5 23 1 0 20 4 30 10 -1
   3: 0200007F:9C41 0100007F:15B3 01 00000000:00001000 00:00000000 00000000     0        0 24 1 0 20 4 30 10 -1
`;
const V6 = `${HEAD}   0: 00000000000000000000000001000000:15B3 00000000000000000000000001000000:9C42 01 00000000:00000000 02:00000014 00000000     0        0 31 1 0 20 4 30 10 -1
   1: 0000000000000000FFFF00000100007F:15B3 0000000000000000FFFF00000300007F:9C43 01 00000001:00000000 00:00000000 00000000     0        0 32 1 0 20 4 30 10 -1
`;
const SKIP = endianness() === 'LE' ? false : 'the tables are those of a little-endian machine';

function ends(local: string, remote: string): { local: string; remote: string } {
  return { local: `tcp://${local}`, remote: `tcp://${remote}` };
}

describe('what the system says of connections', () => {
  it('is read from the tables of Linux, of both families', { skip: SKIP }, async () => {
    const kernel = new Kernel(async (file) => (file.endsWith('6') ? V6 : V4));
    const wanted = [
      ends('127.0.0.1:5555', '127.0.0.2:40000'),
      ends('127.0.0.1:5555', '127.0.0.2:40001'),
      ends('[::1]:5555', '[::1]:40002'),
      ends('127.0.0.1:5555', '[::ffff:127.0.0.3]:40003'),
      ends('127.0.0.1:5555', '127.0.0.2:40009'),
    ];
    const found = await kernel.look(wanted);
    assert.deepEqual(
      wanted.map((each) => found?.get(keyOf(each))),
      [
        { unacknowledged: 11, timer: 'retransmit', retransmissions: 3, unread: null },
        { unacknowledged: 1_000_000, timer: 'probe', retransmissions: 0, unread: 4096 },
        { unacknowledged: 0, timer: 'other', retransmissions: 0, unread: null },
        { unacknowledged: 1, timer: 'none', retransmissions: 0, unread: null },
        undefined,
      ],
    );
    assert.equal(found?.size, 4);
  });

  it('is nothing where there are no such files, and they are not looked for again', async () => {
    let reads = 0;
    const kernel = new Kernel(async () => {
      reads++;
      throw new Error('ENOENT');
    });
    assert.equal(await kernel.look([ends('127.0.0.1:1', '127.0.0.1:2')]), null);
    assert.equal(await kernel.look([ends('127.0.0.1:1', '127.0.0.1:2')]), null);
    assert.equal(reads, 1);
  });

  it('is enough without IPv6', { skip: SKIP }, async () => {
    const kernel = new Kernel(async (file) => {
      if (file.endsWith('6')) throw new Error('ENOENT');
      return V4;
    });
    const wanted = [ends('127.0.0.1:5555', '127.0.0.2:40000'), ends('127.0.0.1:5555', '127.0.0.9:9')];
    assert.equal((await kernel.look(wanted))?.size, 1);
  });

  it('is that of a real connection', {
    skip: process.platform === 'linux' ? false : 'Linux only',
  }, async (t) => {
    const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const client = connect(port, '127.0.0.1');
    const [accepted] = (await once(server, 'connection')) as [Socket];
    t.after(() => {
      client.destroy();
      accepted.destroy();
      server.close();
    });
    await new Promise<void>((resolve) => void client.write(Buffer.alloc(1000), () => resolve()));
    const wanted = ends(`127.0.0.1:${client.localPort}`, `127.0.0.1:${port}`);
    const kernel = new Kernel();
    // What was written is on its way for a moment, on a machine that has much to do; and a look may be too early.
    let unread: number | null | undefined;
    for (const end = performance.now() + 20_000; unread !== 1000 && performance.now() < end; ) {
      unread = (await kernel.look([wanted]))?.get(keyOf(wanted))?.unread;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    assert.equal(unread, 1000);
  });
});
