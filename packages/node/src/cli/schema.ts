/**
 * `zeroth schema`: the JSON Schema of the configuration file, for editors.
 *
 * Guarantees: prints nothing but the schema.
 */
import { jsonSchema } from '../config/schema.ts';
import type { DescribeCommand } from './command.ts';
import { examples } from './tool/help.ts';

export const describe: DescribeCommand = (command, context) => {
  command
    .addHelpText(
      'after',
      `${examples(['zeroth schema > zeroth.schema.json'])}

The first line of a YAML file tells editors where it is:
  # yaml-language-server: $schema=./zeroth.schema.json`,
    )
    .action(() => {
      void context.terminal.out(`${JSON.stringify(jsonSchema(), null, 2)}\n`);
    });
};
