import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { freePort } from './free-port.ts';
import { poll } from './poll.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
/** On a machine that does much else, its processes take their time. */
const READY_MS = 60_000;

export interface SluiceOptions {
  /** Upstream URL(s), `postgres://127.0.0.1:5432`. Leave out with `-c FILE` in args. */
  readonly upstreams?: readonly string[];
  /** Where it listens; a free port when there is exactly one upstream; 0 = do not pass --listen. */
  readonly listenPort?: number;
  readonly concurrency?: number;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface RunningSluice {
  readonly process: ChildProcess;
  /** Pid of the primary. */
  readonly pid: number;
  /** Port of the first listener (0 where the caller's args decide). */
  readonly port: number;
  /** `http://127.0.0.1:9901` */
  readonly adminUrl: string;
  readonly exited: Promise<Exit>;
  stdout(): string;
  stderr(): string;
  /** GET from the admin port; throws for a status other than 200. */
  getJson<T>(route: string): Promise<T>;
  getText(route: string): Promise<string>;
  /** Sends the signal and waits for the end; SIGKILL after `limitMs`. */
  stop(signal?: NodeJS.Signals, limitMs?: number): Promise<Exit>;
}

/**
 * Starts `sluice run` in processes of its own and waits for its /ready. When this process dies, Sluice stops as well
 * (bin/sluice.mjs follows descriptor 3). Rejects with what it printed if it ends before it is ready.
 */
export async function runSluice(options: SluiceOptions = {}): Promise<RunningSluice> {
  const adminPort = await freePort();
  const upstreams = options.upstreams ?? [];
  const port = options.listenPort ?? (upstreams.length === 1 ? await freePort() : 0);
  const args = ['run', ...upstreams, '--admin', `127.0.0.1:${adminPort}`];
  if (port !== 0) args.push('--listen', `127.0.0.1:${port}`);
  if (options.concurrency !== undefined) args.push('--concurrency', String(options.concurrency));
  const started = startCommand([...args, ...(options.args ?? [])], options);
  const adminUrl = `http://127.0.0.1:${adminPort}`;
  let ended: Exit | null = null;
  void started.exited.then((exit) => {
    ended = exit;
  });
  try {
    await poll('sluice is ready', async () => ended !== null || (await fetch(`${adminUrl}/ready`)).status === 200, {
      withinMs: READY_MS,
    });
    if (ended !== null) throw new Error(`sluice ended before it was ready: ${JSON.stringify(ended)}`);
  } catch (error) {
    started.process.kill('SIGKILL');
    throw new Error(`${error}\n${started.stdout()}${started.stderr()}`, { cause: error });
  }
  const get = async (route: string) => {
    const response = await fetch(adminUrl + route);
    if (response.status !== 200) throw new Error(`GET ${route}: ${response.status} ${await response.text()}`);
    return response;
  };
  return {
    ...started,
    pid: started.process.pid!,
    port,
    adminUrl,
    getJson: async <T>(route: string) => (await (await get(route)).json()) as T,
    getText: async (route) => (await get(route)).text(),
    stop: async (signal = 'SIGTERM', limitMs = 60_000) => {
      const timer = setTimeout(() => started.process.kill('SIGKILL'), limitMs);
      started.process.kill(signal);
      const exit = await started.exited;
      clearTimeout(timer);
      return exit;
    },
  };
}

export interface StartedCommand {
  readonly process: ChildProcess;
  readonly exited: Promise<Exit>;
  stdout(): string;
  stderr(): string;
}

/** Starts any `sluice` command line, `['check', '-c', 'sluice.yaml']`, through bin/sluice.mjs under this Node. */
export function startCommand(
  args: readonly string[],
  options: Pick<SluiceOptions, 'env' | 'cwd'> = {},
): StartedCommand {
  const child = spawn(process.execPath, [path.join(ROOT, 'bin', 'sluice.mjs'), ...args], {
    cwd: options.cwd ?? ROOT,
    env: { ...process.env, ...options.env, SLUICE_GUARD_FD: '3' },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdio[3]?.on('error', () => {});
  const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }) as Exit);
  return { process: child, exited, stdout: () => stdout, stderr: () => stderr };
}

/** Runs a `sluice` command to its end, `await sluice(['version'])`. Killed after `limitMs`. */
export async function sluice(
  args: readonly string[],
  options: Pick<SluiceOptions, 'env' | 'cwd'> = {},
  limitMs = 120_000,
) {
  const started = startCommand(args, options);
  const closed = once(started.process, 'close');
  const timer = setTimeout(() => started.process.kill('SIGKILL'), limitMs);
  const exit = await started.exited;
  await closed;
  clearTimeout(timer);
  return { ...exit, stdout: started.stdout(), stderr: started.stderr() };
}
