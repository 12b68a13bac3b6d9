import { Command } from '../commands.ts';
import { Capability as C, MAX_PAYLOAD_BYTES } from '../wire.ts';

/** Makes packets for tests: `client.query('select 1')`, `server.ok({ affectedRows: 3 })`. The last argument is the sequence id. */

export const u8 = (value: number): Buffer => Buffer.of(value & 0xff);
export const u16 = (value: number): Buffer => Buffer.of(value & 0xff, (value >>> 8) & 0xff);
export const u24 = (value: number): Buffer => Buffer.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff);
export const u32 = (value: number): Buffer => Buffer.concat([u16(value), u16(value >>> 16)]);
export const u64 = (value: number | bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
export const zeros = (bytes: number): Buffer => Buffer.alloc(bytes);
export const cstr = (text: string): Buffer => Buffer.from(`${text}\0`);

/** A length-encoded integer, as short as it can be. */
export const lenenc = (value: number): Buffer => {
  if (value < 0xfb) return u8(value);
  if (value <= 0xffff) return Buffer.concat([u8(0xfc), u16(value)]);
  if (value <= 0xff_ffff) return Buffer.concat([u8(0xfd), u24(value)]);
  return Buffer.concat([u8(0xfe), u64(value)]);
};
/** A length-encoded string. */
export const lstr = (text: string | Uint8Array): Buffer => {
  const bytes = Buffer.from(text as string);
  return Buffer.concat([lenenc(bytes.length), bytes]);
};

/** A payload in its packets: more than one where it has 16 MiB - 1 bytes or more. */
export function packet(sequence: number, ...parts: Uint8Array[]): Buffer {
  const payload = Buffer.concat(parts);
  const packets: Buffer[] = [];
  for (let at = 0, seq = sequence; ; at += MAX_PAYLOAD_BYTES, seq++) {
    const part = payload.subarray(at, at + MAX_PAYLOAD_BYTES);
    packets.push(u24(part.length), u8(seq), part);
    if (part.length < MAX_PAYLOAD_BYTES) return Buffer.concat(packets);
  }
}

/** The payload of a message that is one packet. */
export const payloadOf = (message: Buffer): Buffer => message.subarray(4);

/** What both sides of a plain modern session can do. */
export const CAPABILITIES =
  C.longPassword |
  C.foundRows |
  C.longFlag |
  C.connectWithDb |
  C.localFiles |
  C.protocol41 |
  C.transactions |
  C.secureConnection |
  C.multiStatements |
  C.multiResults |
  C.psMultiResults |
  C.pluginAuth |
  C.connectAttrs |
  C.pluginAuthLenencClientData |
  C.sessionTrack |
  C.deprecateEof;

export interface GreetingParts {
  version?: string;
  capabilities?: number;
  mariadb?: number;
  plugin?: string;
  status?: number;
  connectionId?: number;
}

export interface LoginParts {
  user?: string;
  database?: string;
  capabilities?: number;
  mariadb?: number;
  plugin?: string;
  response?: Uint8Array;
  attributes?: Record<string, string>;
  zstdLevel?: number;
  collation?: number;
}

export interface OkParts {
  affectedRows?: number;
  status?: number;
  warnings?: number;
  /** Payload of the session state changes: server.track… put together. Sets sessionStateChanged in the status. */
  track?: Uint8Array;
  info?: string;
  capabilities?: number;
  head?: 0x00 | 0xfe;
}

const AUTOCOMMIT = 0x0002;
const STATE_CHANGED = 0x4000;

const attributePairs = (attributes: Record<string, string>): Buffer =>
  lstr(Buffer.concat(Object.entries(attributes).flatMap(([key, value]) => [lstr(key), lstr(value)])));

const command = (byte: number, ...parts: Uint8Array[]): Buffer => packet(0, u8(byte), ...parts);

export const client = {
  login41: (parts: LoginParts = {}, sequence = 1): Buffer => {
    const { user = 'ann', database = 'shop', mariadb = 0, plugin = 'mysql_native_password' } = parts;
    const { response = Buffer.alloc(20, 0x2a), attributes = {}, zstdLevel = 3, collation = 45 } = parts;
    const capabilities = parts.capabilities ?? CAPABILITIES;
    const fields = [u32(capabilities), u32(0x100_0000), u8(collation), zeros(19), u32(mariadb), cstr(user)];
    if (capabilities & C.pluginAuthLenencClientData) fields.push(lstr(response));
    else if (capabilities & C.secureConnection) fields.push(u8(response.length), Buffer.from(response));
    else fields.push(Buffer.from(response), u8(0));
    if (capabilities & C.connectWithDb) fields.push(cstr(database));
    if (capabilities & C.pluginAuth) fields.push(cstr(plugin));
    if (capabilities & C.connectAttrs) fields.push(attributePairs(attributes));
    if (capabilities & C.zstdCompressionAlgorithm) fields.push(u8(zstdLevel));
    return packet(sequence, ...fields);
  },
  login320: (user = 'ann', database = '', sequence = 1): Buffer =>
    packet(
      sequence,
      u16(C.longPassword | (database === '' ? 0 : C.connectWithDb)),
      u24(0xff_ffff),
      cstr(user),
      cstr('NOTAHASH'),
      ...(database === '' ? [] : [cstr(database)]),
    ),
  ssl: (capabilities = CAPABILITIES | C.ssl, sequence = 1): Buffer =>
    packet(sequence, u32(capabilities), u32(0x100_0000), u8(45), zeros(23)),
  /** An answer in an authentication dialogue. */
  auth: (response: Uint8Array, sequence = 3): Buffer => packet(sequence, response),
  command,
  query: (text: string): Buffer => command(Command.query, Buffer.from(text)),
  /** COM_QUERY under queryAttributes, without any. */
  queryWithAttributes: (text: string, attributes: Record<string, string> = {}): Buffer => {
    const names = Object.keys(attributes);
    const head = [lenenc(names.length), lenenc(1)];
    if (names.length > 0) {
      head.push(zeros((names.length + 7) >> 3), u8(1));
      for (const name of names) head.push(u16(0xfd), lstr(name));
      for (const name of names) head.push(lstr(attributes[name]!));
    }
    return command(Command.query, ...head, Buffer.from(text));
  },
  quit: (): Buffer => command(Command.quit),
  ping: (): Buffer => command(Command.ping),
  initDb: (name: string): Buffer => command(Command.initDb, Buffer.from(name)),
  resetConnection: (): Buffer => command(Command.resetConnection),
  changeUser: (parts: LoginParts = {}): Buffer => {
    const { user = 'bob', database = 'shop', plugin = 'mysql_native_password', attributes = {} } = parts;
    const { response = Buffer.alloc(20, 0x2a), collation = 45 } = parts;
    const capabilities = parts.capabilities ?? CAPABILITIES;
    const secure = (capabilities & C.secureConnection) !== 0;
    const fields = [cstr(user), secure ? lstr(response) : Buffer.concat([response, u8(0)]), cstr(database)];
    fields.push(u16(collation));
    if (capabilities & C.pluginAuth) fields.push(cstr(plugin));
    if (capabilities & C.connectAttrs) fields.push(attributePairs(attributes));
    return command(Command.changeUser, ...fields);
  },
  prepare: (text: string): Buffer => command(Command.stmtPrepare, Buffer.from(text)),
  /** Without parameters. */
  execute: (id: number, flags = 0): Buffer => command(Command.stmtExecute, u32(id), u8(flags), u32(1)),
  /** With string parameters. */
  executeWith: (id: number, values: readonly string[], flags = 0): Buffer =>
    command(
      Command.stmtExecute,
      u32(id),
      u8(flags),
      u32(1),
      zeros((values.length + 7) >> 3),
      u8(1),
      ...values.map(() => u16(0xfd)),
      ...values.map((value) => lstr(value)),
    ),
  longData: (id: number, parameter: number, data: string): Buffer =>
    command(Command.stmtSendLongData, u32(id), u16(parameter), Buffer.from(data)),
  fetch: (id: number, rows = 1): Buffer => command(Command.stmtFetch, u32(id), u32(rows)),
  close: (id: number): Buffer => command(Command.stmtClose, u32(id)),
  reset: (id: number): Buffer => command(Command.stmtReset, u32(id)),
  setOption: (option: number): Buffer => command(Command.setOption, u16(option)),
  fieldList: (table: string): Buffer => command(Command.fieldList, cstr(table)),
  /** A file's bytes, and the empty packet behind them. */
  file: (text: string, sequence = 2): Buffer =>
    Buffer.concat([
      text === '' ? zeros(0) : packet(sequence, Buffer.from(text)),
      packet(sequence + (text === '' ? 0 : 1)),
    ]),
};

const track = (type: number, ...data: Uint8Array[]): Buffer => Buffer.concat([u8(type), lstr(Buffer.concat(data))]);

export const server = {
  greeting: (parts: GreetingParts = {}): Buffer => {
    const { version = '8.0.36', capabilities = CAPABILITIES, plugin = 'mysql_native_password' } = parts;
    const { mariadb = 0, status = AUTOCOMMIT, connectionId = 7 } = parts;
    const fields = [u8(10), cstr(version), u32(connectionId), Buffer.alloc(8, 0x41), u8(0), u16(capabilities)];
    fields.push(u8(45), u16(status), u16(capabilities >>> 16), u8(capabilities & C.pluginAuth ? 21 : 0));
    fields.push(zeros(6), u32(mariadb));
    if (capabilities & C.secureConnection) fields.push(Buffer.alloc(12, 0x42), u8(0));
    if (capabilities & C.pluginAuth) fields.push(cstr(plugin));
    return packet(0, ...fields);
  },
  /** As MariaDB greets: its version, CLIENT_MYSQL clear, extended capabilities. */
  mariadbGreeting: (parts: GreetingParts = {}): Buffer =>
    server.greeting({
      version: '5.5.5-10.11.19-MariaDB-0+deb12u1',
      mariadb: 0x1d,
      ...parts,
      capabilities: (parts.capabilities ?? CAPABILITIES) & ~C.mysql,
    }),
  greeting9: (version = '3.20.32'): Buffer => packet(0, u8(9), cstr(version), u32(7), cstr('scramble')),
  authSwitch: (plugin: string, sequence = 2): Buffer =>
    packet(sequence, u8(0xfe), cstr(plugin), Buffer.alloc(20, 0x43), u8(0)),
  /** The request of servers before 4.1.1 for the old password. */
  authSwitchOld: (sequence = 2): Buffer => packet(sequence, u8(0xfe)),
  authMore: (data: Uint8Array, sequence = 2): Buffer => packet(sequence, u8(1), data),
  authNextFactor: (plugin: string, sequence = 2): Buffer =>
    packet(sequence, u8(2), cstr(plugin), Buffer.alloc(20, 0x43), u8(0)),
  ok: (parts: OkParts = {}, sequence = 1): Buffer => {
    const { affectedRows = 0, warnings = 0, info = '', head = 0 } = parts;
    const capabilities = parts.capabilities ?? CAPABILITIES;
    const status = (parts.status ?? AUTOCOMMIT) | (parts.track ? STATE_CHANGED : 0);
    const fields = [u8(head), lenenc(affectedRows), lenenc(0)];
    if (capabilities & C.protocol41) fields.push(u16(status), u16(warnings));
    else if (capabilities & C.transactions) fields.push(u16(status));
    if (!(capabilities & C.sessionTrack)) fields.push(Buffer.from(info));
    else if (parts.track || info !== '') fields.push(lstr(info));
    if (parts.track && capabilities & C.sessionTrack) fields.push(lstr(parts.track));
    return packet(sequence, ...fields);
  },
  err: (code = 1064, sqlState = '42000', text = 'no', sequence = 1): Buffer =>
    packet(sequence, u8(0xff), u16(code), Buffer.from(sqlState === '' ? text : `#${sqlState}${text}`)),
  eof: (status = AUTOCOMMIT, sequence = 1, warnings = 0): Buffer =>
    packet(sequence, u8(0xfe), u16(warnings), u16(status)),
  /** The end of rows: as OK under deprecateEof, else as EOF. */
  end: (status = AUTOCOMMIT, sequence = 1, capabilities = CAPABILITIES): Buffer =>
    capabilities & C.deprecateEof
      ? server.ok({ status, head: 0xfe, capabilities }, sequence)
      : server.eof(status, sequence),
  columnCount: (columns: number, sequence = 1): Buffer => packet(sequence, lenenc(columns)),
  column: (name = 'a', sequence = 2): Buffer => {
    const names = ['def', 'shop', 't', 't', name, name].map((text) => lstr(text));
    return packet(sequence, ...names, u8(0x0c), u16(45), u32(255), u8(0xfd), u16(0), u8(0), zeros(2));
  },
  /** Count and definitions of so many columns, and the EOF behind them where it is not deprecated. */
  columns: (columns = 1, sequence = 1, capabilities = CAPABILITIES): Buffer =>
    Buffer.concat([
      server.columnCount(columns, sequence),
      ...Array.from({ length: columns }, (_, i) => server.column(`c${i}`, sequence + 1 + i)),
      ...(capabilities & C.deprecateEof ? [] : [server.eof(AUTOCOMMIT, sequence + 1 + columns)]),
    ]),
  row: (values: readonly (string | null)[] = ['1'], sequence = 3): Buffer =>
    packet(sequence, ...values.map((value) => (value === null ? u8(0xfb) : lstr(value)))),
  /** Of string columns. */
  binaryRow: (values: readonly string[] = ['1'], sequence = 3): Buffer =>
    packet(sequence, u8(0), zeros((values.length + 9) >> 3), ...values.map((value) => lstr(value))),
  /** A whole result set of one column. */
  result: (rows: readonly string[] = ['1'], status = AUTOCOMMIT, sequence = 1, capabilities = CAPABILITIES): Buffer => {
    const first = sequence + 2 + (capabilities & C.deprecateEof ? 0 : 1);
    return Buffer.concat([
      server.columns(1, sequence, capabilities),
      ...rows.map((value, i) => server.row([value], first + i)),
      server.end(status, first + rows.length, capabilities),
    ]);
  },
  /** Answer to COM_STMT_PREPARE, definitions and all. */
  prepared: (id: number, parameters = 0, columns = 0, capabilities = CAPABILITIES): Buffer => {
    const parts = [packet(1, u8(0), u32(id), u16(columns), u16(parameters), u8(0), u16(0))];
    let sequence = 2;
    for (const count of [parameters, columns]) {
      for (let i = 0; i < count; i++) parts.push(server.column(`c${i}`, sequence++));
      if (count > 0 && !(capabilities & C.deprecateEof)) parts.push(server.eof(AUTOCOMMIT, sequence++));
    }
    return Buffer.concat(parts);
  },
  infile: (name: string, sequence = 1): Buffer => packet(sequence, u8(0xfb), Buffer.from(name)),
  /** MariaDB's progress report. */
  progress: (sequence = 1): Buffer =>
    packet(sequence, u8(0xff), u16(0xffff), u8(1), u8(1), u8(2), u24(50_000), lstr('copying')),
  trackVariable: (name: string, value: string): Buffer => track(0, lstr(name), lstr(value)),
  trackSchema: (name: string): Buffer => track(1, lstr(name)),
  trackStateChange: (): Buffer => track(2, lstr('1')),
  trackGtids: (gtids: string): Buffer => track(3, u8(0), lstr(gtids)),
  trackCharacteristics: (text: string): Buffer => track(4, lstr(text)),
  trackTransaction: (state = 'T_______'): Buffer => track(5, lstr(state)),
  track,
};
