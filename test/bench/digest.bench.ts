import { loadSqlParser, SqlDigestCache } from '../../src/digest/cache.ts';
import type { SqlMode } from '../../src/exchange/digest.ts';

// What a query text costs on the data path: `node test/bench/digest.bench.ts`. Prints the best of several rounds in
// microseconds: known queries (a look-up), queries never seen (tokens only, as when the parse budget is spent), and parses.

const MODE: SqlMode = { dialect: 'postgres', standardConformingStrings: true };
const MYSQL: SqlMode = {
  dialect: 'mysql',
  ansiQuotes: false,
  noBackslashEscapes: false,
  flavour: 'mysql',
  version: 80036,
};
const now = (): number => performance.now();
const ROUNDS = 10;

const SHORT = 'SELECT abalance FROM pgbench_accounts WHERE aid = 4711234;  ';
const LONG = `SELECT o.id, o.created_at, o.status, c.name, c.email, SUM(l.quantity * l.price) AS total FROM orders o
JOIN customers c ON c.id = o.customer_id JOIN order_lines l ON l.order_id = o.id WHERE o.status IN ('new', 'paid',
'shipped') AND o.created_at >= '2026-01-01'::timestamptz AND c.country = 'DE' AND (l.price > 10.50 OR l.quantity > 3) AND
c.email NOT LIKE '%@example.com' GROUP BY o.id, o.created_at, o.status, c.name, c.email HAVING SUM(l.quantity * l.price)
> 100 ORDER BY total DESC LIMIT 50 OFFSET 0 /*application='shop',route='%2Forders'*/`;

/** Best microseconds a call of `run`, which does `count` calls. */
const best = (count: number, run: () => void): number => {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const before = now();
    run();
    least = Math.min(least, ((now() - before) * 1000) / count);
  }
  return least;
};

/** The same text as MySQL writes it. */
const mysqlText = (text: string): string => text.replace("'2026-01-01'::timestamptz", "timestamp '2026-01-01'");

const known = (text: string, mode: SqlMode = MODE): number => {
  const cache = new SqlDigestCache({ parser: null, now });
  const buf = Buffer.from(text);
  const count = 50_000;
  return best(count, () => {
    for (let i = 0; i < count; i++) cache.read(mode, buf, 0, buf.length);
  });
};

const unseen = (mode: SqlMode = MODE): number => {
  const cache = new SqlDigestCache({ parser: null, now });
  const buf = Buffer.alloc(128);
  const count = 20_000;
  let n = 0;
  return best(count, () => {
    for (let i = 0; i < count; i++)
      cache.read(mode, buf, 0, buf.write(`select c${n++} from t where a = 1 and b = 'x'`));
  });
};

const parser = await loadSqlParser();
await parser.mysql.load();
const parsed = (text: string, mode: SqlMode = MODE): number => {
  const cache = new SqlDigestCache({ parser, now });
  const buf = Buffer.from(text);
  const count = 500;
  return best(count, () => {
    for (let i = 0; i < count; i++) cache.factsOf(mode, buf, 0, buf.length);
  });
};

const rows: readonly (readonly [string, number])[] = [
  [`known query, ${SHORT.length} bytes`, known(SHORT)],
  [`known query, ${LONG.length} bytes`, known(LONG)],
  ['query never seen, tokens only', unseen()],
  [`parse, ${SHORT.length} bytes`, parsed(SHORT)],
  [`parse, ${LONG.length} bytes`, parsed(LONG)],
  [`mysql: known query, ${SHORT.length} bytes`, known(SHORT, MYSQL)],
  [`mysql: known query, ${LONG.length} bytes`, known(mysqlText(LONG), MYSQL)],
  ['mysql: never seen, tokens only', unseen(MYSQL)],
  [`mysql: parse, ${SHORT.length} bytes`, parsed(SHORT, MYSQL)],
  [`mysql: parse, ${LONG.length} bytes`, parsed(mysqlText(LONG), MYSQL)],
  [`both in one process, ${SHORT.length} bytes`, known(SHORT)],
  [`both in one process, ${LONG.length} bytes`, known(LONG)],
];
for (const [name, us] of rows) console.log(`${name.padEnd(32)} ${us.toFixed(2).padStart(9)} µs`);
