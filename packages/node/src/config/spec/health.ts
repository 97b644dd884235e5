/**
 * The specification of `health`.
 *
 * Guarantees: see table.ts, of which this is a part.
 */

import type { HealthConfig } from '../types.ts';
import type { SectionSpec } from './kinds.ts';
import { COMMON, SECTION } from './kinds.ts';

export const HEALTH: SectionSpec<HealthConfig> = {
  ...SECTION,
  description: 'When something counts as unhealthy.',
  knownAs: ['healthcheck', 'healthchecks', 'liveness'],
  keys: {
    missedHeartbeats: {
      ...COMMON,
      type: 'integer',
      description:
        'A peer that has not been heard for so many `heartbeatInterval` of its route is unhealthy, and is given no messages or requests until it is heard again.',
      default: 3,
      min: 2,
      max: 100,
      knownAs: ['missed', 'failurethreshold', 'retries'],
    },
    diskFree: {
      ...COMMON,
      type: 'size',
      description: 'The node is degraded when the disk of its streams has less room than this. `0`: never.',
      default: '256MiB',
      unit: 'bytes',
      min: '0B',
      max: '1000GiB',
      knownAs: ['disk', 'minfree', 'freespace', 'threshold'],
    },
    loopDelay: {
      ...COMMON,
      type: 'duration',
      description:
        'The node is degraded when its event loop was held up for longer than this within the last ten seconds.',
      default: '1s',
      unit: 'ms',
      min: '10ms',
      max: '1h',
      knownAs: ['eventloopdelay', 'looplag', 'eventlooplag'],
    },
  },
};
