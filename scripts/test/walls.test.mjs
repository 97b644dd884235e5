// The linter does refuse what ARCHITECTURE.md forbids: each wall is walked into, in a folder of its own, and each door
// is walked through.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { binOf, root } from '../tool.mjs';

const zmq = 'packages/zmq/src';
const client = 'packages/client/src';
const node = 'packages/node/src';

/** For each file: modules that it may import, and modules that it may not. */
const imports = {
  [`${zmq}/errors.ts`]: {
    allowed: [],
    refused: ['./bytes/x.ts', 'node:util', 'yaml'],
  },
  [`${zmq}/bytes/probe.ts`]: {
    allowed: ['./x.ts', '../errors.ts'],
    refused: [
      '../zmtp/x.ts',
      '../patterns/x.ts',
      '../transport/x.ts',
      '../socket/x.ts',
      '../index.ts',
      'node:fs',
      'fs',
      'yaml',
    ],
  },
  [`${zmq}/zmtp/probe.ts`]: {
    allowed: ['./x.ts', './mechanism/x.ts', '../errors.ts', '../bytes/x.ts'],
    refused: [
      '../patterns/x.ts',
      '../transport/x.ts',
      '../socket/x.ts',
      '../index.ts',
      'node:net',
      'node:timers',
      'node:crypto',
      'yaml',
    ],
  },
  [`${zmq}/zmtp/mechanism/probe.ts`]: {
    allowed: ['./x.ts', '../x.ts', '../../errors.ts', '../../bytes/x.ts'],
    refused: [
      '../../patterns/x.ts',
      '../../transport/x.ts',
      '../../socket/x.ts',
      '../../index.ts',
      'node:crypto',
    ],
  },
  [`${zmq}/patterns/probe.ts`]: {
    allowed: ['./x.ts', '../errors.ts', '../bytes/x.ts', '../zmtp/x.ts'],
    refused: ['../transport/x.ts', '../socket/x.ts', '../index.ts', 'node:events', 'node:timers'],
  },
  [`${zmq}/transport/probe.ts`]: {
    allowed: [
      './x.ts',
      '../errors.ts',
      '../bytes/x.ts',
      'node:net',
      'node:fs',
      'node:os',
      'node:path',
      'node:dns',
      'node:events',
    ],
    refused: [
      '../zmtp/x.ts',
      '../patterns/x.ts',
      '../socket/x.ts',
      '../index.ts',
      'node:http',
      'node:process',
      'ws',
    ],
  },
  [`${zmq}/transport/ws/probe.ts`]: {
    allowed: ['./x.ts', '../tcp.ts', '../../errors.ts', '../../zmtp/x.ts', 'node:http', 'node:tls', 'ws'],
    refused: ['../../patterns/x.ts', '../../socket/x.ts', '../../index.ts', 'node:https', 'node:process'],
  },
  [`${zmq}/socket/probe.ts`]: {
    allowed: [
      './x.ts',
      '../errors.ts',
      '../bytes/x.ts',
      '../zmtp/x.ts',
      '../patterns/x.ts',
      '../transport/x.ts',
      '../crypto/x.ts',
      'node:events',
    ],
    refused: ['../index.ts', 'node:process', 'yaml', '../../../node/src/cli/main.ts'],
  },
  [`${zmq}/crypto/probe.ts`]: {
    allowed: ['./x.ts', '../errors.ts', '../bytes/x.ts', 'libsodium', 'sodium-native'],
    refused: ['../zmtp/x.ts', '../socket/x.ts', '../transport/x.ts', '../index.ts', 'node:crypto', 'ws'],
  },
  [`${zmq}/crypto/keys.ts`]: {
    allowed: ['./x.ts', 'node:crypto'],
    refused: ['../errors.ts', '../zmtp/x.ts', 'node:fs'],
  },
  [`${zmq}/browser/probe.ts`]: {
    allowed: [
      './x.ts',
      '../errors.ts',
      '../zmtp/x.ts',
      '../crypto/x.ts',
      '../transport/transport.ts',
      'buffer/index.js',
      '@noble/curves/abstract/montgomery.js',
    ],
    refused: ['../patterns/x.ts', '../socket/x.ts', '../index.ts', '../browser.ts', 'node:events', 'ws'],
  },
  [`${zmq}/index.ts`]: {
    allowed: ['./socket/x.ts', './errors.ts'],
    refused: ['./bytes/x.ts', './zmtp/x.ts', './patterns/x.ts', './transport/x.ts', 'node:fs'],
  },
  [`${zmq}/run.ts`]: {
    allowed: ['./bytes/x.ts', './zmtp/x.ts', './patterns/x.ts', './socket/x.ts'],
    refused: ['./transport/x.ts', './index.ts', 'node:fs'],
  },
  [`${client}/probe.ts`]: {
    allowed: [
      './x.ts',
      './wire/x.ts',
      './connection/x.ts',
      './produce/x.ts',
      '@zeroth/zmq',
      '@zeroth/zmq/run',
    ],
    refused: ['node:process', 'node:net', '../../../packages/node/src/errors.ts'],
  },
  [`${client}/errors.ts`]: {
    allowed: [],
    refused: ['./wire/x.ts', '@zeroth/zmq'],
  },
  [`${client}/wire/probe.ts`]: {
    allowed: ['./x.ts', '../errors.ts', '@zeroth/zmq/run'],
    refused: ['../produce/x.ts', '../index.ts', '@zeroth/zmq', 'node:events'],
  },
  [`${client}/connection/probe.ts`]: {
    allowed: ['./x.ts', '../wire/x.ts', '../errors.ts', '@zeroth/zmq'],
    refused: ['../produce/x.ts', '../consume/x.ts', '../client.ts', '../index.ts', 'node:net'],
  },
  [`${client}/produce/probe.ts`]: {
    allowed: ['./x.ts', '../wire/x.ts', '../errors.ts', '../connection/port.ts', '@zeroth/zmq/run'],
    refused: [
      '../consume/x.ts',
      '../connection/connection.ts',
      '../client.ts',
      '@zeroth/zmq',
      'node:process',
    ],
  },
  [`${client}/consume/probe.ts`]: {
    allowed: ['./x.ts', '../wire/x.ts', '../errors.ts', '../connection/port.ts', '@zeroth/zmq/run'],
    refused: ['../produce/x.ts', '../connection/link.ts', '../client.ts', '@zeroth/zmq', 'node:process'],
  },
  [`${client}/codec/probe.ts`]: {
    allowed: ['./x.ts', '../errors.ts', '@msgpack/msgpack', 'protobufjs', 'node:fs'],
    refused: ['../wire/x.ts', '../connection/x.ts', '../client.ts', '@zeroth/zmq', 'node:process'],
  },
  [`${node}/errors.ts`]: {
    allowed: [],
    refused: ['./config/x.ts', 'node:fs'],
  },
  [`${node}/config/probe.ts`]: {
    allowed: ['./x.ts', './spec/x.ts', '../errors.ts', 'node:fs', 'yaml'],
    refused: ['../log/x.ts', '../flow/x.ts', '../cli/x.ts', '@zeroth/zmq', 'node:process'],
  },
  [`${node}/config/spec/probe.ts`]: {
    allowed: ['./x.ts', '../x.ts', '../../errors.ts'],
    refused: ['../../log/x.ts', '../../flow/x.ts', '../../cli/x.ts'],
  },
  [`${node}/log/probe.ts`]: {
    allowed: ['./x.ts', '../errors.ts', 'pino'],
    refused: ['../config/x.ts', '../flow/x.ts', '../cli/x.ts', '@zeroth/zmq'],
  },
  [`${node}/store/probe.ts`]: {
    allowed: ['./x.ts', '../errors.ts', '../config/types.ts', '../log/log.ts', '@zeroth/zmq/run', 'node:fs'],
    refused: [
      '../cli/x.ts',
      '../flow/x.ts',
      '../session/x.ts',
      '@zeroth/zmq',
      '@zeroth/client',
      '@zeroth/client/wire',
      'node:process',
    ],
  },
  [`${node}/session/probe.ts`]: {
    allowed: [
      './x.ts',
      './core/x.ts',
      '../errors.ts',
      '../config/types.ts',
      '../log/log.ts',
      '../store/store.ts',
      '@zeroth/zmq',
      '@zeroth/zmq/run',
      '@zeroth/client/wire',
    ],
    refused: ['../cli/x.ts', '../flow/x.ts', '@zeroth/client', 'node:process'],
  },
  [`${node}/session/core/probe.ts`]: {
    allowed: ['./x.ts', '../x.ts', '../../errors.ts', '../../store/store.ts', '@zeroth/client/wire'],
    refused: ['../../cli/x.ts', '../../flow/x.ts'],
  },
  [`${node}/flow/probe.ts`]: {
    allowed: [
      './x.ts',
      '../errors.ts',
      '../config/x.ts',
      '../config/spec/x.ts',
      '../log/x.ts',
      '../store/x.ts',
      '../session/x.ts',
      '@zeroth/zmq',
      '@zeroth/zmq/run',
    ],
    refused: ['../cli/x.ts', '../admin/x.ts', '@zeroth/client', '@zeroth/client/wire', 'node:process'],
  },
  [`${node}/source/probe.ts`]: {
    allowed: ['./x.ts', '../errors.ts', '../config/x.ts', '../log/x.ts', '@nats-io/kv'],
    refused: [
      '../cli/x.ts',
      '../flow/x.ts',
      '../control/x.ts',
      '../admin/x.ts',
      '../daemon/x.ts',
      '@zeroth/zmq',
      '@zeroth/client/wire',
      'node:process',
    ],
  },
  [`${node}/control/probe.ts`]: {
    allowed: ['./x.ts', '../errors.ts', '../config/x.ts', '../log/x.ts', '../source/x.ts', '../flow/x.ts'],
    refused: [
      '../cli/x.ts',
      '../admin/x.ts',
      '../health/x.ts',
      '../metrics/x.ts',
      '../daemon/x.ts',
      '@zeroth/zmq',
      '@zeroth/client/wire',
      'node:process',
    ],
  },
  [`${node}/health/probe.ts`]: {
    allowed: [
      './x.ts',
      '../errors.ts',
      '../config/x.ts',
      '../log/x.ts',
      '../store/x.ts',
      '../session/x.ts',
      '../flow/x.ts',
      '../control/x.ts',
      '@zeroth/zmq',
    ],
    refused: [
      '../cli/x.ts',
      '../admin/x.ts',
      '../metrics/x.ts',
      '../daemon/x.ts',
      '@zeroth/client',
      'node:process',
    ],
  },
  [`${node}/metrics/probe.ts`]: {
    allowed: [
      './x.ts',
      '../errors.ts',
      '../config/x.ts',
      '../log/x.ts',
      '../store/x.ts',
      '../session/x.ts',
      '../flow/x.ts',
      '../health/x.ts',
      '@zeroth/zmq',
    ],
    refused: [
      '../cli/x.ts',
      '../admin/x.ts',
      '../telemetry/x.ts',
      '../daemon/x.ts',
      '@zeroth/client',
      'node:process',
    ],
  },
  [`${node}/telemetry/probe.ts`]: {
    allowed: [
      './x.ts',
      '../errors.ts',
      '../config/x.ts',
      '../log/x.ts',
      '../session/x.ts',
      '../metrics/x.ts',
      '@opentelemetry/api',
    ],
    refused: [
      '../cli/x.ts',
      '../admin/x.ts',
      '../flow/x.ts',
      '../daemon/x.ts',
      '@zeroth/zmq',
      'node:process',
    ],
  },
  [`${node}/admin/probe.ts`]: {
    allowed: [
      './x.ts',
      '../errors.ts',
      '../config/x.ts',
      '../log/x.ts',
      '../store/x.ts',
      '../flow/x.ts',
      '../control/x.ts',
      '../health/x.ts',
      '../metrics/x.ts',
      'node:http',
    ],
    refused: ['../cli/x.ts', '../daemon/x.ts', '../telemetry/x.ts', '@zeroth/client', 'node:process'],
  },
  [`${node}/daemon/probe.ts`]: {
    allowed: ['./x.ts', '../errors.ts', '../admin/x.ts', '../telemetry/x.ts', '../source/x.ts'],
    refused: ['../cli/x.ts', 'node:process'],
  },
  [`${node}/service/probe.ts`]: {
    allowed: ['./x.ts', './windows/x.ts', '../errors.ts', '../log/x.ts', 'node:process', 'koffi'],
    refused: ['../cli/x.ts', '../config/x.ts', '../flow/x.ts', '../daemon/x.ts', '@zeroth/zmq'],
  },
  [`${node}/service/windows/probe.ts`]: {
    allowed: ['./x.ts', '../x.ts', '../../errors.ts', '../../log/x.ts', 'koffi'],
    refused: ['../../cli/x.ts', '../../config/x.ts', '../../daemon/x.ts'],
  },
  [`${node}/doctor/probe.ts`]: {
    allowed: ['./x.ts', '../errors.ts', '../config/x.ts', '../store/x.ts', '../service/x.ts', '@zeroth/zmq'],
    refused: ['../cli/x.ts', '../flow/x.ts', '../daemon/x.ts', '../session/x.ts', 'node:process'],
  },
  [`${node}/cli/probe.ts`]: {
    allowed: [
      './x.ts',
      '../errors.ts',
      '../config/x.ts',
      '../log/x.ts',
      '../flow/x.ts',
      '@zeroth/zmq',
      'node:process',
    ],
    refused: [],
  },
};

/** For each file: lines that it may contain, and lines that it may not. */
const uses = {
  [`${zmq}/zmtp/uses.ts`]: {
    allowed: ['Math.floor(1.5);', 'Buffer.alloc(1);'],
    refused: [
      'setTimeout(() => {}, 1);',
      'Date.now();',
      'performance.now();',
      'Math.random();',
      'process.pid;',
    ],
  },
  [`${zmq}/patterns/uses.ts`]: {
    allowed: [],
    refused: ['setImmediate(() => {});', 'queueMicrotask(() => {});', 'Math.random();'],
  },
  [`${zmq}/socket/uses.ts`]: {
    allowed: ['setTimeout(() => {}, 1);', 'Math.random();', 'process.emitWarning("x");'],
    refused: ['process.exit(1);', 'process.exitCode = 1;', 'process.argv;'],
  },
  [`${node}/flow/uses.ts`]: {
    allowed: ['process.memoryUsage();', 'process.env.HOME;'],
    refused: ['process.exit(1);', 'process.exitCode = 1;', 'process.argv[2];', 'const { argv } = process;'],
  },
  [`${node}/cli/uses.ts`]: {
    allowed: ['process.exit(1);', 'process.exitCode = 1;', 'process.argv[2];'],
    refused: [],
  },
};

const walls = new Set(['lint/style/noRestrictedImports', 'lint/style/noRestrictedGlobals', 'plugin']);

function linesOf(file) {
  if (file in uses) return [...uses[file].allowed, ...uses[file].refused];
  return [...imports[file].allowed, ...imports[file].refused].map(
    (from, at) => `export { x${at} } from '${from}';`,
  );
}

describe('import walls', () => {
  let folder;
  /** file -> the numbers, from 0, of the lines that the linter refuses */
  const refused = new Map();

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'zeroth-walls-'));
    for (const name of ['biome.jsonc', 'biome', '.gitignore'])
      cpSync(join(root, name), join(folder, name), { recursive: true });
    for (const file of [...Object.keys(imports), ...Object.keys(uses)]) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), `${linesOf(file).join('\n')}\n`);
      refused.set(file, new Set());
    }
    const args = [binOf('@biomejs/biome', 'biome'), 'lint', '--reporter=json', '--max-diagnostics=none', '.'];
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
    assert.match(stdout, /^\{/, `biome did not run: ${stdout}${stderr}`);
    for (const { category, location } of JSON.parse(stdout).diagnostics) {
      if (!walls.has(category)) continue;
      refused.get(location.path.replaceAll('\\', '/'))?.add(location.start.line - 1);
    }
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const [file, doors] of Object.entries({ ...imports, ...uses })) {
    test(file, () => {
      const lines = [...doors.allowed, ...doors.refused];
      assert.deepEqual(
        lines.filter((_, at) => refused.get(file).has(at)),
        doors.refused,
      );
    });
  }
});
