/**
 * libzmq with the ws transport, which Debian's package leaves out: built from Debian's own source package into .build,
 * once. Only for the benchmark, and only when a row needs it.
 *
 * Guarantees: what is downloaded is what was looked at (its digest is here); whatever fails is a reason for the table.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const SOURCE = 'http://deb.debian.org/debian/pool/main/z/zeromq3/zeromq3_4.3.4.orig.tar.gz';
const DIGEST = '0ff5a531c9ffaf0dfdc7dc78d13d1383088f454896d252934c429b2554d10559';
const FOLDER = 'libzmq-4.3.4';
const OPTIONS = [
  '-DCMAKE_BUILD_TYPE=Release',
  '-DENABLE_WS=ON',
  '-DWITH_TLS=OFF',
  '-DWITH_LIBBSD=OFF',
  '-DENABLE_CURVE=ON',
  '-DWITH_LIBSODIUM=ON',
  '-DBUILD_SHARED=OFF',
  '-DBUILD_STATIC=ON',
  '-DBUILD_TESTS=OFF',
  '-DWITH_PERF_TOOL=OFF',
  '-DWITH_DOCS=OFF',
];

/** What to pass to the C compiler, or why there is no such library. */
export type WsLibrary =
  | { readonly flags: readonly string[]; readonly missing: null }
  | { readonly flags: null; readonly missing: string };

function failed(missing: string): WsLibrary {
  return { flags: null, missing };
}

export function buildLibzmqWs(build: string): WsLibrary {
  const source = join(build, FOLDER);
  const output = join(build, 'libzmq-build');
  const archive = join(output, 'lib', 'libzmq.a');
  const flags = [`-I${join(source, 'include')}`, archive, '-lstdc++', '-lsodium', '-lm'];
  if (existsSync(archive)) return { flags, missing: null };
  const tarball = join(build, 'libzmq.tar.gz');
  const steps: readonly (readonly [string, string, ...string[]])[] = [
    ['curl', 'curl', '--fail', '--silent', '--max-time', '60', '--output', tarball, SOURCE],
    ['tar', 'tar', '-xzf', tarball, '-C', build],
    ['cmake', 'cmake', '-S', source, '-B', output, ...OPTIONS],
    ['the build', 'cmake', '--build', output, '--target', 'libzmq-static', '--parallel', '2'],
  ];
  mkdirSync(build, { recursive: true });
  console.error('building libzmq with ws, once: a minute or two');
  for (const [name, command, ...args] of steps) {
    const { status, error } = spawnSync(command, args, { stdio: 'ignore' });
    if (status !== 0) return failed(`libzmq with ws: ${name} failed${error ? ` (${error.message})` : ''}`);
    if (name !== 'curl') continue;
    const digest = createHash('sha256').update(readFileSync(tarball)).digest('hex');
    if (digest !== DIGEST) return failed(`libzmq with ws: ${SOURCE} is not what it was`);
  }
  return existsSync(archive)
    ? { flags, missing: null }
    : failed('libzmq with ws: no libzmq.a came out of it');
}
