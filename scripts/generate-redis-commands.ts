/**
 * Asks Debian's redis-server for its commands and writes what follows from them: the table of commands, and, as the judge
 * of our key finder, which keys the server itself finds in argument lists of every command that has some.
 * `--check` writes nothing and exits 1 when a file is not what would be written.
 */
import { deepStrictEqual } from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import {
  type BeginSearch,
  type CommandRow,
  type FindKeys,
  type KeySpecRow,
  rowsOf,
  rowsText,
} from '../protocol-filters/redis/command-row.ts';
import { type RealRedis, startRealRedis } from '../test/support/real-redis.ts';
import type { Reply } from '../test/support/redis-wire.ts';
import { recordKeys } from './generate-redis-keys.ts';

const folder = new URL('../protocol-filters/redis/', import.meta.url);

/** A RESP2 map: names and values in turn. */
function fields(reply: Reply | undefined): Map<string, Reply> {
  const list = reply as Reply[];
  return new Map(list.flatMap((name, i) => (i % 2 === 0 ? [[String(name), list[i + 1]!] as const] : [])));
}

const words = (reply: Reply | undefined): string =>
  (reply as Reply[]).map((word) => String(word).replace(/^@/, '')).join(' ');
const numbers = (spec: Map<string, Reply>, ...names: string[]) => names.map((name) => Number(spec.get(name)));

function beginSearch(reply: Reply | undefined): BeginSearch {
  const begin = fields(reply);
  const spec = fields(begin.get('spec'));
  if (begin.get('type') === 'index') return Number(spec.get('index'));
  return begin.get('type') === 'keyword' ? [String(spec.get('keyword')), Number(spec.get('startfrom'))] : null;
}

function keysFound(reply: Reply | undefined): FindKeys {
  const find = fields(reply);
  const spec = fields(find.get('spec'));
  if (find.get('type') === 'range') {
    const [last, step, limit] = numbers(spec, 'lastkey', 'keystep', 'limit');
    return { range: [last!, step!, limit!] };
  }
  if (find.get('type') !== 'keynum') return null;
  const [at, first, step] = numbers(spec, 'keynumidx', 'firstkey', 'keystep');
  return { count: [at!, first!, step!] };
}

function keySpec(reply: Reply): KeySpecRow {
  const spec = fields(reply);
  return {
    flags: words(spec.get('flags')),
    at: beginSearch(spec.get('begin_search')),
    keys: keysFound(spec.get('find_keys')),
  };
}

const byName = (a: CommandRow, b: CommandRow): number => (a.name < b.name ? -1 : 1);

/** One element of COMMAND's reply; `docs`: the same command's of COMMAND DOCS. */
function commandRow(reply: Reply, docs: Map<string, Reply>): CommandRow {
  const [name, arity, flags, , , , acl, , specs, subs] = reply as Reply[];
  const subDocs = docs.has('subcommands') ? fields(docs.get('subcommands')) : new Map<string, Reply>();
  const keys = (specs as Reply[]).map(keySpec);
  const sub = (subs as Reply[]).map((one) => commandRow(one, fields(subDocs.get(String((one as Reply[])[0])))));
  return {
    name: String(name).split('|').at(-1)!,
    since: String(docs.get('since')),
    arity: Number(arity),
    flags: words(flags),
    acl: words(acl),
    ...(keys.length > 0 ? { keys } : {}),
    ...(sub.length > 0 ? { sub: sub.sort(byName) } : {}),
  };
}

async function commandRows(server: RealRedis): Promise<CommandRow[]> {
  const docs = fields(await server.ask('command', 'docs'));
  const replies = (await server.ask('command')) as Reply[];
  return replies.map((one) => commandRow(one, fields(docs.get(String((one as Reply[])[0]))))).sort(byName);
}

function tableText(rows: readonly CommandRow[], version: string): string {
  const text = rowsText(rows);
  deepStrictEqual(rowsOf(text), rows);
  return `/** What \`COMMAND\` of Redis ${version} tells, to be read by rowsOf(). Written by scripts/generate-redis-commands.ts. */
export const REDIS_COMMANDS = \`
${text}\`;
`;
}

/** The files as the server at hand makes them, by path. */
async function generated(): Promise<ReadonlyMap<string, string>> {
  const server = await startRealRedis();
  try {
    const rows = await commandRows(server);
    return new Map([
      [fileURLToPath(new URL('command-table.generated.ts', folder)), tableText(rows, server.version)],
      [fileURLToPath(new URL('fixtures/command-keys.json', folder)), await recordKeys(server, rows)],
    ]);
  } finally {
    await server.stop();
  }
}

for (const [file, content] of await generated()) {
  if (!process.argv.includes('--check')) await writeFile(file, content);
  else if ((await readFile(file, 'utf8')) !== content) {
    process.stderr.write(`${file} is not what scripts/generate-redis-commands.ts writes\n`);
    process.exitCode = 1;
  }
}
