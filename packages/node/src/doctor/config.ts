/**
 * The configuration: what is wrong with it in a few words, and whether its centre answers.
 *
 * Guarantees: no secret in any message (problems have none).
 */
import { existsSync } from 'node:fs';
import type { Problem } from '../config/problem.ts';
import { printable } from '../config/problem.ts';
import { streamsOf } from '../config/streams.ts';
import type { OpenedConfig } from '../control/open.ts';
import type { Refused } from '../control/types.ts';
import type { CheckResult } from './check.ts';
import { failure, ok, plural, warning } from './check.ts';

/** What `zeroth init` writes. */
const USUAL = 'zeroth.yaml';
const FEW = 2;

export function judgeConfig(file: string | null, opened: OpenedConfig | Refused): readonly CheckResult[] {
  const name = file === null ? 'the embedded default' : printable(file);
  const figures = { file };
  if (!opened.ok) {
    const { problems, message } = opened;
    if (problems.length === 0) {
      const way =
        'start the centre, or check source.url, its key and the way to it; nothing else could be checked';
      return [failure('centre', printable(message), way, figures)];
    }
    const way = `zeroth check ${file ?? ''} shows each with its line; what it configures could not be checked`;
    const what = `${name}: ${plural(problems.length, 'problem')}: ${few(problems)}`;
    return [failure('config', what, way, { ...figures, problems: problems.length })];
  }
  const { config, warnings, source } = opened;
  const { routes, sessions } = config;
  const streams = streamsOf(config).length;
  const counts = { ...figures, routes: routes.length, streams, warnings: warnings.length };
  const what = `${name}: ${plural(routes.length, 'route')}, ${plural(streams, 'stream')}, ${sessions === null ? 'no sessions' : 'sessions'}`;
  const results: CheckResult[] = [];
  if (warnings.length > 0)
    results.push(
      warning('config', `${what}; ${few(warnings)}`, `zeroth check ${file ?? ''} shows where`, counts),
    );
  else if (file === null && existsSync(USUAL))
    results.push(
      warning('config', `${what}; ${USUAL} is here and not looked at`, `zeroth doctor ${USUAL}`, counts),
    );
  else results.push(ok('config', what, counts));
  if (source === null) return results;
  const { status } = source;
  const about = { name: status.name, state: status.state, revision: status.revision };
  if (status.error === null)
    results.push(ok('centre', `${status.name} answers, revision ${printable(status.revision)}`, about));
  else
    results.push(
      warning(
        'centre',
        printable(status.error),
        'a node starts with the last good copy until the centre is there: start it, or check source',
        about,
      ),
    );
  return results;
}

function few(problems: readonly Problem[]): string {
  const words = problems.slice(0, FEW).map(({ line, key, message }) => {
    const place = `${line === 0 ? '' : `line ${line}: `}${key === '' ? '' : `${key}: `}`;
    return printable(`${place}${message}`);
  });
  const more = problems.length - words.length;
  return words.join('; ') + (more > 0 ? `; and ${more} more` : '');
}
