import { constants, createHash, generateKeyPairSync, privateDecrypt, randomBytes } from 'node:crypto';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Command } from '../commands.ts';
import { PacketCursor } from '../lenenc.ts';
import { Capability as C, ServerStatus as S } from '../wire.ts';
import { CAPABILITIES, cstr, packet, server, u8, zeros } from './builders.ts';
import { ScriptedWire } from './scripted-wire.ts';

/**
 * A stand-in for MySQL 8.0, written from the documentation of its protocol: this is not MySQL, and what it proves is
 * that a real client and our decoder agree with that reading. It speaks caching_sha2_password (fast where the account has
 * logged in before, else full with the RSA key), CLIENT_DEPRECATE_EOF, session tracking, query attributes and both
 * compressions; it answers a few texts by their shape (see #answer).
 */
export class CachingSha2Server {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Logins that went through, by how. */
  readonly logins = { fast: 0, full: 0, empty: 0, refused: 0 };
  /** Commands received, by byte, as a server's own counters would say. */
  readonly commands = new Map<number, number>();
  /** Texts received, query attributes taken off. */
  readonly texts: string[] = [];
  readonly #passwords: Readonly<Record<string, string>>;
  /** SHA256(SHA256(password)) of those who have logged in fully. */
  readonly #cache = new Map<string, Buffer>();
  readonly #keys = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });

  private constructor(listening: Server, passwords: Readonly<Record<string, string>>) {
    this.#server = listening;
    this.#passwords = passwords;
    this.port = (listening.address() as AddressInfo).port;
    listening.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      void new Conversation(this, socket).run();
    });
  }

  /** Listens on a free port of the loopback interface. `passwords`: of its accounts, by name. */
  static async start(passwords: Readonly<Record<string, string>>): Promise<CachingSha2Server> {
    const listening = createServer({ noDelay: true });
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    return new CachingSha2Server(listening, passwords);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** As FLUSH PRIVILEGES does: the next login of everybody is a full one. */
  forgetCache(): void {
    this.#cache.clear();
  }

  get publicKey(): string {
    return this.#keys.publicKey;
  }

  /** Does this scramble prove the password of an account whose hash is cached? */
  isFast(user: string, scramble: Buffer, nonce: Buffer): boolean {
    const cached = this.#cache.get(user);
    if (cached === undefined || scramble.length !== 32) return false;
    return sha256(xor(scramble, sha256(cached, nonce))).equals(cached);
  }

  isPassword(user: string, password: string): boolean {
    if (this.#passwords[user] !== password) return false;
    this.#cache.set(user, sha256(sha256(Buffer.from(password))));
    return true;
  }

  hasNoPassword(user: string): boolean {
    return this.#passwords[user] === '';
  }

  /** The password that a client encrypted with our key, and XORed with the nonce before. */
  decrypt(bytes: Buffer, nonce: Buffer): string {
    const padding = constants.RSA_PKCS1_OAEP_PADDING;
    const plain = xor(privateDecrypt({ key: this.#keys.privateKey, padding }, bytes), nonce);
    return plain.toString('utf8', 0, plain.length - 1);
  }
}

const sha256 = (...parts: Uint8Array[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const xor = (bytes: Buffer, mask: Buffer): Buffer => bytes.map((byte, i) => byte ^ mask[i % mask.length]!) as Buffer;

const PLUGIN = 'caching_sha2_password';
const OFFERED =
  CAPABILITIES | C.compress | C.zstdCompressionAlgorithm | C.queryAttributes | C.optionalResultsetMetadata;
const PARAMETER_COUNT_AVAILABLE = 8;
const TINY = 1;
const DOUBLE = 5;
const DATETIME = 12;

class Conversation {
  readonly #server: CachingSha2Server;
  readonly #wire: ScriptedWire;
  /** 20 bytes without a zero. */
  readonly #nonce = randomBytes(20).map((byte) => (byte % 255) + 1) as Buffer;
  #capabilities = 0;
  #database = '';
  #status: number = S.autocommit;
  readonly #statements = new Map<number, string>();
  #nextStatement = 1;

  constructor(owner: CachingSha2Server, socket: Socket) {
    this.#server = owner;
    this.#wire = new ScriptedWire(socket);
  }

  async run(): Promise<void> {
    const greeting = server.greeting({ capabilities: OFFERED, plugin: PLUGIN });
    // The builder's scramble, replaced by ours.
    this.#nonce.copy(greeting, greeting.indexOf(Buffer.alloc(8, 0x41)), 0, 8);
    this.#nonce.copy(greeting, greeting.indexOf(Buffer.alloc(12, 0x42)), 8, 20);
    this.#wire.write(greeting);
    const login = await this.#wire.read();
    if (login === null || !(await this.#login(login))) return this.#wire.end();
    if (this.#capabilities & C.compress) this.#wire.beginCompression('zlib');
    else if (this.#capabilities & C.zstdCompressionAlgorithm) this.#wire.beginCompression('zstd');
    for (;;) {
      const payload = await this.#wire.read();
      if (payload === null || payload[0] === Command.quit) return this.#wire.end();
      if (!(await this.#command(payload))) return this.#wire.end();
    }
  }

  async #login(payload: Buffer): Promise<boolean> {
    const fields = new PacketCursor().over(payload, 0, payload.length);
    this.#capabilities = fields.u32() & OFFERED;
    fields.skip(28);
    fields.cstring();
    const user = fields.text(100);
    if (this.#capabilities & C.pluginAuthLenencClientData) fields.lenencString();
    else fields.bytes(fields.u8());
    const response = payload.subarray(fields.from, fields.to);
    if (this.#capabilities & C.connectWithDb) {
      fields.cstring();
      this.#database = fields.text(100);
    }
    if (this.#capabilities & C.pluginAuth) fields.cstring();
    return this.#authenticate(user, fields.text(100) === PLUGIN ? response : null);
  }

  /** `response`: of our plugin; null where the client used another one, or none. */
  async #authenticate(user: string, response: Buffer | null): Promise<boolean> {
    const { logins } = this.#server;
    let proof: Buffer | null = response;
    if (proof === null) {
      this.#wire.write(packet(0, u8(0xfe), cstr(PLUGIN), this.#nonce, u8(0)));
      proof = await this.#wire.read();
    }
    if (proof === null) return false;
    // An empty password is an empty answer; after a switch some clients say it with its NUL.
    if (proof.length <= 1) {
      if (!this.#server.hasNoPassword(user)) return this.#refuse(user);
      logins.empty++;
    } else if (this.#server.isFast(user, proof, this.#nonce)) {
      this.#wire.write(server.authMore(u8(3)));
      logins.fast++;
    } else {
      this.#wire.write(server.authMore(u8(4)));
      let answer = await this.#wire.read();
      if (answer?.length === 1 && answer[0] === 2) {
        this.#wire.write(server.authMore(Buffer.from(this.#server.publicKey)));
        answer = await this.#wire.read();
      }
      if (answer === null) return false;
      if (!this.#server.isPassword(user, this.#server.decrypt(answer, this.#nonce))) return this.#refuse(user);
      logins.full++;
    }
    this.#ok({ track: this.#database === '' ? zeros(0) : server.trackSchema(this.#database) });
    return true;
  }

  #refuse(user: string): false {
    this.#server.logins.refused++;
    this.#wire.write(server.err(1045, '28000', `Access denied for user '${user}'@'localhost' (using password: YES)`));
    return false;
  }

  /** False: the connection ends. */
  async #command(payload: Buffer): Promise<boolean> {
    const byte = payload[0]!;
    const { commands } = this.#server;
    commands.set(byte, (commands.get(byte) ?? 0) + 1);
    switch (byte) {
      case Command.query:
        this.#query(payload.toString('utf8', this.#textFrom(payload)));
        return true;
      case Command.stmtPrepare:
        this.#prepare(payload.toString('utf8', 1));
        return true;
      case Command.stmtExecute:
        this.#execute(payload);
        return true;
      case Command.stmtClose:
        this.#statements.delete(payload.readUInt32LE(1));
        return true;
      case Command.initDb:
        this.#use(payload.toString('utf8', 1));
        return true;
      case Command.ping:
      case Command.stmtReset:
        this.#ok();
        return true;
      case Command.setOption:
        this.#wire.write(server.eof(this.#status));
        return true;
      case Command.statistics:
        this.#wire.write(packet(0, Buffer.from('Uptime: 1  Threads: 1  Questions: 1')));
        return true;
      case Command.resetConnection:
        this.#statements.clear();
        this.#status = S.autocommit;
        this.#ok();
        return true;
      case Command.changeUser: {
        const user = payload.toString('utf8', 1, payload.indexOf(0, 1));
        this.#statements.clear();
        return this.#authenticate(user, null);
      }
      default:
        this.#wire.write(server.err(1047, '08S01', 'Unknown command'));
        return true;
    }
  }

  /** Behind the query attributes, of the types that JavaScript's clients send: strings, booleans, doubles, dates. */
  #textFrom(payload: Buffer): number {
    if (!(this.#capabilities & C.queryAttributes)) return 1;
    const fields = new PacketCursor().over(payload, 1, payload.length);
    const count = fields.lenenc();
    fields.lenenc();
    if (count === 0) return fields.at;
    const nulls = fields.at;
    fields.skip(((count + 7) >> 3) + 1);
    const types: number[] = [];
    for (let i = 0; i < count; i++) {
      types.push(fields.u16() & 0xff);
      fields.lenencString();
    }
    for (const [i, type] of types.entries()) {
      if (payload[nulls + (i >> 3)]! & (1 << (i & 7))) continue;
      if (type === TINY) fields.skip(1);
      else if (type === DOUBLE) fields.skip(8);
      else if (type === DATETIME) fields.skip(fields.u8());
      else fields.lenencString();
    }
    return fields.at;
  }

  #query(text: string): void {
    this.#server.texts.push(text);
    const statements = this.#capabilities & C.multiStatements ? text.split(';').filter((one) => one.trim()) : [text];
    for (const [i, statement] of statements.entries()) {
      const more = i + 1 < statements.length ? S.moreResultsExist : 0;
      if (!this.#answer(statement.trim(), more)) return;
    }
  }

  /** One statement, by its shape. False: it failed, and those behind it are not run. */
  #answer(text: string, more: number): boolean {
    const word = /^\w+/.exec(text)?.[0].toUpperCase() ?? '';
    if (/\bmissing\b/i.test(text)) return this.#fail(1146, '42S02', "Table 'shop.missing' doesn't exist");
    switch (word) {
      case 'SELECT': {
        // `select x limit n`: n rows.
        const rows = Number(/\blimit (\d+)/i.exec(text)?.[1] ?? 1);
        const value = text.replace(/^select\s+/i, '').replaceAll(/^'|'$/g, '');
        this.#resultSet(
          Array.from({ length: rows }, () => server.row([value])),
          more,
        );
        return true;
      }
      case 'INSERT':
      case 'UPDATE':
      case 'DELETE':
        this.#ok({ affectedRows: 1 }, more);
        return true;
      case 'BEGIN':
      case 'START':
        this.#status |= S.inTransaction;
        this.#ok({ track: server.trackTransaction('T_______') }, more);
        return true;
      case 'COMMIT':
      case 'ROLLBACK':
        this.#status &= ~S.inTransaction;
        this.#ok({ track: server.trackTransaction('________') }, more);
        return true;
      case 'USE':
        this.#use(text.slice(4), more);
        return true;
      case 'SET': {
        const found = /^set\s+(\w+)\s*=\s*'?(\w*)'?$/i.exec(text);
        this.#ok(found === null ? {} : { track: server.trackVariable(found[1]!, found[2]!) }, more);
        return true;
      }
      default:
        return this.#fail(1064, '42000', 'You have an error in your SQL syntax');
    }
  }

  #use(name: string, more = 0): void {
    this.#database = name;
    this.#ok({ track: server.trackSchema(name) }, more);
  }

  #prepare(text: string): void {
    this.#server.texts.push(text);
    if (/\bmissing\b/i.test(text)) {
      this.#fail(1146, '42S02', "Table 'shop.missing' doesn't exist");
      return;
    }
    const id = this.#nextStatement++;
    this.#statements.set(id, text);
    const columns = /^select\b/i.test(text) ? 1 : 0;
    const parameters = text.split('?').length - 1;
    const prepared = server.prepared(id, parameters, columns, this.#capabilities);
    const hasFlag = (this.#capabilities & C.optionalResultsetMetadata) !== 0;
    // The builder's head is one packet of 12 bytes; under optional metadata one more says that definitions follow.
    if (!hasFlag) this.#wire.write(prepared);
    else this.#wire.write(packet(0, prepared.subarray(4, 16), u8(1)), prepared.subarray(16));
  }

  #execute(payload: Buffer): void {
    const text = this.#statements.get(payload.readUInt32LE(1));
    if (text === undefined) {
      this.#fail(1243, 'HY000', 'Unknown prepared statement handler given to EXECUTE');
      return;
    }
    const counted = (this.#capabilities & C.queryAttributes) !== 0 && (payload[5]! & PARAMETER_COUNT_AVAILABLE) !== 0;
    if (!/^select\b/i.test(text)) this.#ok({ affectedRows: 1 });
    else this.#resultSet([server.binaryRow([counted ? 'with attributes' : 'prepared'])], 0);
  }

  #resultSet(rows: readonly Buffer[], more: number): void {
    const capabilities = this.#capabilities;
    const optional = (capabilities & C.optionalResultsetMetadata) !== 0;
    const parts = [packet(0, u8(1), optional ? u8(1) : zeros(0)), server.column('value')];
    if (!(capabilities & C.deprecateEof)) parts.push(server.eof(this.#status));
    this.#wire.write(...parts, ...rows, server.end(this.#status | more, 0, capabilities));
  }

  #ok(parts: { affectedRows?: number; track?: Buffer } = {}, more = 0): void {
    const { affectedRows = 0, track } = parts;
    const status = this.#status | more;
    const tracks = track !== undefined && track.length > 0 && (this.#capabilities & C.sessionTrack) !== 0;
    this.#wire.write(
      server.ok({ affectedRows, status, capabilities: this.#capabilities, ...(tracks ? { track } : {}) }),
    );
  }

  #fail(code: number, state: string, text: string): false {
    this.#wire.write(server.err(code, state, text));
    return false;
  }
}
