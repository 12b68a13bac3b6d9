import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

// Below the range from which systems take ports for outgoing connections (32768 on Linux, 49152 elsewhere), and by chance:
// between the choice and its use, neither a client's connection nor another process takes it.
const FIRST = 12_000;
const END = 32_000;
const given = new Set<number>();

/** A TCP port on 127.0.0.1 that nobody holds at this moment, and that this process has not given out before. */
export async function freePort(): Promise<number> {
  for (;;) {
    const wanted = randomInt(FIRST, END);
    if (given.has(wanted)) continue;
    given.add(wanted);
    if (await isFree(wanted)) return wanted;
  }
}

/** `wanted` if it is free on 127.0.0.1 at this moment, else another. */
export const portOr = async (wanted: number): Promise<number> => ((await isFree(wanted)) ? wanted : freePort());

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
