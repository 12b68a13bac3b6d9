import { Accesses } from '../../src/digest/facts/accesses.ts';
import { operationFacts } from '../../src/digest/facts/judged-facts.ts';
import { isHarmlessSetting } from '../../src/digest/facts/sql-settings.ts';
import type { OperationFacts } from '../../src/exchange/operation-facts.ts';

/** What the server takes for parameters of its own, not for settings. */
const OWN = new Set(['user', 'database', 'options', 'replication']);

/**
 * What a startup message asks for besides a plain session: replication, and settings that `SET` would need an allowance
 * for, given by name or in `options`. Null: nothing. `parameters`: in order; names and values as they stand on the wire.
 */
export function startupFacts(
  parameters: readonly (readonly [name: string, value: string])[],
  replication: boolean,
): OperationFacts | null {
  const accesses = new Accesses();
  if (replication) accesses.add('replication', '', '', '');
  for (const [name, value] of parameters) {
    if (name === 'options') addOptions(accesses, value);
    else if (!OWN.has(name) && !name.startsWith('_pq_.')) addSetting(accesses, name, value);
  }
  const list = accesses.list();
  if (list.length === 0 && accesses.unresolved === '') return null;
  const { unresolved } = accesses;
  return operationFacts('STARTUP', { accesses: list, unresolved, hasWhere: false, limit: -1, limitAt: -1 });
}

function addSetting(accesses: Accesses, name: string, value: string): void {
  const setting = name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  if (setting === 'role' || setting === 'session_authorization') accesses.add('role', 'role', '', value);
  else if (!isHarmlessSetting(setting)) accesses.add('setting', 'setting', '', setting);
}

/**
 * `options` is a command line (pg_split_opts): words between blanks, a backslash takes the next byte as it is. Of its
 * switches only those are read that give a setting; the others are a doubt.
 */
function addOptions(accesses: Accesses, text: string): void {
  const words = split(text);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    let setting: string | undefined;
    if (word === '-c') setting = words[++i];
    else if (word.startsWith('-c') || word.startsWith('--')) setting = word.slice(2);
    const equals = setting?.indexOf('=') ?? -1;
    if (setting === undefined || equals <= 0) accesses.doubt('options hold a switch that is not read');
    else addSetting(accesses, setting.slice(0, equals).replaceAll('-', '_'), setting.slice(equals + 1));
  }
}

function split(text: string): string[] {
  const words: string[] = [];
  let word = '';
  let inside = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (' \t\n\r\f\v'.includes(c)) {
      if (inside) words.push(word);
      word = '';
      inside = false;
      continue;
    }
    inside = true;
    word += c === '\\' && i + 1 < text.length ? text[++i]! : c;
  }
  if (inside) words.push(word);
  return words;
}
