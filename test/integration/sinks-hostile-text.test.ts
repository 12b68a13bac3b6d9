import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ClickhouseStage, clickhouseStage, PASSWORD } from '../support/clickhouse-stage.ts';
import { freePort } from '../support/free-port.ts';
import { memoryTmp } from '../support/memory-folder.ts';
import { attributesOf, type OtlpReceiver, startOtlpReceiver } from '../support/otlp-receiver.ts';
import { poll } from '../support/poll.ts';
import { type RealPostgres, startRealPostgres } from '../support/real-postgres.ts';
import { type RunningSluice, runSluice } from '../support/run-sluice.ts';

// What clients write is data: it is never SQL in ClickHouse, markup, or the end of a line of a log or of /metrics.

const HOSTILE = [
  '-- { error 60 }', // ClickHouse's own tests write such comments
  "'); DROP TABLE sluice.exchanges; --",
  "\\'); DROP DATABASE sluice; -- \\",
  '"} 1\nsluice_fake_total 1\n# {',
  '\r\n2026-01-01T00:00:00.000Z error [facts] forged line',
  '\t\\N\n\\.\n;\nDROP TABLE sluice.digests;\n',
  '<script>alert(1)</script>{{x}}$(y)%s',
  '\x1b[2J\x07\u0085\u2028\u202e',
  '{database:String} ? $1 /* */ `',
];

let sluice: RunningSluice;
let server: RealPostgres;
let house: ClickhouseStage;
let receiver: OtlpReceiver;
const home = mkdtempSync(path.join(memoryTmp(), 'sluice-hostile-'));
const log = path.join(home, 'access.log');
let port: number;
const tables = () =>
  house.store().query<{ name: string }>("SELECT name FROM system.tables WHERE database = 'sluice' ORDER BY name");
/** An application's name as Postgres takes it, and tells the client so: every byte that is not printable is a question mark. */
const asServed = (name: string) =>
  Buffer.from(name)
    .toString('latin1')
    .replaceAll(/[^ -~]/g, '?');
const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

beforeAll(async () => {
  [server, house, receiver] = await Promise.all([
    startRealPostgres('debian'),
    clickhouseStage(),
    startOtlpReceiver({ protocol: 'http' }),
  ]);
  port = await freePort();
  const file = path.join(home, 'sluice.json');
  writeFileSync(
    file,
    JSON.stringify({
      proxies: [
        {
          name: 'front',
          listen: `127.0.0.1:${port}`,
          upstream: `postgres://127.0.0.1:${server.port}`,
          access_log: { path: log },
        },
      ],
      sinks: [
        { type: 'clickhouse', url: house.http.url, username: 'sluice', password: PASSWORD },
        { type: 'otlp', url: receiver.url, signals: ['logs'] },
      ],
      spool: { path: path.join(home, 'spool') },
    }),
  );
  sluice = await runSluice({ args: ['-c', file], concurrency: 1 });
});
afterAll(async () => {
  await sluice?.stop();
  await Promise.all([server?.stop(), house?.close(), receiver?.close()]);
  rmSync(home, { recursive: true, force: true });
});

/** As user, as application, in a query's identifiers, and in the code of a query that fails. */
async function talk(text: string): Promise<void> {
  const client = new pg.Client({ host: '127.0.0.1', port, user: text, database: 'postgres', application_name: text });
  await client.connect();
  await client.query(`select 1 as ${quoted(text.slice(0, 40))}`);
  await expect(client.query(`select * from ${quoted(text.slice(0, 40))}`)).rejects.toThrow('does not exist');
  await client.end();
}

test('names and queries of any kind arrive as they were sent, and nothing else happens', async () => {
  const own = await server.connect();
  for (const text of HOSTILE) await own.query(`create role ${quoted(text)} login superuser`);
  await own.end();
  for (const text of HOSTILE) await talk(text);
  const rows = () =>
    house
      .store()
      .query<{ user: string; application: string }>(
        'SELECT user, application FROM sluice.exchanges ORDER BY session_id, seq',
      );
  await poll('all is in ClickHouse', async () => (await rows().catch(() => [])).length >= 2 * HOSTILE.length);
  const names = (await tables()).map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['digests', 'exchanges', 'rollup_10s', 'sessions']));
  const stored = await rows();
  expect([...new Set(stored.map(({ user }) => user))].sort()).toEqual([...HOSTILE].sort());
  expect([...new Set(stored.map(({ application }) => application))].sort()).toEqual(HOSTILE.map(asServed).sort());
  const texts = await house.store().query<{ text: string }>('SELECT text FROM sluice.digests FINAL');
  for (const text of HOSTILE)
    expect(texts.map((row) => row.text)).toContainEqual(expect.stringContaining(quoted(text.slice(0, 40))));
});

test('OpenTelemetry has them as they were sent', async () => {
  const users = () => receiver.logs().map((record) => String(attributesOf(record)['user.name'] ?? ''));
  await poll('all have arrived', () => HOSTILE.every((name) => users().includes(name)));
  // A session begins before anyone has said who it is.
  expect([...new Set(users())].filter((user) => user !== '').sort()).toEqual([...HOSTILE].sort());
});

test('an access log has one line each, and every line is JSON', async () => {
  const lines = await poll('all is logged', () => {
    const all = readFileSync(log, 'utf8').split('\n').slice(0, -1);
    return all.length >= 2 * HOSTILE.length ? all : null;
  });
  const users = lines.map((line) => (JSON.parse(line) as { user: string }).user);
  expect(new Set(users)).toEqual(new Set(HOSTILE));
  for (const line of lines) expect(line).not.toMatch(/[\p{Cc}\u2028]/u);
});

test('the operator reads none of it as a line, and /metrics none as a sample', async () => {
  for (const line of sluice.stderr().split('\n').slice(0, -1)) {
    expect(line).toMatch(/^(\d{4}-\d\d-\d\dT[\d:.]+Z (info|warning|error) \[|Sluice is running| {2})/);
    expect(line).not.toContain('forged');
  }
  const page = await sluice.getText('/metrics');
  expect(page).toContain('DROP');
  for (const line of page.split('\n').slice(0, -1))
    expect(line).toMatch(/^(#.*|[a-zA-Z_:][\w:]*(\{([a-zA-Z_]\w*="([^"\\]|\\.)*",?)*\})? [-+\w.]+)$/);
  expect(page).not.toMatch(/^sluice_fake_total/m);
  const api = await sluice.getText('/api/queries').catch(() => '{}');
  expect(() => JSON.parse(api)).not.toThrow();
});
