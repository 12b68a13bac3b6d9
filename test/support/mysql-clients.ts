import { spawn } from 'node:child_process';
import { which } from '../../scripts/debian-packages.mjs';

export interface MysqlTarget {
  readonly port: number;
  /** `root` unless said. */
  readonly user?: string;
  readonly password?: string;
  readonly database?: string;
}

export interface RanClient {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ClientOptions {
  readonly cwd?: string;
  /** Text for its stdin. */
  readonly input?: string;
  /** Killed after this (then `code` is null); 60 s unless said. */
  readonly limitMs?: number;
}

/** Runs a program of Debian's mariadb-client or another on the PATH. Never rejects for its exit code. */
export function runClient(program: string, args: readonly string[], options: ClientOptions = {}): Promise<RanClient> {
  const file = which(program);
  if (file === null) throw new Error(`${program} is not installed`);
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: options.cwd,
      // No history, no password and no options of whoever runs the test.
      env: { PATH: process.env['PATH'], HOME: '/nonexistent', LC_ALL: 'C', TZ: 'UTC' },
      stdio: 'pipe',
      timeout: options.limitMs ?? 60_000,
      killSignal: 'SIGKILL',
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdin.on('error', () => {}); // it ended before it read everything
    child.stdin.end(options.input ?? '');
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** Arguments that every program of mariadb-client takes. In clear, unless a later `--ssl` says otherwise. */
export const connectArgs = ({ port, user = 'root', password }: MysqlTarget): string[] => [
  '--no-defaults',
  '--host=127.0.0.1',
  '--skip-ssl',
  `--port=${port}`,
  `--user=${user}`,
  ...(password === undefined ? [] : [`--password=${password}`]),
];

/** The command line `mariadb` with the script on stdin: batch mode, no column names, goes on after errors. */
export function mariadbCli(
  target: MysqlTarget,
  script: string,
  args: readonly string[] = [],
  options: ClientOptions = {},
): Promise<RanClient> {
  const database = target.database === undefined ? [] : [`--database=${target.database}`];
  const all = [...connectArgs(target), '--batch', '--skip-column-names', '--force', ...database, ...args];
  return runClient('mariadb', all, { ...options, input: script });
}

export type SysbenchTest = 'oltp_point_select' | 'oltp_read_only' | 'oltp_read_write';

export interface SysbenchOptions {
  readonly threads?: number;
  /** Transactions over all threads. */
  readonly events: number;
  /** Binary protocol with statements prepared once a connection, or text. Prepared unless said. */
  readonly mode?: 'prepared' | 'text';
  readonly tableSize?: number;
  readonly args?: readonly string[];
}

export interface SysbenchResult extends RanClient {
  /** Its own counts: `queries` is the sum of the other three. */
  readonly read: number;
  readonly write: number;
  readonly other: number;
  readonly queries: number;
  readonly transactions: number;
  readonly errors: number;
}

const common = (target: MysqlTarget, tableSize: number): string[] => [
  '--db-driver=mysql',
  '--mysql-host=127.0.0.1',
  `--mysql-port=${target.port}`,
  `--mysql-user=${target.user ?? 'root'}`,
  `--mysql-password=${target.password ?? ''}`,
  `--mysql-db=${target.database ?? 'shop'}`,
  '--tables=1',
  `--table-size=${tableSize}`,
  '--rand-seed=7',
];

/** Creates and fills sysbench's table `sbtest1`. */
export async function sysbenchPrepare(target: MysqlTarget, tableSize = 1000): Promise<void> {
  const ran = await runClient('sysbench', [...common(target, tableSize), 'oltp_read_write', 'prepare']);
  if (ran.code !== 0) throw new Error(`sysbench prepare: ${ran.stdout}${ran.stderr}`);
}

/** Runs sysbench for a number of events. Never rejects for its exit code: look at `code`. */
export async function sysbench(
  target: MysqlTarget,
  test: SysbenchTest,
  options: SysbenchOptions,
): Promise<SysbenchResult> {
  const ran = await runClient('sysbench', [
    ...common(target, options.tableSize ?? 1000),
    `--threads=${options.threads ?? 1}`,
    `--events=${options.events}`,
    '--time=0',
    `--db-ps-mode=${options.mode === 'text' ? 'disable' : 'auto'}`,
    ...(options.args ?? []),
    test,
    'run',
  ]);
  const number = (pattern: RegExp): number => Number(pattern.exec(ran.stdout)?.[1] ?? 0);
  return {
    ...ran,
    read: number(/read:\s+(\d+)/),
    write: number(/write:\s+(\d+)/),
    other: number(/other:\s+(\d+)/),
    queries: number(/queries:\s+(\d+)/),
    transactions: number(/transactions:\s+(\d+)/),
    errors: number(/ignored errors:\s+(\d+)/),
  };
}
