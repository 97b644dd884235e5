/**
 * All streams of a configuration.
 *
 * Guarantees: each name once (rules.ts refuses a configuration that has one twice).
 */
import type { Config, StreamConfig } from './types.ts';

/** Those of routes, which have the names of their routes, then those that stand alone. */
export function streamsOf({ routes, streams }: Config): readonly StreamConfig[] {
  const ofRoutes = routes.flatMap(({ name, stream }) => (stream === null ? [] : [{ name, ...stream }]));
  return [...ofRoutes, ...streams];
}
