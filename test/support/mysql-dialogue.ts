import type { Recorded } from './transcript.ts';

/**
 * Reads the authentication of a recorded MySQL session for tests: what was said, in words, and which bytes of it nobody
 * else may see. For sessions of test servers that went well: it trusts every length.
 */
interface Said {
  readonly who: '>' | '<';
  readonly payload: Buffer;
}

const HEADER_BYTES = 4;
const OK = 0x00;
const MORE_DATA = 0x01;
const SWITCH = 0xfe;
const ERR = 0xff;
/** Capabilities, longest packet, character set and the zeros. */
const LOGIN_FIXED_BYTES = 32;
const CONNECT_WITH_DB = 8;

/** Packets up to the server's OK or ERR, or to a client's request for TLS, that one included. */
function authenticationOf(session: readonly Recorded[]): Said[] {
  const said: Said[] = [];
  for (const { who, bytes } of session) {
    for (let at = 0; at < bytes.length; ) {
      const end = at + HEADER_BYTES + bytes.readUIntLE(at, 3);
      const payload = bytes.subarray(at + HEADER_BYTES, end);
      said.push({ who, payload });
      if (who === '<' ? payload[0] === OK || payload[0] === ERR : said.length === 2 && isTlsRequest(payload))
        return said;
      at = end;
    }
  }
  return said;
}

/** A login that ends where the user's name would stand. */
const isTlsRequest = (payload: Buffer): boolean => payload.length === LOGIN_FIXED_BYTES;

/** A text that ends with NUL, and where the next field begins. */
function cstring(payload: Buffer, at: number): [text: string, next: number] {
  const end = payload.indexOf(0, at);
  return [payload.toString('latin1', at, end), end + 1];
}

function readLogin(payload: Buffer): { plugin: string; answer: Buffer } {
  const [, at] = cstring(payload, LOGIN_FIXED_BYTES);
  const bytes = payload[at]!; // 255 at most in either form of the length
  const answer = payload.subarray(at + 1, at + 1 + bytes);
  let next = at + 1 + bytes;
  if ((payload.readUInt32LE(0) & CONNECT_WITH_DB) !== 0) next = cstring(payload, next)[1];
  return { plugin: cstring(payload, next)[0], answer };
}

/** The plugin's name stands last, and is the rest where no NUL ends it. */
function readGreeting(payload: Buffer): { plugin: string; scramble: Buffer } {
  const [, id] = cstring(payload, 1);
  const [first, second] = [id + 4, id + 4 + 8 + 1 + 18];
  const scramble = Buffer.concat([payload.subarray(first, first + 8), payload.subarray(second, second + 12)]);
  return { plugin: cstring(payload, second + 13)[0], scramble };
}

/**
 * The authentication in words, `['greeting sha256_password', 'login mysql_native_password', 'switch sha256_password',
 * '1 byte', 'key', '256 bytes', 'ok']`: a client's later packets are told by their length.
 */
export function dialogueOf(session: readonly Recorded[]): string[] {
  return authenticationOf(session).map(({ who, payload }, at) => {
    if (at === 0) return `greeting ${readGreeting(payload).plugin}`;
    if (at === 1 && isTlsRequest(payload)) return 'asks for TLS';
    if (at === 1) return `login ${readLogin(payload).plugin}`;
    if (who === '>') return payload.length === 1 ? '1 byte' : `${payload.length} bytes`;
    switch (payload[0]) {
      case OK:
        return 'ok';
      case ERR:
        return `error ${payload.readUInt16LE(1)}`;
      case SWITCH:
        return `switch ${cstring(payload, 1)[0]}`;
      case MORE_DATA:
        if (payload.length > 2) return 'key';
        return payload[1] === 3 ? 'fast' : 'full';
      default:
        return `? ${payload[0]}`;
    }
  });
}

/** Scrambles, answers and encrypted passwords of the session: what could be tried out or replayed. */
export function secretsOf(session: readonly Recorded[]): Buffer[] {
  const secrets = authenticationOf(session).map(({ who, payload }, at) => {
    if (at === 0) return readGreeting(payload).scramble;
    if (at === 1) return isTlsRequest(payload) ? Buffer.alloc(0) : readLogin(payload).answer;
    if (who === '>') return payload;
    return payload[0] === SWITCH ? payload.subarray(cstring(payload, 1)[1]) : Buffer.alloc(0);
  });
  // Requests for a key and the words `fast` and `full` are no secrets.
  return secrets.filter(({ length }) => length >= 20);
}

/**
 * How a program writes bytes: as they are, as text, in JSON, in hex, in base64 wherever they stand in what it writes. Of the
 * first nine, so that a part shows too.
 */
function formsOf(secret: Buffer): Buffer[] {
  const part = secret.subarray(0, 9);
  const texts = [part.toString('latin1'), part.toString('utf8')];
  const base64 = [0, 1, 2].map((from) => part.toString('base64', from, from + 6));
  const written = [
    ...texts.flatMap((text) => [text, JSON.stringify(text).slice(1, -1)]),
    part.toString('hex'),
    ...base64,
  ];
  return [part, ...written.map((text) => Buffer.from(text))];
}

/** Those of the secrets that stand in the output, in any form. */
export function tracesOf(secrets: readonly Buffer[], output: Buffer): Buffer[] {
  return secrets.filter((secret) => formsOf(secret).some((form) => output.includes(form)));
}
