import type { DigestCache, SqlMode } from '../../src/exchange/digest.ts';
import { judgedView } from './judged.ts';
import { type NameEffect, Statement } from './statements.ts';
import { MAX_NAME_BYTES } from './wire.ts';

/**
 * SQL's own PREPARE, EXECUTE, DEALLOCATE, DISCARD, DECLARE and CLOSE share the names of the extended protocol. Only
 * statements with these operations come here: rare, so their beginning is read as a string.
 */
const OPERATIONS = new Set(['PREPARE', 'EXECUTE', 'DEALLOCATE', 'DISCARD', 'DECLARE', 'CLOSE']);

const BLANK = String.raw`(?:\s|--[^\n]*(?:\n|$)|/\*(?:[^*]|\*(?!/))*\*/)`;
const NAME = String.raw`("(?:[^"]|"")+"|[A-Za-z_\x80-\xff][\w$\x80-\xff]*)`;
const pattern = (text: string): RegExp =>
  new RegExp(`^(?:${BLANK}|;)*${text.replaceAll('_', `${BLANK}*`).replaceAll('NAME', NAME)}`, 'i');

const PREPARE = pattern(String.raw`prepare_NAME_(?:\([^)]*\)_)?as\b`);
const EXECUTE = pattern('execute_NAME');
const DEALLOCATE = pattern('deallocate_(?:prepare\\b_)?NAME');
const DISCARD_ALL = pattern('discard_all\\b');
const DECLARE = pattern('declare_NAME');
const CLOSE = pattern('close_NAME');
const HEAD_BYTES = 4096;

/**
 * What this statement does to names when it completes, or null. buf[start..end) is its text. Reads with the digest cache:
 * an earlier reading is no longer valid. `judge`: policies will ask what a prepared statement touches.
 */
export function effectOf(
  operation: string,
  digests: DigestCache,
  mode: SqlMode,
  buf: Buffer,
  start: number,
  end: number,
  judge: boolean,
): NameEffect | null {
  if (!OPERATIONS.has(operation)) return null;
  const head = buf.toString('latin1', start, Math.min(end, start + HEAD_BYTES));
  switch (operation) {
    case 'PREPARE': {
      const found = PREPARE.exec(head);
      if (found === null) return null;
      const from = start + found[0].length;
      const reading = digests.read(mode, buf, from, end);
      if (reading.count !== 1) return null;
      const name = folded(found[1]!);
      const inner = new Statement(name, reading.statements[0]!.digest, reading.traceparent, null);
      inner.confirmed = true; // it is put under its name only when PREPARE has completed
      if (judge) inner.judged = judgedView(digests, mode, inner.digest, buf, from, end);
      return effect('prepare', name, inner);
    }
    case 'EXECUTE':
      return named('execute', EXECUTE.exec(head));
    case 'DEALLOCATE':
      return named('deallocate', DEALLOCATE.exec(head), true);
    case 'DISCARD':
      return DISCARD_ALL.test(head) ? effect('discard', '', null) : null;
    case 'DECLARE': {
      const found = DECLARE.exec(head);
      if (found === null) return null;
      const reading = digests.read(mode, buf, start, end);
      if (reading.count !== 1) return null;
      const cursor = new Statement('', reading.statements[0]!.digest, '', null);
      cursor.confirmed = true;
      const holdable = /\bwith\s+hold\b/i.test(cursor.digest.text);
      if (judge) cursor.judged = judgedView(digests, mode, cursor.digest, buf, start, end);
      return { ...effect('declare', folded(found[1]!), cursor), holdable };
    }
    case 'CLOSE':
      return named('close', CLOSE.exec(head), true);
    default:
      return null;
  }
}

function named(kind: NameEffect['kind'], found: RegExpExecArray | null, all = false): NameEffect | null {
  if (found === null) return null;
  return effect(kind, all && found[1]!.toLowerCase() === 'all' ? '' : folded(found[1]!), null);
}

const effect = (kind: NameEffect['kind'], name: string, inner: Statement | null): NameEffect => ({
  kind,
  name,
  inner,
  holdable: false,
});

/** As the server folds identifiers: ASCII only, none in quotes, cut at 63 bytes. */
const folded = (name: string): string =>
  (name.startsWith('"')
    ? name.slice(1, -1).replaceAll('""', '"')
    : name.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
  ).slice(0, MAX_NAME_BYTES);
