import type { Digest, SqlMode } from '../../src/exchange/digest.ts';
import { binaryName } from '../../src/exchange/operation-facts.ts';

/** One object a combination: the digest cache compares by identity. */
const MODES: readonly [off: SqlMode, on: SqlMode] = [
  { dialect: 'postgres', standardConformingStrings: false },
  { dialect: 'postgres', standardConformingStrings: true },
];

/**
 * Client encodings in which no byte of a multibyte character can be an ASCII one: in the others (SJIS, BIG5, GBK, UHC,
 * GB18030, JOHAB) a trail byte can be a quote or a backslash, and text cannot be read byte by byte.
 */
const ASCII_SAFE =
  /^(UTF8|UNICODE|SQL_ASCII|LATIN\d+|ISO_8859_\d+|WIN(1250|1251|1252|1253|1254|1255|1256|1257|1258|866|874)|KOI8[RU]?|EUC_(JP|CN|KR|TW|JIS_2004)|MULE_INTERNAL)$/i;
const UTF8 = /^(UTF8|UNICODE)$/i;
const ONE_SCHEMA = /^\s*(?:"((?:[^"]|"")+)"|([a-z_][a-z0-9_]*))\s*$/;

/** How the server reads text of this session, as the server itself reported it in ParameterStatus. */
export class Reading {
  mode: SqlMode = MODES[1];
  /** False until the server has said standard_conforming_strings and client_encoding. */
  #strings = false;
  #encoding = '';
  #serverEncoding = '';
  /** Why text of this session cannot be judged, or ''. */
  doubt = UNTOLD_STRINGS;
  /** The one schema in which names without one are looked up, as a binary name; '' = not known (before PostgreSQL 18), or several. */
  schema = '';
  /** Reported since the last ReadyForQuery: how text reads, and where names are looked up. */
  movedText = false;
  movedPath = false;

  /** Takes in a reported setting. */
  report(name: string, value: string): void {
    if (name === 'standard_conforming_strings') {
      this.movedText = true;
      this.#strings = true;
      this.mode = MODES[value === 'on' ? 1 : 0];
    } else if (name === 'client_encoding') {
      this.movedText = true;
      this.#encoding = value;
    } else if (name === 'server_encoding') this.#serverEncoding = value;
    else if (name === 'search_path') {
      this.movedPath = true;
      this.schema = oneSchema(value);
    }
    this.doubt = this.#doubt();
  }

  #doubt(): string {
    if (!this.#strings) return UNTOLD_STRINGS;
    if (this.#encoding === '') return 'the server has not reported client_encoding';
    if (!ASCII_SAFE.test(this.#encoding)) return `client_encoding ${this.#encoding} is not ASCII-safe`;
    return '';
  }

  get isUtf8(): boolean {
    return this.#encoding === 'UTF8' || this.#encoding === 'UNICODE';
  }

  /** Bytes of names reach the catalog as they are, and are cut there as UTF-8 is. */
  get namesAreUtf8(): boolean {
    return this.isUtf8 && (this.#serverEncoding === '' || UTF8.test(this.#serverEncoding));
  }
}

const UNTOLD_STRINGS = 'the server has not reported standard_conforming_strings';

/** search_path as it is reported. `"$user"` and the catalogs are no schemas of an application. */
function oneSchema(path: string): string {
  const found = ONE_SCHEMA.exec(path);
  if (found === null) return '';
  const name = found[2] ?? found[1]!.replaceAll('""', '"');
  return name.startsWith('$') || name.startsWith('pg_') ? '' : binaryName(name);
}

const CODE = new Set(['DISCARD', 'DO', 'CALL', 'EXECUTE']);
/** The name has to end where we think it does: U&"…" and doubled quotes are names that we do not read. */
const SETTING = /^(?:set|reset) (?:session |local )?("?)([a-z_][a-z0-9_.]*)\1(?=[ =]|$)/i;
/** SET of these, or of all, may change how later text reads. */
const READING_SETTINGS = new Set(['standard_conforming_strings', 'client_encoding', 'names', 'backslash_quote', 'all']);
/** And of these, where names without a schema are looked up. */
const PATH_SETTINGS = new Set(['search_path', 'schema']);

/** What running a digest may do, kept with it: asked of every execution. */
const DOES = new WeakMap<Digest, number>();
const TEXT = 1;
const PATH = 2;
const LATER_NAMES = 4;

function doesOf(digest: Digest): number {
  let does = DOES.get(digest);
  if (does === undefined) {
    const path = changesReading(digest, true);
    does = (changesReading(digest, false) ? TEXT : 0) | (path ? PATH : 0);
    if (path || GIVES_BACK.has(digest.operation)) does |= LATER_NAMES;
    DOES.set(digest, does);
  }
  return does;
}

/** May running this change how later text of the session reads? Errs on the side of yes. `path`: search_path counts. */
export const mayChangeReading = (digest: Digest, path: boolean): boolean =>
  (doesOf(digest) & (path ? PATH : TEXT)) !== 0;

/** May what stands behind this one in the same text look names up elsewhere? Ends of transactions give settings back. */
export const mayMovePath = (digest: Digest): boolean => (doesOf(digest) & LATER_NAMES) !== 0;

function changesReading(digest: Digest, path: boolean): boolean {
  if (CODE.has(digest.operation)) return true;
  if (digest.operation === 'SET' || digest.operation === 'RESET') {
    const name = SETTING.exec(digest.text)?.[2]?.toLowerCase();
    return name === undefined || READING_SETTINGS.has(name) || (path && PATH_SETTINGS.has(name));
  }
  return digest.truncated || CHANGES.test(digest.text);
}
/** What changes settings without SET; a name that is written with escapes may be one of them. */
const CHANGES = /set_config|pg_settings|u&"/i;

/** FETCH and MOVE run what a cursor was declared for. */
const GIVES_BACK = new Set(['ROLLBACK', 'ABORT', 'COMMIT', 'END', 'PREPARE', 'FETCH', 'MOVE']);

/** ROLLBACK TO SAVEPOINT has ROLLBACK's tag and does not end the transaction. */
export const isRollbackTo = (digest: Digest | null): boolean =>
  digest !== null && /^rollback\s+(?:(?:work|transaction)\s+)?to\b/i.test(digest.text);

/** COMMIT AND CHAIN, ROLLBACK AND CHAIN: the next transaction begins at once. */
export const chains = (digest: Digest | null): boolean => digest !== null && /\band\s+chain\b/i.test(digest.text);
