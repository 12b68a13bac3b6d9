import { server } from '../../../protocol-filters/postgres/testing/builders.ts';
import { Frontend as F } from '../../../protocol-filters/postgres/wire.ts';
import type { SqlMode } from '../../../src/exchange/digest.ts';
import { digests } from '../../support/filter-env.ts';

const MODES: readonly [SqlMode, SqlMode] = [
  { dialect: 'postgres', standardConformingStrings: false },
  { dialect: 'postgres', standardConformingStrings: true },
];
const TAGS: Readonly<Record<string, string>> = { SELECT: 'SELECT 0', INSERT: 'INSERT 0 1', DELETE: 'DELETE 1' };
const SETTING = /^(?:set|reset)\s+(?:local\s+|session\s+)?(\S+?)(?:\s*(?:=|\s+to\b|\s)\s*'?([^\s']*)'?)?$/i;

/**
 * A server as far as a gate can tell: it answers message by message, fails what is no SQL, keeps the transaction's state,
 * skips to Sync, and reports settings. What it has been asked to run it keeps, for tests to look at.
 */
export class FakePostgres {
  readonly ran: string[] = [];
  #held = Buffer.alloc(0);
  #started: boolean;
  #status: 'I' | 'T' | 'E' = 'I';
  #skips = false;
  #copies: 'no' | 'simple' | 'extended' = 'no';
  #strings = true;
  readonly #statements = new Map<string, string>();
  readonly #portals = new Map<string, string>();

  constructor(started = false) {
    this.#started = started;
  }

  /** Takes what the gate has let pass; gives what the server says to it. */
  read(bytes: Buffer): Buffer {
    this.#held = Buffer.concat([this.#held, bytes]);
    const out: Buffer[] = [];
    for (;;) {
      const head = this.#started ? 1 : 0;
      if (this.#held.length < head + 4) break;
      const length = head + this.#held.readUInt32BE(head);
      if (this.#held.length < length) break;
      const body = this.#held.subarray(head + 4, length);
      const type = head === 1 ? this.#held[0]! : 0;
      this.#held = this.#held.subarray(length);
      if (this.#started) out.push(...this.#message(type, body));
      else if (body.readInt32BE(0) >> 16 === 3) {
        this.#started = true;
        out.push(server.welcome());
      }
    }
    return Buffer.concat(out);
  }

  #message(type: number, body: Buffer): Buffer[] {
    if (this.#copies !== 'no') return this.#copying(type);
    if (type === F.sync) {
      this.#skips = false;
      return [server.ready(this.#status)];
    }
    if (this.#skips) return [];
    switch (type) {
      case F.query:
        return this.#query(body.toString('latin1', 0, body.length - 1));
      case F.parse: {
        const [name, text] = strings(body);
        if (this.#fails(text!)) return this.#error(name === '' ? () => this.#statements.delete('') : undefined);
        this.#statements.set(name!, text!);
        return [server.parseComplete()];
      }
      case F.bind: {
        const [portal, name] = strings(body);
        const text = this.#statements.get(name!);
        if (text === undefined) return this.#error(undefined, '26000');
        this.#portals.set(portal!, text);
        return [server.bindComplete()];
      }
      case F.describe:
        return [server.noData()];
      case F.close:
        if (body[0] === 0x53) this.#statements.delete(strings(body.subarray(1))[0]!);
        return [server.closeComplete()];
      case F.execute: {
        const text = this.#portals.get(strings(body)[0]!);
        if (text === undefined) return this.#error(undefined, '34000');
        return this.#run(text, 'extended');
      }
      case F.functionCall:
        if (body.readInt32BE(0) !== 0) return [server.functionResult(), server.ready(this.#status)];
        return [server.error('42883'), this.#failed()];
      default:
        return [];
    }
  }

  #copying(type: number): Buffer[] {
    if (type !== F.copyDone && type !== F.copyFail) return [];
    const how = this.#copies;
    this.#copies = 'no';
    const said =
      type === F.copyDone ? [server.complete('COPY 0')] : this.#error(undefined, '57014', how === 'extended');
    return how === 'simple' ? [...said, server.ready(this.#status)] : said;
  }

  #query(text: string): Buffer[] {
    this.#statements.delete('');
    if (this.#fails(text)) return [server.error('42601'), this.#failed()];
    const buf = Buffer.from(text, 'latin1');
    const reading = digests.read(MODES[this.#strings ? 1 : 0], buf, 0, buf.length);
    const each = reading.statements.slice(0, reading.count).map(({ start, end }) => text.slice(start, end));
    if (each.length === 0) return [server.empty(), server.ready(this.#status)];
    const out: Buffer[] = [];
    for (const statement of each) {
      out.push(...this.#run(statement, 'simple'));
      if (this.#copies !== 'no') return out;
      if (this.#status === 'E') break;
    }
    out.push(server.ready(this.#status));
    return out;
  }

  #run(text: string, how: 'simple' | 'extended'): Buffer[] {
    this.ran.push(text);
    const words = text.trim().split(/[\s(]+/);
    const verb = (words[0] ?? '').toUpperCase();
    if (verb === 'BEGIN') this.#status = 'T';
    if (verb === 'COMMIT' || verb === 'ROLLBACK') {
      const failed = this.#status === 'E';
      this.#status = 'I';
      return [server.complete(failed ? 'ROLLBACK' : verb)];
    }
    if (this.#status === 'E') return this.#error(undefined, '25P02', how === 'extended');
    if (verb === 'SET' || verb === 'RESET') return [...this.#set(text), server.complete(verb)];
    if (verb === 'COPY' && /\bfrom stdin/i.test(text)) {
      this.#copies = how;
      return [server.copyIn()];
    }
    if (verb === 'COPY') return [server.copyOut(), server.copyDone(), server.complete('COPY 0')];
    return [server.complete(TAGS[verb] ?? verb)];
  }

  #set(text: string): Buffer[] {
    const found = SETTING.exec(text.trim());
    const name = found?.[1]?.replaceAll('"', '').toLowerCase();
    const value = found?.[2] ?? '';
    if (name === 'standard_conforming_strings') {
      this.#strings = value.toLowerCase() !== 'off';
      return [server.parameter(name, this.#strings ? 'on' : 'off')];
    }
    if (name === 'client_encoding' || name === 'names') return [server.parameter('client_encoding', value)];
    return [];
  }

  #fails(text: string): boolean {
    return text.startsWith('sluice:') || /^\s*(selec|selectt|no sql)\b/i.test(text);
  }

  #failed(): Buffer {
    if (this.#status === 'T') this.#status = 'E';
    return server.ready(this.#status);
  }

  #error(before?: () => void, code = '42601', skips = true): Buffer[] {
    before?.();
    this.#skips = skips;
    if (this.#status === 'T') this.#status = 'E';
    return [server.error(code)];
  }
}

/** The zero-terminated strings at the head of a body. */
function strings(body: Buffer): string[] {
  return body.toString('latin1').split('\0');
}
