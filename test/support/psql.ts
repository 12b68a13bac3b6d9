import { spawn } from 'node:child_process';
import path from 'node:path';
import { debianBin } from './real-postgres.ts';

export interface Target {
  /** 127.0.0.1, ::1 or the folder of a unix socket. */
  readonly host?: string;
  readonly port: number;
  readonly user?: string;
  readonly database?: string;
  readonly password?: string;
  /** libpq's PGAPPNAME. */
  readonly application?: string;
  /** libpq's PGSSLMODE; `disable` unless said, so that no SSLRequest is sent. */
  readonly sslmode?: string;
}

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** libpq's environment for a target. */
export function libpqEnv(target: Target): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PGHOST: target.host ?? '127.0.0.1',
    PGPORT: String(target.port),
    PGUSER: target.user ?? 'postgres',
    PGDATABASE: target.database ?? 'postgres',
    PGPASSWORD: target.password ?? '',
    PGSSLMODE: target.sslmode ?? 'disable',
    PGGSSENCMODE: 'disable',
    PGAPPNAME: target.application ?? '',
    PGCONNECT_TIMEOUT: '10',
    LC_ALL: 'C',
  };
}

/**
 * Runs a Debian client program against a target, with `input` on its stdin. Never rejects for its exit code; killed
 * after `limitMs` (then `code` is null).
 */
export function runClient(
  program: string,
  args: readonly string[],
  target: Target,
  input = '',
  limitMs = 60_000,
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(path.join(debianBin(), program), args, {
      env: libpqEnv(target),
      stdio: 'pipe',
      timeout: limitMs,
      killSignal: 'SIGKILL',
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdin.on('error', () => {}); // it ended before it read everything
    child.stdin.end(input);
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** psql with the script on stdin: unaligned tuples only, no rc file, VERBOSITY verbose so that SQLSTATEs show. */
export function psql(target: Target, script: string, args: readonly string[] = []): Promise<Ran> {
  return runClient('psql', ['-X', '-A', '-t', '-v', 'VERBOSITY=verbose', ...args], target, script);
}
