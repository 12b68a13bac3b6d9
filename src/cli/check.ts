import { type LoadEnv, load } from '../config/load.ts';
import { policySnapshots } from '../config/policy-snapshots.ts';
import { formatProblem } from '../config/problem.ts';
import type { FilterSchema, ListenerConfig, Problem } from '../config/snapshot.ts';

/** What a command that only reads configuration needs of the world. */
export interface ConfigIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  readonly readFile: (path: string) => Promise<string>;
  readonly filters: readonly FilterSchema[];
  /** How DNS names are asked for; the system's resolver when absent. */
  readonly lookup?: NonNullable<LoadEnv['lookup']>;
}

/**
 * `sluice check -c FILE`: 0 and one line, and one a listener with policies under the name that its events will have; or 2 and
 * every problem. Names must resolve.
 */
export async function runCheck({ config }: { readonly config: string }, io: ConfigIo): Promise<number> {
  const env = { readFile: io.readFile, resolve: true, ...(io.lookup ? { lookup: io.lookup } : {}) };
  const loaded = await load({ file: config }, io.filters, env);
  if (!loaded.ok) return printProblems(loaded.problems, io.stderr);
  for (const warning of loaded.warnings) io.stderr.write(`${formatProblem(warning)} (warning)\n`);
  const { listeners, clusters } = loaded.snapshot;
  io.stdout.write(`${config}: fine, ${count(listeners.length, 'listener')}, ${count(clusters.length, 'cluster')}\n`);
  for (const listener of listeners) for (const line of policyLines(listener)) io.stdout.write(`${line}\n`);
  return 0;
}

/** Prints every problem on a line of its own and gives the exit code. */
export function printProblems(problems: readonly Problem[], stderr: ConfigIo['stderr']): 2 {
  stderr.write(problems.map((problem) => `${formatProblem(problem)}\n`).join(''));
  return 2;
}

const policyLines = (listener: ListenerConfig): string[] =>
  policySnapshots(listener).map(({ of, snapshot, enforced, shadow }) => {
    const modes = [
      ...(enforced > 0 ? [`${enforced} enforced`] : []),
      ...(shadow > 0 ? [`${shadow} in shadow mode`] : []),
    ];
    return `  ${listener.name}: ${of} ${snapshot}${modes.length > 0 ? ` (${modes.join(', ')})` : ''}`;
  });

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
