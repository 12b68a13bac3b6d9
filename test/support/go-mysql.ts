import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { which } from '../../scripts/debian-packages.mjs';

/**
 * A MySQL server by another author, for what MariaDB does not have: caching_sha2_password and sha256_password. It is the
 * server package of go-mysql with a few canned answers (go-mysql/main.go), built once and kept while its source is the same.
 */
const SOURCE = path.join(import.meta.dirname, 'go-mysql');
const CACHE = path.resolve(import.meta.dirname, '../../node_modules/.cache/sluice-go-mysql');
/** Where Go's own archive installs it. */
const GO_HOME = '/usr/local/go/bin/go';
/** To fetch five small modules where they are not in Go's cache. */
const FETCH_LIMIT_MS = 20_000;
/** It takes 16 s of CPU with an empty cache; a build that was cut off goes on from there the next time. */
const BUILD_LIMIT_MS = 45_000;

/** Who answers, for the comments of recorded sessions. It calls itself 8.0.12. */
export const GO_MYSQL_VERSION = 'go-mysql 1.6.0, a MySQL server library in Go';

/** Password of all its users. */
export const GO_MYSQL_PASSWORD = 'neither kept nor told';

export const AUTH_PLUGINS = ['mysql_native_password', 'caching_sha2_password', 'sha256_password'] as const;
export type AuthPlugin = (typeof AUTH_PLUGINS)[number];

/** The program's path, or why there is none on this machine. */
export type Built = { readonly program: string } | { readonly missing: string };

export interface GoMysql {
  /** Ports on 127.0.0.1 by the plugin that the server wants there. They share the users, not the caches of passwords. */
  readonly ports: Readonly<Record<AuthPlugin, number>>;
  /** Ends it; it also ends with this process. */
  stop(): Promise<void>;
}

/** Builds the server where that was not done yet. Throws with the compiler's words if our source is wrong. */
export async function buildGoMysql(): Promise<Built> {
  const program = path.join(CACHE, await sourceHash(), 'server');
  if (existsSync(program)) return { program };
  const go = which('go') ?? (existsSync(GO_HOME) ? GO_HOME : null);
  if (go === null) return { missing: 'go is not installed (Debian package golang)' };
  const fetched = await run(go, ['mod', 'download'], {}, FETCH_LIMIT_MS);
  if (fetched.code !== 0) return { missing: `go cannot fetch the modules of go-mysql: ${lastLine(fetched.output)}` };
  await mkdir(path.dirname(program), { recursive: true });
  // Others may build at the same time: whole or not there.
  const draft = `${program}.${process.pid}`;
  const built = await run(go, ['build', '-buildvcs=false', '-o', draft, '.'], { GOPROXY: 'off' }, BUILD_LIMIT_MS);
  if (built.code === null) return { missing: `go build took longer than ${BUILD_LIMIT_MS / 1000} s` };
  if (built.code !== 0) throw new Error(`go build in ${SOURCE}:\n${built.output}`);
  await rename(draft, program);
  return { program };
}

/** Starts the server for these users; it has nobody's password in its cache yet. */
export async function startGoMysql(program: string, users: readonly string[]): Promise<GoMysql> {
  const child = spawn(program, [GO_MYSQL_PASSWORD, ...users], { stdio: ['pipe', 'pipe', 'inherit'] });
  const gone = once(child, 'exit');
  child.stdin.on('error', () => {}); // it ended first
  const [line] = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    gone.then(([code]) => Promise.reject(new Error(`go-mysql ended with ${code}`))),
  ]);
  return {
    ports: JSON.parse(line as string) as GoMysql['ports'],
    stop: async () => {
      child.stdin.end();
      await gone;
    },
  };
}

async function sourceHash(): Promise<string> {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}`);
  for (const file of ['main.go', 'go.mod', 'go.sum']) hash.update(await readFile(path.join(SOURCE, file)));
  return hash.digest('hex').slice(0, 16);
}

/** Never rejects. `code` is null where it took longer than the limit. */
async function run(
  go: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  limitMs: number,
): Promise<{ code: number | null; output: string }> {
  const child = spawn(go, args, {
    cwd: SOURCE,
    // No C compiler, no other toolchain than this one, no workspace of whoever runs the test.
    env: { ...process.env, CGO_ENABLED: '0', GOTOOLCHAIN: 'local', GOWORK: 'off', GOFLAGS: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: limitMs,
    killSignal: 'SIGKILL',
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) || 'no answer in time';
