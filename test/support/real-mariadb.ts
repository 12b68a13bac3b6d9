import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { which } from '../../scripts/debian-packages.mjs';
import { freePort } from './free-port.ts';

const run = promisify(execFile);

const START_LIMIT_MS = 60_000;
const POLL_MS = 10;

/** Password of the users `native`, `ed25519` and `old`, each asked for it by the plugin its name says. */
export const PASSWORD = 'not a secret';

export interface RealMariadbOptions {
  /** More system variables, as the command line has them: `{ 'max-connections': 5, 'log-bin': 'bin' }`. */
  readonly settings?: Readonly<Record<string, string | number>>;
  /** Offer CLIENT_SSL: a self-signed certificate for localhost (needs openssl). */
  readonly tls?: boolean;
  /** More statements for the start, each on one line, before the first client is let in. */
  readonly init?: readonly string[];
}

export interface RealMariadb {
  readonly port: number;
  /** Path of the unix socket. */
  readonly socket: string;
  /** Folder of the server: data, socket, log and certificate; gone after stop(). */
  readonly home: string;
  readonly pid: number;
  /** The certificate in PEM where `tls` was asked for, else ''. */
  readonly certificate: string;
  /** `10.11.19-MariaDB-0+deb12u1` */
  readonly version: string;
  /** What the server logged so far. */
  log(): Promise<string>;
  /** SIGKILL, the files stay until stop(): what a crash looks like to its clients. */
  kill(): Promise<void>;
  /** Ends it at once and removes the files. */
  stop(): Promise<void>;
}

/**
 * $1 folder to remove at the end, $2 log, the rest is the server. Our end of its stdin closes when we stop it or die. It
 * prints the server's pid, and closes its stdout when the server has ended.
 */
const GUARD = `
home=$1 log=$2
shift 2
exec 3<&0 4>&1 >/dev/null
"$@" </dev/null >>"$log" 2>&1 3<&- 4>&- &
server=$!
echo "$server" >&4
(
  exec 4>&-
  cat <&3 >/dev/null 2>&1
  kill -KILL "$server" 2>/dev/null
) &
watch=$!
wait "$server"
exec 4>&-
wait "$watch"
cd /
rm -rf "$home"
`;

/** Small and without care for a crash of the machine: it starts in half a second and its data live minutes. */
const SETTINGS: Readonly<Record<string, string | number>> = {
  'bind-address': '127.0.0.1',
  'max-connections': 200,
  'max-allowed-packet': '64M',
  'local-infile': 1,
  'secure-auth': 0,
  'character-set-server': 'utf8mb4',
  'innodb-buffer-pool-size': '64M',
  'innodb-log-file-size': '64M',
  'innodb-flush-log-at-trx-commit': 0,
  'innodb-flush-method': 'nosync',
  'innodb-doublewrite': 0,
  'innodb-use-native-aio': 0,
  'debug-no-sync': 1,
  'aria-log-file-size': '8M',
  'plugin-load-add': 'auth_ed25519',
};

/**
 * One may log in as `root` (everything, no password), `open` (no password), `native`, `ed25519` and `old` (PASSWORD).
 * The plain root of mariadb-install-db is for localhost only, and so are the anonymous users, which go.
 */
const USERS = [
  `create user native identified via mysql_native_password using password('${PASSWORD}')`,
  `create user ed25519 identified via ed25519 using password('${PASSWORD}')`,
  `create user old identified via mysql_old_password using '${oldPassword(PASSWORD)}'`,
  'create user open',
  'grant all on *.* to native, ed25519, old, open',
  'create database shop',
];

/** Folder and program of the server, or null where Debian's mariadb-server is not installed. */
export function mariadbPrograms(): { server: string; install: string; client: string } | null {
  const [server, install, client] = [which('mariadbd'), which('mariadb-install-db'), which('mariadb')];
  return server && install && client ? { server, install, client } : null;
}

/**
 * Starts a throw-away MariaDB: data in a temporary folder, own unix socket and port on 127.0.0.1. Under root it runs as
 * root, else as ourselves. Gone with this process, however that ends. Throws with the server's log when it does not come up.
 */
export async function startRealMariadb(options: RealMariadbOptions = {}): Promise<RealMariadb> {
  const programs = mariadbPrograms();
  if (programs === null) throw new Error('MariaDB is not installed (Debian: apt-get install mariadb-server)');
  const home = await mkdtemp(path.join(tmpdir(), 'sluice-mariadb-'));
  try {
    return await launch(programs, home, options);
  } catch (error) {
    await rm(home, { recursive: true, force: true });
    throw error;
  }
}

async function launch(
  programs: NonNullable<ReturnType<typeof mariadbPrograms>>,
  home: string,
  options: RealMariadbOptions,
): Promise<RealMariadb> {
  const data = path.join(home, 'data');
  const log = path.join(home, 'log');
  const socket = path.join(home, 'socket');
  const init = path.join(home, 'init.sql');
  const root = process.getuid?.() === 0 ? ['--user=root'] : [];
  const flags = Object.entries({ ...SETTINGS, ...options.settings }).map(([name, value]) => `--${name}=${value}`);
  const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
  const fast = flags.filter((flag) => /^--(innodb|aria|debug)/.test(flag));
  await run(
    programs.install,
    [
      '--no-defaults',
      `--datadir=${data}`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
      '--skip-name-resolve',
      ...root,
      ...fast,
    ],
    { env, cwd: home },
  );
  const certificate = options.tls ? await selfSigned(home) : '';
  const tls = options.tls
    ? [`--ssl-cert=${path.join(home, 'server.crt')}`, `--ssl-key=${path.join(home, 'server.key')}`]
    : [];
  await writeFile(init, `${[...USERS, ...(options.init ?? [])].join(';\n')};\n`);
  const port = await freePort();
  const guard = spawn(
    '/bin/sh',
    [
      ...['-c', GUARD, 'sluice-mariadb', home, log],
      ...[programs.server, '--no-defaults', ...root, `--datadir=${data}`, `--socket=${socket}`, `--port=${port}`],
      ...[`--pid-file=${path.join(home, 'pid')}`, `--init-file=${init}`, '--skip-name-resolve', ...flags, ...tls],
    ],
    // A group of its own: a terminal's Ctrl-C is for us, we stop the server.
    { env, cwd: home, stdio: ['pipe', 'pipe', 'ignore'], detached: true },
  );
  guard.stdin.on('error', () => {});
  const [line] = await once(guard.stdout, 'data');
  const pid = Number(String(line));
  const ended = once(guard.stdout.resume(), 'end');
  ended.catch(() => {});
  const gone = guard.exitCode === null ? once(guard, 'exit').then(() => undefined) : Promise.resolve();
  const stop = async (): Promise<void> => {
    guard.ref();
    guard.stdin.end();
    await gone;
  };
  const version = await ready(log, pid, port).catch(async (error) => {
    await stop();
    throw error;
  });
  guard.unref();
  for (const pipe of [guard.stdin, guard.stdout]) ref(pipe, false);
  return {
    port,
    socket,
    home,
    pid,
    certificate,
    version,
    log: () => readFile(log, 'utf8'),
    kill: async () => {
      process.kill(pid, 'SIGKILL');
      ref(guard.stdout, true);
      await ended;
    },
    stop,
  };
}

/** Waits until the server says that it accepts connections; resolves with its version. */
async function ready(log: string, pid: number, port: number): Promise<string> {
  for (const endsAt = Date.now() + START_LIMIT_MS; ; await delay(POLL_MS)) {
    const said = await readFile(log, 'utf8').catch(() => '');
    const version = /ready for connections\.\s+Version: '([^']+)'/.exec(said)?.[1];
    const problem = /^ERROR: \d+ .*/m.exec(said)?.[0];
    if (version !== undefined && problem === undefined) return version;
    if (problem !== undefined || !isAlive(pid) || Date.now() > endsAt)
      throw new Error(`MariaDB did not start on port ${port}:\n${said.trim() || '(it logged nothing)'}`);
  }
}

/** Pipes of a child are sockets, which their types do not say. */
function ref(pipe: Readable | Writable, keepsAlive: boolean): void {
  const socket = pipe as unknown as { ref?(): void; unref?(): void };
  if (keepsAlive) socket.ref?.();
  else socket.unref?.();
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** MySQL 3.23's password hash, which 10.11 can still check and no longer makes by default: two words of 31 bits. */
function oldPassword(password: string): string {
  let nr = 1345345333n;
  let add = 7n;
  let nr2 = 0x12345671n;
  for (const char of Buffer.from(password)) {
    if (char === 0x20 || char === 0x09) continue;
    const byte = BigInt(char);
    nr ^= ((nr & 63n) + add) * byte + (nr << 8n);
    nr2 += (nr2 << 8n) ^ nr;
    add += byte;
  }
  const word = (n: bigint): string => (n & 0x7fffffffn).toString(16).padStart(8, '0');
  return word(nr) + word(nr2);
}

/** Writes server.key and server.crt into the folder; resolves with the certificate. */
async function selfSigned(home: string): Promise<string> {
  const [key, cert] = [path.join(home, 'server.key'), path.join(home, 'server.crt')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '7'];
  await run('openssl', ['req', '-x509', ...kind, ...subject, '-keyout', key, '-out', cert]);
  return readFile(cert, 'utf8');
}
