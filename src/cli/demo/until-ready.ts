import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { GuardedServer } from './guarded-server.ts';

const START_LIMIT_MS = 30_000;
const POLL_MS = 20;

/** Waits until the server's log matches; throws with the log, after stopping it, when it ends or takes too long. */
export async function untilReady(title: string, server: GuardedServer, log: string, pattern: RegExp): Promise<void> {
  const endsAt = Date.now() + START_LIMIT_MS;
  for (;;) {
    const said = await readFile(log, 'utf8').catch(() => '');
    if (pattern.test(said)) return;
    const { exitCode, signalCode } = server.guard;
    if (exitCode !== null || signalCode !== null || Date.now() > endsAt) {
      await server.stop();
      throw new Error(`${title} did not start:\n${said.trim() || '(it logged nothing)'}`);
    }
    await delay(POLL_MS);
  }
}
