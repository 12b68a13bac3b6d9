import type { Connection, RowDataPacket } from 'mysql2/promise';
import { expect } from 'vitest';
import { SqlDigestCache } from '../../src/digest/cache.ts';
import type { MysqlSqlMode } from '../../src/exchange/digest.ts';
import { poll } from './poll.ts';
import type { RunningSluice } from './run-sluice.ts';

/** What was done with the statements of one digest. */
export interface Count {
  calls: number;
  rows: number;
  affected: number;
  /** Errors by errno. */
  errors: Record<string, number>;
  text: string;
}

const MODE: MysqlSqlMode = {
  dialect: 'mysql',
  ansiQuotes: false,
  noBackslashEscapes: false,
  flavour: 'mariadb',
  version: 101119,
};
const digests = new SqlDigestCache({ parser: null, now: () => performance.now() });

/** Digests of the statements of a text, as Debian's MariaDB reads it. */
export function digestsOf(text: string): { id: string; text: string }[] {
  const bytes = Buffer.from(text);
  const reading = digests.read(MODE, bytes, 0, bytes.length);
  return reading.statements.slice(0, reading.count).map(({ digest }) => digest);
}

/** Counts by digest: the client's own book, and the form in which all books are compared. */
export class Tally {
  readonly counts = new Map<string, Count>();

  /** One call of a text that holds one statement. */
  add(text: string, more: { calls?: number; rows?: number; affected?: number; error?: number | string } = {}): void {
    const found = digestsOf(text);
    expect(found, text).toHaveLength(1);
    const count = this.#of(found[0]!.id, found[0]!.text);
    count.calls += more.calls ?? 1;
    count.rows += more.rows ?? 0;
    count.affected += more.affected ?? 0;
    if (more.error !== undefined) count.errors[more.error] = (count.errors[more.error] ?? 0) + 1;
  }

  /** Calls of every statement of a text. */
  addAll(text: string, calls: number): void {
    for (const digest of digestsOf(text)) this.#of(digest.id, digest.text).calls += calls;
  }

  merge(other: Tally): void {
    for (const [id, { calls, rows, affected, errors, text }] of other.counts) {
      const count = this.#of(id, text);
      count.calls += calls;
      count.rows += rows;
      count.affected += affected;
      for (const [code, n] of Object.entries(errors)) count.errors[code] = (count.errors[code] ?? 0) + n;
    }
  }

  /** All of it, or only the calls, in lines that a failed comparison can be read from. */
  lines(what: 'all' | 'calls' = 'all'): string[] {
    return [...this.counts]
      .filter(([, { calls }]) => calls > 0)
      .map(([id, { calls, rows, affected, errors, text }]) =>
        what === 'calls'
          ? `${id} calls=${calls}`
          : `${id} calls=${calls} rows=${rows} affected=${affected} errors=${JSON.stringify(errors)} ${text.slice(0, 60)}`,
      )
      .sort();
  }

  get calls(): number {
    return [...this.counts.values()].reduce((sum, { calls }) => sum + calls, 0);
  }

  get rows(): number {
    return [...this.counts.values()].reduce((sum, { rows }) => sum + rows, 0);
  }

  #of(id: string, text: string): Count {
    let count = this.counts.get(id);
    if (count === undefined) {
      count = { calls: 0, rows: 0, affected: 0, errors: {}, text };
      this.counts.set(id, count);
    }
    return count;
  }
}

/** What the server itself counted of others' doings. */
export interface ServerBook {
  /** Its `Questions`: statements of texts, executions, and commands other than pings, prepares and closes. */
  readonly questions: number;
  /** Its `Rows_sent`. */
  readonly rowsSent: number;
  /** Its `Com_*` that moved, without the prefix. */
  readonly com: Readonly<Record<string, number>>;
  /** How often each kind of entry stands in the general log: `Query`, `Execute`, `Prepare`, `Connect`, `Quit` … */
  readonly log: Readonly<Record<string, number>>;
  /** The general log's statements by our digest: texts, and executions of prepared ones. Calls only. */
  readonly statements: Tally;
}

/** Reads the server's own counts between two moments; what it asks itself is taken off again. */
export class ServerLedger {
  readonly #admin: Connection;
  readonly #me: number;
  #asked = 0;
  #rows = 0;
  #before: Map<string, number> = new Map();

  /** `admin`: a connection straight to the server, as root, which nobody else uses meanwhile. */
  constructor(admin: Connection) {
    this.#admin = admin;
    this.#me = admin.threadId;
  }

  async begin(): Promise<void> {
    await this.#admin.query("set global log_output = 'TABLE', global general_log = 1");
    await this.#admin.query('truncate mysql.general_log');
    await this.#settled();
    this.#asked = this.#rows = 0;
    this.#before = await this.#status();
  }

  /** Waits until all others have hung up. */
  async end(): Promise<ServerBook> {
    await this.#settled();
    // Both statuses count themselves among the statements; the rows of the first are sent after it was read.
    const [own, rows] = [this.#asked, this.#rows];
    const after = await this.#status();
    const delta = (name: string): number => after.get(name)! - (this.#before.get(name) ?? 0);
    const com: Record<string, number> = {};
    for (const name of after.keys()) {
      if (!name.startsWith('COM_')) continue;
      const moved = delta(name) - (name === 'COM_SELECT' ? own : 0);
      if (moved !== 0) com[name.slice(4).toLowerCase()] = moved;
    }
    const statements = new Tally();
    const log: Record<string, number> = {};
    const entries = await this.#ask(
      `select command_type as kind, convert(argument using utf8mb4) as text, count(*) as n from mysql.general_log
       where thread_id <> ${this.#me} group by kind, text`,
    );
    for (const { kind, text, n } of entries as { kind: string; text: string; n: number }[]) {
      log[kind] = (log[kind] ?? 0) + Number(n);
      if (kind === 'Query' || kind === 'Execute') statements.addAll(text, Number(n));
    }
    return {
      questions: delta('QUESTIONS') - own,
      rowsSent: delta('ROWS_SENT') - rows,
      com,
      log,
      statements,
    };
  }

  async #settled(): Promise<void> {
    await poll('everybody else has hung up', async () => {
      const [row] = await this.#ask(
        "select count(*) as n from information_schema.processlist where command not in ('Daemon', 'Binlog Dump')",
      );
      return Number(row!['n']) === 1;
    });
  }

  async #status(): Promise<Map<string, number>> {
    const rows = await this.#ask(
      `select variable_name as name, variable_value as value from information_schema.global_status
       where variable_name in ('QUESTIONS', 'ROWS_SENT') or variable_name like 'COM\\_%'`,
    );
    return new Map(rows.map(({ name, value }) => [String(name).toUpperCase(), Number(value)]));
  }

  /** Every question of ours is a SELECT. */
  async #ask(text: string): Promise<RowDataPacket[]> {
    this.#asked++;
    const [rows] = await this.#admin.query<RowDataPacket[]>(text);
    this.#rows += rows.length;
    return rows;
  }
}

interface QueryRow {
  readonly digest: string;
  readonly text: string;
  readonly operation: string;
  readonly user: string;
  readonly application: string;
  readonly calls: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly lost: number;
  readonly skipped: number;
  readonly rows_returned: number;
  readonly rows_affected: number;
}

/** What Sluice counted. */
export interface SluiceBook {
  readonly tally: Tally;
  readonly rows: readonly QueryRow[];
  /** Calls by operation: SELECT, INSERT … */
  readonly operations: Readonly<Record<string, number>>;
}

/** Commands that have no text are exchanges too where they have a reply; their digests are named like this. */
const COMMAND_TEXTS = new Set([
  'init db',
  'field list',
  'refresh',
  'statistics',
  'process info',
  'process kill',
  'debug',
  'ping',
  'change user',
  'stmt reset',
  'set option',
  'reset connection',
  'binlog dump',
  'register slave',
]);

/**
 * What Sluice has of a database, once it has as many calls as are awaited, and rows where those are said too: fetches
 * bring rows and are no calls. Commands without a text are left out.
 */
export async function sluiceBook(
  sluice: RunningSluice,
  database: string,
  awaited: number,
  awaitedRows = 0,
): Promise<SluiceBook> {
  const read = async (): Promise<SluiceBook> => {
    const answer = await sluice.getJson<{ queries: QueryRow[] }>(`/api/queries?limit=10000&database=${database}`);
    const rows = answer.queries.filter(({ text }) => !COMMAND_TEXTS.has(text));
    const tally = new Tally();
    const operations: Record<string, number> = {};
    for (const { digest, calls, rows_returned, rows_affected, errors, text, operation } of rows) {
      const count = tally.counts.get(digest) ?? { calls: 0, rows: 0, affected: 0, errors: {}, text };
      count.calls += calls;
      count.rows += rows_returned;
      count.affected += rows_affected;
      for (const [code, n] of Object.entries(errors)) count.errors[code] = (count.errors[code] ?? 0) + n;
      tally.counts.set(digest, count);
      operations[operation] = (operations[operation] ?? 0) + calls;
    }
    return { tally, rows, operations };
  };
  // The comparison that follows says what is missing.
  const isThere = ({ tally }: SluiceBook) => tally.calls >= awaited && tally.rows >= awaitedRows;
  await poll('Sluice has seen every call', async () => isThere(await read())).catch(() => {});
  return read();
}

/** All numbers of /stats by name. */
export async function statsOf(sluice: RunningSluice): Promise<Map<string, number>> {
  const text = await sluice.getText('/stats');
  return new Map(
    text.split('\n').flatMap((line) => {
      const at = line.lastIndexOf(': ');
      const value = Number(line.slice(at + 2));
      return at > 0 && Number.isFinite(value) ? [[line.slice(0, at), value] as const] : [];
    }),
  );
}

/** Commands by name that clients sent since `before`, of the listener's filter. */
export function commandsSince(before: Map<string, number>, after: Map<string, number>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [name, value] of after) {
    const command = /^sluice\.mysql\..*\.command\.(\w+)\.total$/.exec(name)?.[1];
    const moved = value - (before.get(name) ?? 0);
    if (command !== undefined && moved > 0) counts[command] = (counts[command] ?? 0) + moved;
  }
  return counts;
}
