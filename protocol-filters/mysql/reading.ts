import type { MysqlSqlMode } from '../../src/exchange/digest.ts';
import { type Charset, charsetNamed, charsetOf, isUtf8Collation, isUtf8Name } from './charsets.ts';
import type { Doubt } from './effects.ts';

type Flavour = MysqlSqlMode['flavour'];

/** Of a server that has not said which, or nothing that could be read. */
const UNKNOWN_VERSION = 80_000;
/** Versions seen in this process: above this many, further ones read like an unknown one. A server names its version itself. */
const MAX_MODES = 256;
const modes = new Map<string, MysqlSqlMode>();

const NO_CHARSETS: (Charset | null)[] = [];

/** The one object of a combination: the digest cache compares by identity. */
function modeOf(flavour: Flavour, version: number, ansiQuotes: boolean, noBackslashEscapes: boolean): MysqlSqlMode {
  const bits = `${ansiQuotes ? 'a' : ''}${noBackslashEscapes ? 'n' : ''}`;
  const key = `${flavour} ${version} ${bits}`;
  let mode = modes.get(key);
  if (mode !== undefined) return mode;
  if (modes.size >= MAX_MODES && version !== UNKNOWN_VERSION)
    return modeOf(flavour, UNKNOWN_VERSION, ansiQuotes, noBackslashEscapes);
  mode = { dialect: 'mysql', ansiQuotes, noBackslashEscapes, flavour, version };
  modes.set(key, mode);
  return mode;
}

/** How the server reads text of this session. */
export class Reading {
  flavour: Flavour = 'mysql';
  #version = UNKNOWN_VERSION;
  #ansiQuotes = false;
  #noBackslashEscapes = false;
  /** The client's character set, where it does not read byte by byte. */
  charset: Charset | null = null;
  mode: MysqlSqlMode = modeOf('mysql', UNKNOWN_VERSION, false, false);

  // What only an enforced session asks for.

  /** Nobody has said whether double quotes hold names: the server's own sql_mode is told by MariaDB alone, if by any. */
  quotesUnsure = true;
  charsetUnsure = false;
  /** What was set last: a name, or a collation's number. */
  charsetId: string | number = 0;
  /** Names arrive as the bytes that the server keeps. */
  namesAreUtf8 = true;
  /** Character sets that the server may take the text for besides: it may ignore what clients ask for. */
  otherCharsets: (Charset | null)[] = [];
  #serverCharset: Charset | null = null;
  /** The version is not known: versioned comments may be code or not. */
  versionUnsure = false;

  /** The mode with ANSI_QUOTES the other way round. */
  get otherQuotes(): MysqlSqlMode {
    return modeOf(this.flavour, this.#version, !this.#ansiQuotes, this.#noBackslashEscapes);
  }

  /** Where versioned comments may be code or not: the modes of a server that executes all of them, and of one that does none. */
  get versions(): readonly MysqlSqlMode[] {
    return [0, 1].map((version) => modeOf('mysql', version, this.#ansiQuotes, this.#noBackslashEscapes));
  }

  isCharset(name: string): boolean {
    return !this.charsetUnsure && charsetNamed(name) === this.charset && isUtf8Name(name) === this.namesAreUtf8;
  }

  /** The client's character set is this, by its name or its collation's number. */
  setCharset(of: string | number): void {
    this.charsetId = of;
    this.charset = typeof of === 'string' ? charsetNamed(of) : charsetOf(of);
    this.namesAreUtf8 = typeof of === 'string' ? isUtf8Name(of) : isUtf8Collation(of);
    this.charsetUnsure = false;
    const others = [null, this.#serverCharset].filter((charset) => charset !== this.charset);
    this.otherCharsets = this.charset === null && this.#serverCharset === null ? NO_CHARSETS : others;
  }

  /** What a SET leaves unknown. */
  doubt(of: Doubt): void {
    if (of === 'quotes' || of === 'all') this.quotesUnsure = true;
    if (of === 'charset' || of === 'all') this.charsetUnsure = true;
  }

  /** Who the greeting says the server is; 0 where its version could not be read. */
  server(flavour: Flavour, version: number, collation = 0): void {
    this.flavour = flavour;
    this.#serverCharset = charsetOf(collation);
    this.versionUnsure = version === 0;
    this.#version = version === 0 ? UNKNOWN_VERSION : version;
    this.#refresh();
  }

  /** ANSI_QUOTES and NO_BACKSLASH_ESCAPES as they are now. Cheap when nothing changes. */
  set(ansiQuotes: boolean, noBackslashEscapes: boolean): void {
    if (ansiQuotes === this.#ansiQuotes && noBackslashEscapes === this.#noBackslashEscapes) return;
    this.#ansiQuotes = ansiQuotes;
    this.#noBackslashEscapes = noBackslashEscapes;
    this.#refresh();
  }

  setAnsiQuotes(on: boolean): void {
    this.set(on, this.#noBackslashEscapes);
  }

  setNoBackslashEscapes(on: boolean): void {
    this.set(this.#ansiQuotes, on);
  }

  get ansiQuotes(): boolean {
    return this.#ansiQuotes;
  }

  #refresh(): void {
    this.mode = modeOf(this.flavour, this.#version, this.#ansiQuotes, this.#noBackslashEscapes);
  }
}
