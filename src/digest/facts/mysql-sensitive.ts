import { Sensitive } from './sql-sensitive.ts';

/**
 * Statements and functions of MySQL and MariaDB whose effect stands in a literal or in an object that we do not see into
 * (threat rows MY-14, MY-20). Incomplete by nature: any stored function can run anything.
 */
const STATEMENTS = new Map<string, number>([
  ['set', Sensitive.literal],
  ['reset', Sensitive.literal],
  ['do', Sensitive.literal],
  ['load', Sensitive.literal],
  ['change', Sensitive.literal],
  ['prepare', Sensitive.code],
  ['execute', Sensitive.code],
  ['call', Sensitive.code],
  ['binlog', Sensitive.code],
  ['install', Sensitive.code],
  ['import', Sensitive.code],
  ['clone', Sensitive.code],
  // Compound statements outside of a routine, which run now. BEGIN alone opens a transaction.
  ['if', Sensitive.code],
  ['case', Sensitive.code],
  ['while', Sensitive.code],
  ['loop', Sensitive.code],
  ['repeat', Sensitive.code],
  ['for', Sensitive.code],
]);

export const mysqlStatementSensitivity = (keyword: string): number => STATEMENTS.get(keyword) ?? Sensitive.no;

const FUNCTIONS = new Map<string, number>([
  ['load_file', Sensitive.literal],
  ['sys_exec', Sensitive.code],
  ['sys_eval', Sensitive.code],
  ['sys_get', Sensitive.literal],
  ['sys_set', Sensitive.literal],
]);

/** How a call of the function with this unqualified name reads. */
export const mysqlFunctionSensitivity = (name: string): number => FUNCTIONS.get(name.toLowerCase()) ?? Sensitive.no;
