/**
 * What kind of file system a folder is on: whether a lock and a sync mean there what they say.
 */
import type { CheckResult } from './check.ts';
import { ok, warning } from './check.ts';

type Kind = 'local' | 'network' | 'memory' | 'layer';

/** Numbers of statfs(2), linux/magic.h. */
const LINUX: ReadonlyMap<number, readonly [name: string, kind: Kind]> = new Map([
  [0xef53, ['ext4', 'local']],
  [0x58465342, ['xfs', 'local']],
  [0x9123683e, ['btrfs', 'local']],
  [0x2fc12fc1, ['zfs', 'local']],
  [0xf2f52010, ['f2fs', 'local']],
  [0xca451a4e, ['bcachefs', 'local']],
  [0x4d44, ['vfat', 'local']],
  [0x2011bab0, ['exfat', 'local']],
  [0x7366746e, ['ntfs3', 'local']],
  [0x6969, ['nfs', 'network']],
  [0x517b, ['smb', 'network']],
  [0xfe534d42, ['smb2', 'network']],
  [0xff534d42, ['cifs', 'network']],
  [0x01021997, ['9p', 'network']],
  [0x00c36400, ['ceph', 'network']],
  [0x0bd00bd0, ['lustre', 'network']],
  [0x01161970, ['gfs2', 'network']],
  [0x7461636f, ['ocfs2', 'network']],
  [0x5346414f, ['afs', 'network']],
  [0x65735546, ['fuse', 'network']],
  [0x01021994, ['tmpfs', 'memory']],
  [0x858458f6, ['ramfs', 'memory']],
  [0x794c7630, ['overlay', 'layer']],
]);

/** `type` of statfs; what Windows and macOS say there is no kind. */
export function diskOf(
  type: number,
  folder: string,
  platform: NodeJS.Platform = process.platform,
): CheckResult {
  const [name, kind] = kindOf(type, folder, platform);
  const figures = { fileSystem: name, kind };
  switch (kind) {
    case 'network':
      return warning(
        'disk',
        `${folder} is on ${name}, a file system over a network or of another program`,
        'use a local disk: locks and syncs there may not hold what they promise',
        figures,
      );
    case 'memory':
      return warning(
        'disk',
        `${folder} is on ${name}: gone when the machine starts anew`,
        'use a disk (node.dataDir)',
        figures,
      );
    case 'layer':
      return warning(
        'disk',
        `${folder} is in the ${name} of a container: gone with the container`,
        'mount a volume there',
        figures,
      );
    default:
      return ok(
        'disk',
        name === null ? 'the file system does not say of what kind it is' : `${name}, local`,
        figures,
      );
  }
}

function kindOf(type: number, folder: string, platform: NodeJS.Platform): readonly [string | null, Kind] {
  // libuv gives the number as it is, with its sign.
  if (platform === 'linux') return LINUX.get(type >>> 0) ?? [`0x${(type >>> 0).toString(16)}`, 'local'];
  if (platform === 'win32' && /^[\\/]{2}[^\\/.?]/.test(folder)) return ['a network share', 'network'];
  return [null, 'local'];
}
