/**
 * `zeroth init [FILE]`: writes a commented configuration file.
 *
 * Guarantees: never overwrites a file without --force, also when two start at the same time.
 */
import { writeFile } from 'node:fs/promises';
import { INIT_TEMPLATE } from '../config/templates.ts';
import type { CommandContext, DescribeCommand } from './command.ts';
import { CliError, fileError } from './errors.ts';
import { EXIT } from './exit.ts';
import { examples } from './tool/help.ts';

const DEFAULT_FILE = 'zeroth.yaml';

export const describe: DescribeCommand = (command, context) => {
  command
    .argument('[FILE]', 'file to write', DEFAULT_FILE)
    .option('--force', 'overwrite a file that is there')
    .addHelpText('after', examples(['zeroth init', 'zeroth init /etc/zeroth/zeroth.yaml']))
    .action((file: string) => init(file, command.opts<{ force?: boolean }>().force === true, context));
};

async function init(file: string, force: boolean, { terminal }: CommandContext): Promise<void> {
  try {
    await writeFile(file, INIT_TEMPLATE, { flag: force ? 'w' : 'wx' });
  } catch (cause) {
    throw failure(file, cause);
  }
  void terminal.out(`Wrote ${file}. Next:\n  zeroth check ${file}\n  zeroth run ${file}\n`);
}

function failure(file: string, cause: unknown): CliError {
  if ((cause as { code?: string } | null)?.code === 'EEXIST') {
    return new CliError('FILE_EXISTS', `${file} is there already`, {
      exitCode: EXIT.unexpected,
      hint: 'name another file, or overwrite it with --force',
      cause,
    });
  }
  return fileError('write', file, { cause, exitCode: EXIT.unexpected });
}
