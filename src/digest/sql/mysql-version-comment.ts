import type { MysqlSqlMode } from '../../exchange/digest.ts';
import { isDigit } from './sql-chars.ts';

/**
 * Where the code of a comment begins that this server executes, from the comment's slash; 0 if it is a comment to it.
 *
 *   slash star !               code for both products
 *   slash star ! NNNNN[N]      code from that version on; MariaDB takes no version of MySQL 5.7 to 8 for itself
 *   slash star M! NNNNN[N]     code for MariaDB only
 *
 * Nobody knows the version (0): all of it is code, so that nothing is done that was not seen.
 */
export const versionCommentCode = (buf: Uint8Array, at: number, end: number, mode: MysqlSqlMode): number => {
  let i = at + 2;
  const own = i < end && buf[i] === 0x4d;
  if (own) i++;
  if (i >= end || buf[i] !== 0x21) return 0;
  i++;
  const unknown = mode.version === 0;
  if (own && mode.flavour === 'mysql' && !unknown) return 0;
  let version = 0;
  let digits = 0;
  while (digits < 6 && i + digits < end && isDigit(buf[i + digits]!))
    version = version * 10 + buf[i + digits++]! - 0x30;
  if (digits < 5) return i;
  if (unknown) return i + digits;
  const foreign = mode.flavour === 'mariadb' && !own && version >= 50700 && version <= 99999;
  return version <= mode.version && !foreign ? i + digits : 0;
};
