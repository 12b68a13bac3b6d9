import { Command } from './commands.ts';
import { MAX_LOGIN_BYTES, TEXT_CAPTURE_BYTES } from './wire.ts';

/** Kept of a command that is cut over reads, by its first byte. */
export const KEEP = new Uint32Array(256).fill(64);
for (const command of [Command.query, Command.stmtPrepare, Command.stmtExecute]) KEEP[command] = TEXT_CAPTURE_BYTES;
KEEP[Command.initDb] = 1 + 256;
KEEP[Command.changeUser] = MAX_LOGIN_BYTES;
