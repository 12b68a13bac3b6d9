import type { CommandRow } from '../protocol-filters/redis/command-row.ts';
import type { RealRedis } from '../test/support/real-redis.ts';
import { ArgumentLists, type ServerKey, seeded, serverKeys } from '../test/support/redis-arguments.ts';

const LISTS = 60;
const KEYLESS_LISTS = 3;
/** Lists asked for until so many different ones are there; simple commands do not have as many shapes. */
const TRIES = 3000;

/**
 * Golden lists, one a line: words, a bar, and what the server finds: `2a 3b`, argument index and letter of the flags;
 * `-` when it finds none; `!` when it refuses.
 */
interface GoldenKeys {
  readonly server: string;
  /** By letter, from `a`. */
  readonly flags: string[];
  readonly lists: Record<string, string[]>;
}

const named = (row: CommandRow, parent = ''): [string, CommandRow][] => [
  [parent + row.name, row],
  ...(row.sub ?? []).flatMap((sub) => named(sub, `${row.name}|`)),
];

const answerText = (keys: readonly ServerKey[] | null, flags: string[]): string => {
  if (keys === null) return '!';
  if (keys.length === 0) return '-';
  const letters = keys.map(({ index, flags: words }) => {
    if (!flags.includes(words)) flags.push(words);
    return index + String.fromCharCode(0x61 + flags.indexOf(words));
  });
  return letters.join(' ');
};

/** What the server finds in lists of all its commands, as the golden file's text. The same on every run. */
export async function recordKeys(server: RealRedis, rows: readonly CommandRow[]): Promise<string> {
  const golden: GoldenKeys = { server: `Redis ${server.version}`, flags: [], lists: {} };
  let seed = 0;
  for (const [name, row] of rows.flatMap((one) => named(one))) {
    if (row.sub !== undefined) continue;
    const lists = await ArgumentLists.from(server, seeded(++seed));
    const wanted = row.keys === undefined ? KEYLESS_LISTS : LISTS;
    const different = new Set<string>();
    for (let i = 0; i < TRIES && different.size < wanted; i++) {
      const words = i % 2 === 0 ? lists.valid(name) : lists.odd(name);
      if (words.length > 1) different.add(words.join(' '));
    }
    const found = Array.from(different, async (list) => {
      const keys = await serverKeys(server, list.split(' '));
      return `${list}|${answerText(keys, golden.flags)}`;
    });
    golden.lists[name] = await Promise.all(found);
  }
  return `${JSON.stringify(golden, null, 1)}\n`;
}
