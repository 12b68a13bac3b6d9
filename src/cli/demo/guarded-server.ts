import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface GuardedOptions {
  /** Folder of the server, removed when it has ended. */
  readonly home: string;
  /** File that gets what the server prints. */
  readonly log: string;
  /** The program and its arguments. */
  readonly argv: readonly string[];
  /** What ends it at once and cleanly enough. */
  readonly signal: 'QUIT' | 'KILL';
  readonly env?: NodeJS.ProcessEnv;
  readonly uid?: number;
  readonly gid?: number;
}

export interface GuardedServer {
  /** The shell that stands guard: it ends after the server. */
  readonly guard: ChildProcess;
  stop(): Promise<void>;
}

/**
 * $1 signal, $2 folder to remove at the end, $3 log, the rest is the server. Our end of its stdin closes when we stop it
 * or die.
 */
const GUARD = `
signal=$1 home=$2 log=$3
shift 3
exec 3<&0
"$@" </dev/null >"$log" 2>&1 3<&- &
server=$!
(
  cat <&3 >/dev/null 2>&1
  kill -"$signal" "$server" 2>/dev/null
) &
wait "$server"
cd /
rm -rf "$home"
`;

/**
 * Starts a server that does not outlive this process, however that ends: a small shell waits for our end of a pipe to
 * close, kills the server and removes its folder. A terminal's Ctrl-C does not reach it: we stop it.
 */
export function startGuarded(options: GuardedOptions): GuardedServer {
  const { home, log, argv, signal, env, uid, gid } = options;
  const guard = spawn('/bin/sh', ['-c', GUARD, 'sluice-guard', signal, home, log, ...argv], {
    ...(uid !== undefined && gid !== undefined && { uid, gid }),
    ...(env && { env }),
    cwd: home,
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  guard.stdin?.on('error', () => {}); // it ended first
  // Neither the guard nor its pipe keep this process alive.
  guard.unref();
  (guard.stdin as unknown as { unref?(): void } | null)?.unref?.();
  return {
    guard,
    stop: async () => {
      if (guard.exitCode !== null || guard.signalCode !== null) return;
      guard.ref();
      const gone = once(guard, 'exit');
      guard.stdin?.end();
      await gone;
    },
  };
}
