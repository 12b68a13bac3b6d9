/** Makes messages for tests: `command('SET', 'k', 'v')`, `bulk('v')`, `array(integer(1), nil)`. */

type Text = string | Uint8Array;
const bytesOf = (text: Text): Buffer => (typeof text === 'string' ? Buffer.from(text, 'latin1') : Buffer.from(text));
export const raw = (text: string): Buffer => Buffer.from(text, 'latin1');
export const join = (...parts: readonly Uint8Array[]): Buffer => Buffer.concat(parts);

const sized = (type: string, text: Text): Buffer => {
  const bytes = bytesOf(text);
  return join(raw(`${type}${bytes.length}\r\n`), bytes, raw('\r\n'));
};

export const command = (...args: readonly Text[]): Buffer =>
  join(raw(`*${args.length}\r\n`), ...args.map((arg) => sized('$', arg)));
/** `SET k v` as one command; no argument holds a blank. */
export const say = (...lines: readonly string[]): Buffer => join(...lines.map((line) => command(...line.split(' '))));

export const ok = raw('+OK\r\n');
export const queued = raw('+QUEUED\r\n');
export const nil = raw('$-1\r\n');
export const nil3 = raw('_\r\n');
export const nilArray = raw('*-1\r\n');
export const status = (text: string): Buffer => raw(`+${text}\r\n`);
export const error = (text: string): Buffer => raw(`-${text}\r\n`);
export const integer = (value: number): Buffer => raw(`:${value}\r\n`);
export const bulk = (text: Text): Buffer => sized('$', text);
export const bulkError = (text: Text): Buffer => sized('!', text);
export const verbatim = (text: Text): Buffer => sized('=', text);
export const array = (...elements: readonly Uint8Array[]): Buffer => join(raw(`*${elements.length}\r\n`), ...elements);
export const set = (...elements: readonly Uint8Array[]): Buffer => join(raw(`~${elements.length}\r\n`), ...elements);
export const push = (...elements: readonly Uint8Array[]): Buffer => join(raw(`>${elements.length}\r\n`), ...elements);
export const map = (...pairs: readonly Uint8Array[]): Buffer => join(raw(`%${pairs.length / 2}\r\n`), ...pairs);
export const attribute = (...pairs: readonly Uint8Array[]): Buffer => join(raw(`|${pairs.length / 2}\r\n`), ...pairs);

/** What a server of this name answers to HELLO. */
export const hello = (proto: 2 | 3, server = 'redis', version = '7.0.15'): Buffer => {
  const parts = [bulk('server'), bulk(server), bulk('version'), bulk(version), bulk('proto'), integer(proto)];
  const all = [...parts, bulk('role'), bulk('master'), bulk('modules'), array()];
  return proto === 3 ? map(...all) : array(...all);
};

/** A message or a confirmation: three words, the last a number where it is one. */
export const pubsub = (proto: 2 | 3, kind: string, channel: Text | null, last: string | number): Buffer => {
  const name = channel === null ? (proto === 3 ? nil3 : nil) : bulk(channel);
  const parts = [bulk(kind), name, typeof last === 'number' ? integer(last) : bulk(last)];
  return proto === 3 ? push(...parts) : array(...parts);
};
