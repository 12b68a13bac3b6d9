import { resolve } from 'node:path';
import type { ConfigSource, Overrides } from '../config/load.ts';
import { banner } from '../server/banner.ts';
import { ConfigWatch } from '../server/config-watch.ts';
import { forkedRoles } from '../server/forked-roles.ts';
import { loadConfig } from '../server/load-config.ts';
import { createLogger, type LogFormat } from '../server/log.ts';
import { Primary } from '../server/primary.ts';
import { guardProcess } from '../server/process-guard.ts';
import type { RunCommand } from './args.ts';

/** Under npm a terminal's Ctrl-C can come twice, from the terminal and forwarded: closer than this is one. */
const SAME_STOP_MS = 250;

/**
 * `sluice run`: this process becomes the primary. Everything it prints for people goes to stderr: stdout is the access
 * log's. Returns the exit code when all is over: 0 after a drain, 1 when something could not listen or a second signal
 * cut the drain short, 2 for a wrong configuration.
 */
export async function run(command: RunCommand): Promise<number> {
  const format: LogFormat = process.env['SLUICE_LOG_FORMAT'] === 'json' ? 'json' : 'text';
  const log = createLogger({ role: 'primary', format });
  guardProcess(log);
  const print = (lines: readonly string[]) => process.stderr.write(`${lines.join('\n')}\n`);

  const source = sourceOf(command);
  const load = () => loadConfig({ source, resolve: true });
  const loaded = await load();
  if (!loaded.ok) {
    print(loaded.problems);
    return 2;
  }
  for (const warning of loaded.warnings ?? []) log.warn(warning);
  const single = loaded.snapshot.process.concurrency === 0;
  const roles = single ? new (await import('../server/local-roles.ts')).LocalRoles() : forkedRoles;
  const primary = new Primary({ roles, log, load });
  const off = followSignals(primary);
  const problems = await primary.start(loaded.snapshot, loaded.expanded);
  if (problems.length > 0) print(problems.map((problem) => `sluice: ${problem}`));
  else if (primary.live) print([banner(primary.snapshot, primary.listeners, primary.size)]);

  const watch = command.config === null ? null : new ConfigWatch(command.config, () => void primary.reload());
  await watch?.start();
  const code = await primary.ended;
  watch?.close();
  off();
  if (problems.length === 0) log.info('stopped', { code });
  await log.flushed();
  return code;
}

function sourceOf(command: RunCommand): ConfigSource {
  const { admin, metrics, concurrency, accessLog, history, showLiterals } = command;
  const overrides: Overrides = {
    ...(admin === null ? {} : { admin }),
    ...(metrics === null ? {} : { metrics }),
    ...(concurrency === null ? {} : { concurrency }),
    ...(accessLog === null ? {} : { accessLog }),
    ...(history === null ? {} : { history: resolve(history) }),
    ...(showLiterals ? { showLiterals } : {}),
  };
  return command.config === null
    ? { urls: command.urls, listen: command.listen, names: command.names, overrides }
    : { file: command.config, overrides };
}

/** SIGTERM and SIGINT stop (again: at once), SIGHUP reloads. SIGUSR1 is the inspector's. */
function followSignals(primary: Primary): () => void {
  let stoppedAt = Number.NEGATIVE_INFINITY;
  const stop = () => {
    const now = performance.now();
    if (now - stoppedAt < SAME_STOP_MS) return;
    stoppedAt = now;
    primary.stop();
  };
  const reload = () => void primary.reload();
  const listeners = { SIGINT: stop, SIGTERM: stop, SIGHUP: reload };
  for (const [signal, listener] of Object.entries(listeners)) process.on(signal, listener);
  return () => {
    for (const [signal, listener] of Object.entries(listeners)) process.off(signal, listener);
  };
}
