import { describe, type LogFields, type Logger } from './log.ts';

/**
 * What every process of ours does first. A closed or full stdout or stderr is no reason to end; a throw that nobody
 * caught is: the state is unknown, so it is logged with its causes and the process exits 1 (its supervisor starts
 * another). `context` adds what one would like to know then; it must not throw.
 */
export function guardProcess(log: Logger, context: () => LogFields = () => ({})): void {
  ignoreBrokenOutput();
  let dying = false;
  const die = (origin: string) => (error: unknown) => {
    if (dying) return;
    dying = true;
    log.error('uncaught error: this process ends', { origin, error: describe(error), ...context() });
    void log.flushed().then(() => process.exit(1));
  };
  process.on('uncaughtException', die('exception'));
  process.on('unhandledRejection', die('rejection'));
}

/** EPIPE and friends on stdout and stderr end nothing: the lines are lost, the traffic goes on. */
export function ignoreBrokenOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
}
