import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';

export interface GuardedProcess {
  /** Pid of the program itself. */
  readonly pid: number;
  readonly ended: Promise<void>;
  /** SIGKILL; resolves when it is gone. */
  stop(): Promise<void>;
}

export interface GuardedOptions {
  /** File that takes stdout and stderr; dropped when absent. */
  readonly log?: string;
  /** Folder that is removed when the program has ended. */
  readonly home?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly cwd?: string;
}

/** Our end of the guard's stdin closes when we stop it or die; then it kills the program. It prints the program's pid first. */
const GUARD = `
home=$1
shift
exec 3<&0 4>&1 >&2
"$@" </dev/null 3<&- 4>&- &
program=$!
echo "$program" >&4
exec 4>&-
(
  cat <&3 >/dev/null 2>&1
  kill -KILL "$program" 2>/dev/null
) >/dev/null 2>&1 &
wait "$program"
if [ -n "$home" ]; then cd / && rm -rf "$home"; fi
`;

/** Starts a program that is killed when this process ends, however it ends. For servers that know no such thing themselves. */
export async function startGuarded(command: readonly string[], options: GuardedOptions = {}): Promise<GuardedProcess> {
  const { log, home = '', ...as } = options;
  const guard = spawn('/bin/sh', ['-c', GUARD, 'sluice-guard', home, ...command], {
    ...as,
    stdio: ['pipe', 'pipe', log === undefined ? 'ignore' : openSync(log, 'a')],
    detached: true,
  });
  guard.stdin?.on('error', () => {});
  const [line] = await once(guard.stdout!, 'data');
  const ended = guard.exitCode === null ? once(guard, 'exit').then(() => undefined) : Promise.resolve();
  return {
    pid: Number(String(line)),
    ended,
    stop: async () => {
      guard.stdin?.end();
      await ended;
    },
  };
}
