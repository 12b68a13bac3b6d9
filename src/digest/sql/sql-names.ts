/** NAMEDATALEN - 1: what the server keeps of an identifier, in bytes. */
const NAME_BYTES = 63;

/** The identifier as the server keeps it: at most 63 bytes of UTF-8, never half a character. */
export const cutName = (name: string): string => {
  if (name.length * 3 <= NAME_BYTES) return name;
  const bytes = Buffer.from(name);
  if (bytes.length <= NAME_BYTES) return name;
  let end = NAME_BYTES;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
};

/** A word or quoted identifier of a canonical text, as the server reads it (escapes of U&"" stay as they are). */
export const nameOf = (token: string): string => {
  const at = token.indexOf('"');
  if (at < 0) return cutName(token);
  const end = token.length > at + 1 && token.endsWith('"') ? token.length - 1 : token.length;
  return cutName(token.slice(at + 1, end).replaceAll('""', '"'));
};

const PLAIN = /^[a-z_][a-z0-9_$]*$/;

/** A name as one would write it: with double quotes where it needs them. */
export const writeName = (name: string): string => (PLAIN.test(name) ? name : `"${name.replaceAll('"', '""')}"`);
