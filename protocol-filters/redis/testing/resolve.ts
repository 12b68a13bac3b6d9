import type { Args } from '../args.ts';
import { type CommandInfo, lookUpCommand, lookUpSubcommand } from '../commands.ts';

/**
 * The command of a request whose first argument is held, and its second if there is one. A container whose subcommand is
 * missing or unknown is itself the answer.
 */
export function resolveCommand(args: Args): CommandInfo | null {
  const { buf, start, length } = args;
  if (!args.whole(0)) return null;
  const command = lookUpCommand(buf, start[0]!, start[0]! + length[0]!);
  if (command === null || !command.container || !args.whole(1)) return command;
  return lookUpSubcommand(command, buf, start[1]!, start[1]! + length[1]!) ?? command;
}
