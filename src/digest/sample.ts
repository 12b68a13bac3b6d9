/** Characters of a sample at most. */
const SAMPLE_CHARS = 2048;

/** Statements that can hold a password or a key, wherever it stands in them: within a literal too, which may be code. */
const SECRETS =
  /\b(?:password|encrypted|user mapping|subscription|server|dblink\w*|crypt|pgp_sym_\w+|identified|auth|\w+_password|\w+_key|aes_\w+|des_\w+|encrypt|decrypt|encode|decode|change (?:master|replication))\b/i;

/**
 * The text as it came, for operators who asked to see literals. What may hold a password stays canonical even then
 * (threats TE-04), and so does text that is no UTF-8.
 */
export function sampleOf(buf: Buffer, start: number, end: number, canonical: string): string {
  if (SECRETS.test(canonical)) return canonical;
  const text = buf.toString('utf8', start, Math.min(end, start + SAMPLE_CHARS * 2));
  return text.includes('\ufffd') || SECRETS.test(text) ? canonical : text.trim().slice(0, SAMPLE_CHARS);
}
