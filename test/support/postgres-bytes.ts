/** Postgres messages as bytes, for scripted peers. Wire layout: type byte, int32 length that counts itself, body. */

export const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

export const int16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
};

/** One message; texts are as they are: write the `\0` of a string yourself. */
export function message(type: string, ...parts: readonly (string | Buffer)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}

/** StartupMessage of protocol 3.0. */
export function startupMessage(parameters: Readonly<Record<string, string>>): Buffer {
  const text = Object.entries(parameters).map(([name, value]) => `${name}\0${value}\0`);
  const body = Buffer.from(`${text.join('')}\0`);
  return Buffer.concat([int32(body.length + 8), int32(196_608), body]);
}

export const READY_IDLE: Buffer = message('Z', 'I');

/** What a server says after a login without a password, up to ReadyForQuery. */
export const loginReply = (processId: number, secretKey: number): Buffer =>
  Buffer.concat([
    message('R', int32(0)),
    message('S', 'server_version\x0015.0\0'),
    message('S', 'client_encoding\0UTF8\0'),
    message('S', 'standard_conforming_strings\0on\0'),
    message('K', int32(processId), int32(secretKey)),
    READY_IDLE,
  ]);
