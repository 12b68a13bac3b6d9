import { binaryName, type PolicyVocabulary, type TargetPattern } from '../../src/exchange/operation-facts.ts';
import { GUARDED_VERBS, VERBS } from './command-verbs.ts';
import { COMMANDS } from './commands.ts';
import { seen } from './seen.ts';

const TYPES = ['key', 'channel', 'script'] as const;

/** The commands of the table, `CONFIG SET`; and whatever is named as modules name theirs, `JSON.GET`. */
class CommandNames extends Set<string> {
  override has(name: string): boolean {
    const upper = name.toUpperCase();
    return super.has(upper) || /^[A-Z][A-Z0-9_]*\.[A-Z0-9_.]+$/.test(upper);
  }
}

/** `app:*`, `3/app:*` (of database 3), `channel=news.*`, `script=*`; `*` = anything at all, `key=*` any key. */
function target(text: string): TargetPattern | { readonly fault: string } {
  if (text === '*') return { type: '', schema: '*', name: '*' };
  const typed = /^([a-z]+)=/.exec(text);
  const type = TYPES.find((word) => word === typed?.[1]) ?? 'key';
  const rest = typed !== null && typed[1] === type ? text.slice(typed[0].length) : text;
  if (rest === '') return { fault: `a ${type} without a name is none; \`*\` stands for any` };
  if (type !== 'key') return { type, schema: '*', name: binaryName(rest) };
  const inDatabase = /^(\d+|\*)\/(.*)$/s.exec(rest);
  if (inDatabase === null) return { type, schema: '*', name: binaryName(rest) };
  const [, schema = '', name = ''] = inDatabase;
  if (name === '') return { fault: `no key stands behind \`${schema}/\`; \`${schema}/*\` stands for all keys of it` };
  if (!/^(?:\*|0|[1-9]\d{0,8})$/.test(schema)) return { fault: `\`${schema}\` is no number of a database` };
  return { type, schema, name: binaryName(name) };
}

/** What policies for Redis are written of. */
export const vocabulary: PolicyVocabulary = {
  verbs: VERBS,
  harmless: ['transaction', 'session'],
  guarded: GUARDED_VERBS,
  operations: new CommandNames(COMMANDS.map(({ text }) => text)),
  target,
  seen,
};
