import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Ms that this machine takes just now to start a Node that does nothing and ends: some 50 when it is quiet. Whatever must
 * happen within a time is given as much more of it as this has grown.
 */
export async function nodeStartMs(): Promise<number> {
  const began = performance.now();
  await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'exit');
  return performance.now() - began;
}

/** `quietMs` where the machine is quiet, and as much more as it is slower now. */
export const allowedMs = async (quietMs: number): Promise<number> =>
  Math.max(quietMs, (quietMs * (await nodeStartMs())) / 50);
