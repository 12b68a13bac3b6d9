import { readFileSync } from 'node:fs';

/** Kept for everything that is no client's connection. */
const RESERVED = 64;

/** Descriptors this process may use for connections; infinite where the system does not say. */
export function connectionDescriptors(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
    return soft === undefined ? Number.POSITIVE_INFINITY : Math.max(1, Number(soft) - RESERVED);
  } catch {
    return Number.POSITIVE_INFINITY; // not Linux: the kernel says no itself
  }
}
