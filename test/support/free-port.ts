import { randomInt } from 'node:crypto';
import { portOr } from '../../src/cli/demo/free-port.ts';

// Below the range from which systems take ports for outgoing connections (32768 on Linux, 49152 elsewhere), and by chance:
// between the choice and its use, neither a client's connection nor a test in another process takes it.
const FIRST = 12_000;
const END = 32_000;
const given = new Set<number>();

/** A TCP port on 127.0.0.1 that nobody holds, and that this process has not given out before. */
export async function freePort(): Promise<number> {
  for (;;) {
    const wanted = randomInt(FIRST, END);
    if (given.has(wanted)) continue;
    given.add(wanted);
    if ((await portOr(wanted)) === wanted) return wanted;
  }
}
