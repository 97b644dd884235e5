/**
 * Local sockets: the folder for that of the node, and `ipc` endpoints bound, connected and used.
 *
 * Guarantees: folder, socket and file are gone afterwards.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Pair } from '@zeroth/zmq';
import { localFolders, localPath } from '../admin/local.ts';
import { messageOf } from '../errors.ts';
import type { CheckResult, Surroundings } from './check.ts';
import { failure, millisecondWords, ok, rounded, warning } from './check.ts';
import { removeUpTo } from './folder.ts';
import { addressLimit } from './local-address.ts';
import { patience } from './patience.ts';

const WITHIN = 1000;

export async function checkIpc({ environment }: Surroundings): Promise<readonly CheckResult[]> {
  if (process.platform === 'win32') return [await tryIpc(`zeroth-doctor-${process.pid}`, 'a named pipe')];
  const reasons: string[] = [];
  for (const folder of localFolders(environment)) {
    let first: string | undefined;
    try {
      first = await mkdir(folder, { recursive: true, mode: 0o700 });
      // Of this folder alone, with the same conditions as for a node.
      localPath({ ZEROTH_RUNTIME_DIR: folder }, 'doctor', process.pid);
      return [await tryIpc(join(folder, `.doctor-${process.pid}`), folder)];
    } catch (error) {
      reasons.push(messageOf(error));
    } finally {
      if (first !== undefined) await removeUpTo(first, folder);
    }
  }
  const way = 'set ZEROTH_RUNTIME_DIR or XDG_RUNTIME_DIR to a short folder of this user alone (chmod 700)';
  const message = `no folder for the local socket, so commands find no node: ${reasons.join('; ')}`;
  return [warning('ipc', message, way, { pathLimit: addressLimit() })];
}

async function tryIpc(path: string, where: string): Promise<CheckResult> {
  const [here, there] = [new Pair({ linger: 0 }), new Pair({ linger: 0 })];
  let stop = (): void => {};
  const late = new Promise<never>((_resolve, reject) => {
    stop = patience(WITHIN, () => reject(new Error(`none within ${WITHIN / 1000} s`)));
  });
  const limit = process.platform === 'win32' ? null : addressLimit();
  try {
    const began = performance.now();
    await Promise.race([exchange(here, there, `ipc://${path}`), late]);
    const took = performance.now() - began;
    const message = `a message over ${where} after ${millisecondWords(took)}${limit === null ? '' : `; paths of ${limit} octets at most`}`;
    return ok('ipc', message, { where, milliseconds: rounded(took), pathLimit: limit });
  } catch (error) {
    const way =
      'check who may write there, and what keeps programs from sockets (AppArmor, SELinux, a sandbox)';
    return failure('ipc', `no message over ${where}: ${messageOf(error)}`, way, { where, pathLimit: limit });
  } finally {
    stop();
    there.close();
    here.close();
  }
}

async function exchange(here: Pair, there: Pair, endpoint: string): Promise<void> {
  await here.bind(endpoint);
  there.connect(endpoint);
  await there.send('doctor');
  const [answer] = await here.receive();
  if (answer?.toString() !== 'doctor') throw new Error('another message arrived');
}
