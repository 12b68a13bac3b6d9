/** Four-letter words: what a fresh connection may say instead of a session's beginning. The server answers and closes. */
export const WORDS: readonly string[] = [
  'conf',
  'cons',
  'crst',
  'dirs',
  'dump',
  'envi',
  'gtmk',
  'hash',
  'isro',
  'kill', // of old servers, as `reqs`
  'mntr',
  'reqs',
  'ruok',
  'srst',
  'srvr',
  'stat',
  'stmk',
  'wchc',
  'wchp',
  'wchs',
];
/** What telnet sends as it closes. Servers take it for a word, and answer nothing. */
const TELNET_CLOSE = 0xfff4fffd | 0;

const NAMES = new Map<number, string>([
  ...WORDS.map((word): [number, string] => [Buffer.from(word, 'latin1').readInt32BE(0), word]),
  [TELNET_CLOSE, 'telnet close'],
]);

/** The word that these four bytes are, read as a length; null: a length. */
export const wordOf = (length: number): string | null => NAMES.get(length) ?? null;

/** What a server says of a word that it knows and may not answer. */
const REFUSAL = ' is not executed because';

/** Does an answer that begins like this refuse the word? */
export function isRefusal(head: Uint8Array, length: number): boolean {
  if (length < 4 + REFUSAL.length) return false;
  for (let i = 0; i < REFUSAL.length; i++) if (head[4 + i] !== REFUSAL.charCodeAt(i)) return false;
  return true;
}
export const REFUSAL_BYTES = 4 + REFUSAL.length;
