import type { Digest, DigestCache, SqlMode } from '../../src/exchange/digest.ts';
import type { OperationFacts } from '../../src/exchange/operation-facts.ts';
import { SqlWords } from './sql-words.ts';
import { type NameEffect, Statement } from './statements.ts';

/**
 * SQL's own PREPARE, EXECUTE, DEALLOCATE, DISCARD, DECLARE, FETCH and CLOSE share the names of the extended protocol. Only
 * statements with these operations come here.
 */
const OPERATIONS = new Set(['PREPARE', 'EXECUTE', 'DEALLOCATE', 'DISCARD', 'DECLARE', 'FETCH', 'CLOSE']);

const FROM_IN = new Set(['from', 'in']);
const DIRECTIONS = new Set(['next', 'prior', 'first', 'last', 'absolute', 'relative', 'forward', 'backward', 'all']);

/** Facts of a statement for policies, `bare`: names as they stand; null where none judge. */
export type Judging =
  | ((digest: Digest, buf: Buffer, start: number, end: number, bare: boolean) => OperationFacts)
  | null;

/**
 * What this statement does to names when it completes, or null where it does nothing or nothing that we can read.
 * buf[start..end) is its text. Reads with the digest cache: an earlier reading is no longer valid. `judge`: how policies
 * take a prepared statement.
 */
export function effectOf(
  operation: string,
  digests: DigestCache,
  mode: SqlMode,
  buf: Buffer,
  start: number,
  end: number,
  judge: Judging,
): NameEffect | null {
  if (!OPERATIONS.has(operation)) return null;
  const words = new SqlWords(buf, start, end);
  if (!words.word(operation.toLowerCase())) return null;
  switch (operation) {
    case 'PREPARE': {
      const name = words.name();
      if (name === null || !words.parentheses() || !words.word('as')) return null;
      const from = words.at;
      const reading = digests.read(mode, buf, from, end);
      if (reading.count !== 1) return null;
      const inner = new Statement(name, reading.statements[0]!.digest, reading.traceparent, null);
      inner.confirmed = true; // it is put under its name only when PREPARE has completed
      if (judge !== null) inner.bare = inner.judged = [judge(inner.digest, buf, from, end, true)];
      return effect('prepare', name, inner);
    }
    case 'EXECUTE':
      return effect('execute', words.name(), null);
    case 'DEALLOCATE': {
      if (words.word('all')) return effect('deallocate', '', null);
      const before = words.at;
      // DEALLOCATE PREPARE x; and a statement may be called prepare.
      if (words.word('prepare') && words.ended) words.at = before;
      return words.word('all') ? effect('deallocate', '', null) : effect('deallocate', words.name(), null);
    }
    case 'DISCARD':
      return words.word('all') ? effect('discard', '', null) : null;
    case 'DECLARE': {
      const name = words.name();
      const reading = digests.read(mode, buf, start, end);
      if (name === null || reading.count !== 1) return null;
      const cursor = new Statement('', reading.statements[0]!.digest, '', null);
      cursor.confirmed = true;
      const holdable = /\bwith\s+hold\b/i.test(cursor.digest.text);
      if (judge !== null) cursor.judged = [judge(cursor.digest, buf, start, end, false)];
      return { kind: 'declare', name, inner: cursor, holdable };
    }
    case 'FETCH':
      return effect('fetch', fetched(words), null);
    case 'CLOSE':
      return words.word('all') ? effect('close', '', null) : effect('close', words.name(), null);
    default:
      return null;
  }
}

/** The cursor of FETCH FORWARD ALL FROM c, FETCH 10 IN c, FETCH c; null where it reads in no such way. */
function fetched(words: SqlWords): string | null {
  const before = words.at;
  const direction = words.oneOf(DIRECTIONS);
  if (direction !== '' && words.ended)
    words.at = before; // a cursor may be called next
  else if (direction === '' || direction === 'absolute' || direction === 'relative') words.number();
  else if ((direction === 'forward' || direction === 'backward') && !words.number()) {
    const all = words.at;
    if (words.word('all') && words.ended) words.at = all;
  }
  words.oneOf(FROM_IN);
  const name = words.name();
  return name !== null && words.ended ? name : null;
}

/** `name` null: it could not be read. */
const effect = (kind: NameEffect['kind'], name: string | null, inner: Statement | null): NameEffect | null =>
  name === null ? null : { kind, name, inner, holdable: false };
