import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** A process of a setup: `haproxy`, `worker`, `facts`, `primary`. */
export interface Role {
  readonly name: string;
  readonly pid: number;
}

const TICKS_PER_S = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** CPU time a process has used so far, user and system, all threads, in µs. The kernel counts in ticks of 10 ms. */
export function cpuUs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the name in brackets and may hold anything; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_S) * 1e6;
}

/** Resident memory in bytes. */
export function rssBytes(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1] ?? 0) * 1024;
}

/** Sluice's processes by role: the one that was started, and its children by the module they run. */
export function sluiceRoles(pid: number): Role[] {
  const roles: Role[] = [{ name: 'primary', pid }];
  for (const name of readdirSync('/proc')) {
    const child = Number(name);
    if (!Number.isInteger(child) || parentOf(child) !== pid) continue;
    const command = readFileSync(`/proc/${child}/cmdline`, 'utf8');
    roles.push({ name: /\/(worker|facts)\.[jt]s/.exec(command)?.[1] ?? 'other', pid: child });
  }
  // --concurrency 0: one process is all of them.
  return roles.length === 1 ? [{ name: 'worker', pid }] : roles;
}

function parentOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0; // gone since
  }
}
