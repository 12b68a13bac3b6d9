import type { MysqlSqlMode } from '../../src/exchange/digest.ts';
import type { Charset } from './charsets.ts';

type Flavour = MysqlSqlMode['flavour'];

/** Of a server that has not said which, or nothing that could be read. */
const UNKNOWN_VERSION = 80_000;
/** Versions seen in this process: above this many, further ones read like an unknown one. A server names its version itself. */
const MAX_MODES = 256;
const modes = new Map<string, MysqlSqlMode>();

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

  /** Who the greeting says the server is; 0 where its version could not be read. */
  server(flavour: Flavour, version: number): void {
    this.flavour = flavour;
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
