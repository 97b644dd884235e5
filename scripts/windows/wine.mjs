// Wine for `npm run test:windows`: its packages, and a prefix (a Windows with its own C: and registry) that is thrown away.
//
// Never the user's own prefix, never a display. A prefix that was opened is gone after `close`, with every process in it.
import { spawnSync } from 'node:child_process';
import { accessSync, closeSync, constants, existsSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const PACKAGES = ['wine64', 'wine'];
/** Milliseconds that any one step of Wine's own may take. */
const PATIENCE = 120_000;
/** Wine 8 stores no event: that one was reported, with its type, id and text, is told by these channels alone. */
const TRACE = '-all,+eventlog,fixme+advapi,fixme+service';

const silent = { stdio: 'ignore', timeout: PATIENCE };

/** The path of a program, or null. */
function which(name) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {}
  }
  return null;
}

/**
 * Finds Wine, installs it where that is possible. `missing`: why there is none, with the way out; `possible`: it could
 * have been installed, so that this is a failure.
 */
export function findWine() {
  const found = which('wine');
  if (found !== null) return { wine: found };
  const line = `apt-get install --no-install-recommends ${PACKAGES.join(' ')}`;
  if (process.platform !== 'linux' || process.arch !== 'x64' || which('apt-get') === null)
    return { missing: `no wine on the path; on Debian or Ubuntu (x64): ${line}`, possible: false };
  const root = process.getuid() === 0;
  if (!root && spawnSync('sudo', ['-n', 'true'], silent).status !== 0)
    return {
      missing: `no wine on the path, and neither root nor sudo without a password: ${line}`,
      possible: false,
    };
  const run = (...args) =>
    spawnSync(
      root ? args[0] : 'sudo',
      root ? args.slice(1) : ['-n', 'env', 'DEBIAN_FRONTEND=noninteractive', ...args],
      {
        env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
        stdio: ['ignore', 'inherit', 'inherit'],
        timeout: 300_000,
      },
    ).status === 0;
  console.log(`No wine on the path: installing ${PACKAGES.join(' ')}`);
  const done =
    run('apt-get', 'update', '-q') &&
    run('apt-get', 'install', '-q', '-y', '--no-install-recommends', ...PACKAGES);
  const wine = which('wine');
  return done && wine !== null ? { wine } : { missing: `could not be installed: ${line}`, possible: true };
}

/** A new prefix in `folder`. @throws when Wine does not work here. */
export function openPrefix(wine, folder) {
  const { DISPLAY: _none, WAYLAND_DISPLAY: _none2, ...inherited } = process.env;
  const env = {
    ...inherited,
    WINEPREFIX: join(folder, 'prefix'),
    WINEARCH: 'win64',
    WINEDEBUG: '-all',
    WINEDLLOVERRIDES: 'mscoree,mshtml=',
  };
  const server = which('wineserver') ?? '/usr/lib/wine/wineserver64';
  const trace = join(folder, 'trace.log');
  const must = (command, args, more = {}) => {
    const { status, error } = spawnSync(command, args, { env, ...silent, ...more });
    if (error || status !== 0)
      throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? `exit code ${status}`}`);
  };
  const close = () => {
    spawnSync(server, ['-k'], { env, ...silent });
    spawnSync(server, ['-w'], { env, ...silent });
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    mkdirSync(env.WINEPREFIX, { recursive: true });
    must(wine, ['wineboot', '-i']);
    // The default is Windows 7, where Node refuses to run.
    must(wine, ['winecfg', '-v', 'win10']);
    // Windows gives a process thirty seconds to say that it is a service; Wine ten, unless it is told.
    const control = 'HKLM\\System\\CurrentControlSet\\Control';
    must(wine, ['reg', 'add', control, '/v', 'ServicesPipeTimeout', '/d', '30000', '/f']);
    must(server, ['-k']);
    must(server, ['-w']);
    // Without a server that stays, services are gone a second after the last command.
    must(server, ['-p']);
    // What the service manager inherits here its services have, too.
    const fd = openSync(trace, 'a');
    must(wine, ['wineboot'], { env: { ...env, WINEDEBUG: TRACE }, stdio: ['ignore', fd, fd] });
    closeSync(fd);
  } catch (error) {
    close();
    throw error;
  }
  const drive = join(env.WINEPREFIX, 'drive_c');
  if (!existsSync(drive)) throw new Error(`${drive} was not made`);
  return { wine, env, drive, trace, close };
}
