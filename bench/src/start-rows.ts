/** The rows of a node's start, and of the executable. */
import { statSync } from 'node:fs';
import { idleMemory } from './memory.ts';
import type { Peers } from './peers.ts';
import type { Row } from './row.ts';
import { DEFAULTS, most, NONE, side } from './row.ts';
import { nodeRelay } from './servers.ts';
import { startTime } from './start.ts';

const MIB = 1024 * 1024;
const UNTIL =
  'From the start of the process until a plain pipeline and one with a durable stream have each delivered a message. PUSH and PULL are there before, and try to connect every 2 ms.';

export function startRows({ node, executable, residentSizes }: Peers): Row[] {
  const own = 'zeroth run, one executable';
  return [
    {
      ...DEFAULTS,
      id: 'start-node',
      title: 'node: start to first forwarded message',
      unit: 'ms',
      target: most(300),
      ours: side('zeroth run', [node], (n = NONE) => startTime(n)),
      theirs: null,
      method: UNTIL,
    },
    {
      ...DEFAULTS,
      id: 'start-exe',
      title: 'executable: start to first forwarded message',
      unit: 'ms',
      target: most(400),
      ours: side(own, [executable], (e = NONE) => startTime(e)),
      theirs: null,
      method: 'As above, the executable of `npm run build:exe`.',
    },
    {
      ...DEFAULTS,
      id: 'memory-idle-exe',
      title: 'executable, idle: resident memory',
      unit: 'MB',
      maxRounds: 3,
      ours: side(own, [executable, residentSizes], (e = NONE) => idleMemory(nodeRelay(e))),
      theirs: null,
      method:
        'For information, as `memory-idle`. What of the executable is in memory counts here, and is Node itself.',
    },
    {
      ...DEFAULTS,
      id: 'size-exe',
      title: 'executable: size of the file',
      unit: 'MB',
      maxRounds: 1,
      ours: side(own, [executable], ([program = ''] = NONE) => async () => ({
        value: statSync(program).size / MIB,
        p99: null,
      })),
      theirs: null,
      method: 'For information. Nearly all of it is the Node binary inside.',
    },
  ];
}
