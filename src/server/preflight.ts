import type { AddressConfig } from '../config/snapshot.ts';
import { bind, type Refused } from './bind.ts';

const RETRY_MS = 20;

/**
 * Binds an address once and frees it: what another process will listen on is known to be free before anything listens.
 * `patienceMs`: how long a taken address is tried again. Null when it is free.
 */
export async function preflight(who: string, address: AddressConfig, patienceMs = 0): Promise<Refused | null> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    // A client that comes in this instant is told to come back.
    const bound = await bind(address, (socket) => socket.resetAndDestroy());
    if (typeof bound !== 'string') {
      await new Promise((resolve) => bound.close(resolve));
      return null;
    }
    if (bound !== 'EADDRINUSE' || performance.now() >= deadline) return { who, address, code: bound };
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
