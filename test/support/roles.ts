import { readdirSync, readFileSync } from 'node:fs';

/** The processes of one running Sluice, as the kernel lists them (Linux). */
export interface RolePids {
  readonly primary: number;
  readonly facts: number | null;
  readonly workers: readonly number[];
}

/** Finds the roles below a process that was started as `sluice run`, or that stands in front of it. */
export function rolePids(started: number): RolePids {
  const tree = descendants(started);
  const facts = tree.find(({ command }) => command.includes('server/facts.')) ?? null;
  const workers = tree.filter(({ command }) => command.includes('server/worker.'));
  const primary = facts?.parent ?? workers[0]?.parent ?? started;
  return { primary, facts: facts?.pid ?? null, workers: workers.map(({ pid }) => pid) };
}

export function isAlive(pid: number): boolean {
  try {
    // A zombie is dead: only its parent has not asked yet.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false;
  }
}

interface Seen {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

function descendants(root: number): Seen[] {
  const all: Seen[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const status = readFileSync(`/proc/${name}/status`, 'latin1');
      if (/^State:\s+Z/m.test(status)) continue;
      const parent = Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]);
      all.push({ pid: Number(name), parent, command: readFileSync(`/proc/${name}/cmdline`, 'latin1') });
    } catch {
      // gone meanwhile
    }
  }
  const found = new Set([root]);
  for (let before = 0; before !== found.size; ) {
    before = found.size;
    for (const { pid, parent } of all) if (found.has(parent)) found.add(pid);
  }
  return all.filter(({ pid }) => found.has(pid) && pid !== root);
}
