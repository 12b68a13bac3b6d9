import { Backend as B, Frontend as F } from '../wire.ts';

/** Makes messages for tests: `client.query('select 1')`, `server.complete('SELECT 1')`. */

export const cstr = (text: string): Buffer => Buffer.from(`${text}\0`, 'latin1');
export const i16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
};
export const i32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value | 0);
  return bytes;
};
export const u32 = (value: number): Buffer => i32(value | 0);

export function frame(type: number, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.of(type), i32(body.length + 4), body]);
}

const first = (code: number, ...parts: Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([i32(body.length + 8), i32(code), body]);
};

export const client = {
  startup: (parameters: Record<string, string> = { user: 'ann', database: 'shop' }, version = 0x30000): Buffer =>
    first(version, ...Object.entries(parameters).flatMap(([name, value]) => [cstr(name), cstr(value)]), Buffer.of(0)),
  ssl: (): Buffer => first(80877103),
  gssenc: (): Buffer => first(80877104),
  cancel: (key: Uint8Array): Buffer => first(80877102, key),
  password: (text = 'secret'): Buffer => frame(F.password, cstr(text)),
  query: (text: string): Buffer => frame(F.query, cstr(text)),
  parse: (text: string, name = ''): Buffer => frame(F.parse, cstr(name), cstr(text), i16(0)),
  bind: (statement = '', portal = '', value = ''): Buffer =>
    frame(F.bind, cstr(portal), cstr(statement), i16(0), i16(1), i32(value.length), Buffer.from(value), i16(0)),
  describe: (name = '', kind: 'S' | 'P' = 'P'): Buffer => frame(F.describe, Buffer.from(kind), cstr(name)),
  execute: (portal = '', rows = 0): Buffer => frame(F.execute, cstr(portal), i32(rows)),
  close: (name: string, kind: 'S' | 'P' = 'S'): Buffer => frame(F.close, Buffer.from(kind), cstr(name)),
  sync: (): Buffer => frame(F.sync),
  flush: (): Buffer => frame(F.flush),
  terminate: (): Buffer => frame(F.terminate),
  functionCall: (): Buffer => frame(F.functionCall, i32(1234), i16(0), i16(0), i16(0)),
  copyData: (text: string): Buffer => frame(F.copyData, Buffer.from(text)),
  copyDone: (): Buffer => frame(F.copyDone),
  copyFail: (text = 'no'): Buffer => frame(F.copyFail, cstr(text)),
  /** Parse, Bind, Describe, Execute of the unnamed statement; no Sync. */
  extended: (text: string): Buffer =>
    Buffer.concat([client.parse(text), client.bind(), client.describe(), client.execute()]),
};

const problem = (type: number, severity: string, code: string, text: string): Buffer =>
  frame(type, cstr(`S${severity}`), cstr(`V${severity}`), cstr(`C${code}`), cstr(`M${text}`), Buffer.of(0));

export const server = {
  authenticationOk: (): Buffer => frame(B.authentication, i32(0)),
  authentication: (kind: number, ...rest: Uint8Array[]): Buffer => frame(B.authentication, i32(kind), ...rest),
  parameter: (name: string, value: string): Buffer => frame(B.parameterStatus, cstr(name), cstr(value)),
  key: (key: Uint8Array = Buffer.from('0000002a01020304', 'hex')): Buffer => frame(B.backendKeyData, key),
  ready: (status: 'I' | 'T' | 'E' = 'I'): Buffer => frame(B.readyForQuery, Buffer.from(status)),
  complete: (tag: string): Buffer => frame(B.commandComplete, cstr(tag)),
  row: (value = '1'): Buffer => frame(B.dataRow, i16(1), i32(value.length), Buffer.from(value)),
  rowDescription: (): Buffer => frame(B.rowDescription, i16(0)),
  parameterDescription: (): Buffer => frame(B.parameterDescription, i16(0)),
  noData: (): Buffer => frame(B.noData),
  parseComplete: (): Buffer => frame(B.parseComplete),
  bindComplete: (): Buffer => frame(B.bindComplete),
  closeComplete: (): Buffer => frame(B.closeComplete),
  suspended: (): Buffer => frame(B.portalSuspended),
  empty: (): Buffer => frame(B.emptyQuery),
  error: (code = '42P01', severity = 'ERROR', text = 'no'): Buffer => problem(B.error, severity, code, text),
  notice: (severity = 'NOTICE'): Buffer => problem(B.notice, severity, '00000', 'hm'),
  notification: (): Buffer => frame(B.notification, i32(7), cstr('channel'), cstr('payload')),
  copyIn: (): Buffer => frame(B.copyInResponse, Buffer.of(0), i16(0)),
  copyOut: (): Buffer => frame(B.copyOutResponse, Buffer.of(0), i16(0)),
  copyBoth: (): Buffer => frame(B.copyBothResponse, Buffer.of(0), i16(0)),
  copyData: (text: string): Buffer => frame(B.copyData, Buffer.from(text)),
  copyDone: (): Buffer => frame(B.copyDone),
  functionResult: (): Buffer => frame(B.functionCallResponse, i32(-1)),
  negotiate: (): Buffer => frame(B.negotiateProtocolVersion, i32(0x30000), i32(0)),
  /** All that a server says when it lets somebody in. */
  welcome: (application = 'test'): Buffer =>
    Buffer.concat([
      server.authenticationOk(),
      server.parameter('application_name', application),
      server.parameter('client_encoding', 'UTF8'),
      server.parameter('server_version', '15.3'),
      server.parameter('standard_conforming_strings', 'on'),
      server.key(),
      server.ready(),
    ]),
  /** The answer to extended() with this many rows, and to Sync. */
  extended: (tag: string, rows = 0): Buffer =>
    Buffer.concat([
      server.parseComplete(),
      server.bindComplete(),
      rows > 0 ? server.rowDescription() : server.noData(),
      ...Array.from({ length: rows }, () => server.row()),
      server.complete(tag),
    ]),
};
