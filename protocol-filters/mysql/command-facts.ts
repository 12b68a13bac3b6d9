import type { Access, OperationFacts } from '../../src/exchange/operation-facts.ts';
import { COMMANDS, Command } from './commands.ts';
import { NO_SCHEMA } from './resolve.ts';

/** What policies judge of commands that have no text: made once, for verdicts are remembered by identity. */

const facts = (operation: string, unresolved: string, ...accesses: readonly Access[]): OperationFacts => ({
  operation,
  accesses,
  unresolved,
  hasWhere: false,
  limit: -1,
  stages: [],
  categories: [],
});

/** In a policy's `operations` a command is called as its exchange's digest is: `PROCESS KILL`. */
const operationOf = (command: number): string => COMMANDS[command]!.name.replaceAll('_', ' ').toUpperCase();

const access = (verb: string, type = '', schema = '', name = ''): Access => ({ verb, type, schema, name });

const VERBS: readonly (readonly [verb: string, ...commands: number[]])[] = [
  [
    'session',
    Command.ping,
    Command.statistics,
    Command.setOption,
    Command.resetConnection,
    Command.stmtReset,
    Command.quit,
  ],
  ['monitor', Command.processInfo],
  ['admin', Command.refresh, Command.shutdown, Command.processKill, Command.debug],
];
const STREAMS = [
  Command.binlogDump,
  Command.binlogDumpGtid,
  Command.tableDump,
  Command.registerSlave,
  Command.clone,
  Command.subscribeGroupReplicationStream,
];

/** By command byte. Null: what it touches stands in its packet, or it is no command of a client. */
const FACTS: readonly (OperationFacts | null)[] = (() => {
  const table: (OperationFacts | null)[] = new Array(256).fill(null);
  for (const [verb, ...commands] of VERBS)
    for (const command of commands) table[command] = facts(operationOf(command), '', access(verb));
  for (const command of STREAMS)
    table[command] = facts(operationOf(command), 'streams what others write', access('replication'));
  return table;
})();

/** Commands whose packet says what they touch. */
const NAMED: Readonly<Record<number, readonly [verb: string, type: string]>> = {
  [Command.initDb]: ['use', 'schema'],
  [Command.createDb]: ['create', 'schema'],
  [Command.dropDb]: ['drop', 'schema'],
  // Its reply shows the columns and their defaults: a read of the table.
  [Command.fieldList]: ['select', 'table'],
  [Command.changeUser]: ['change_user', 'user'],
};

/**
 * Facts of a command with no text; `name`: what its packet names, a binary name. Null: no command that a client may send
 * (all of them are known: threats MY-15).
 */
export function commandFacts(command: number, database: string, name: string): OperationFacts | null {
  const named = NAMED[command];
  if (named === undefined) return FACTS[command]!;
  const [verb, type] = named;
  if (type === 'schema') return facts(operationOf(command), '', access(verb, type, name));
  return facts(operationOf(command), '', access(verb, type, type === 'table' ? database : NO_SCHEMA, name));
}

export const namesSomething = (command: number): boolean => NAMED[command] !== undefined;

/** A statement that was not seen being prepared. */
export const UNKNOWN_STATEMENT: OperationFacts = facts('EXECUTE', 'was prepared out of sight');
/** A text in which no statement was found. */
export const NO_STATEMENT: OperationFacts = facts('NONE', '');
/** A command that is none. */
export const UNKNOWN_COMMAND: OperationFacts = facts('UNKNOWN', 'no command that we know');
