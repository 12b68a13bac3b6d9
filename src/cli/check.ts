import { type LoadEnv, load } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import type { FilterSchema, Problem } from '../config/snapshot.ts';

/** What a command that only reads configuration needs of the world. */
export interface ConfigIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  readonly readFile: (path: string) => Promise<string>;
  readonly filters: readonly FilterSchema[];
  /** How DNS names are asked for; the system's resolver when absent. */
  readonly lookup?: NonNullable<LoadEnv['lookup']>;
}

/** `sluice check -c FILE`: 0 and one line, or 2 and every problem. Names must resolve. */
export async function runCheck({ config }: { readonly config: string }, io: ConfigIo): Promise<number> {
  const env = { readFile: io.readFile, resolve: true, ...(io.lookup ? { lookup: io.lookup } : {}) };
  const loaded = await load({ file: config }, io.filters, env);
  if (!loaded.ok) return printProblems(loaded.problems, io.stderr);
  for (const warning of loaded.warnings) io.stderr.write(`${formatProblem(warning)} (warning)\n`);
  const { listeners, clusters } = loaded.snapshot;
  io.stdout.write(`${config}: fine, ${count(listeners.length, 'listener')}, ${count(clusters.length, 'cluster')}\n`);
  return 0;
}

/** Prints every problem on a line of its own and gives the exit code. */
export function printProblems(problems: readonly Problem[], stderr: ConfigIo['stderr']): 2 {
  stderr.write(problems.map((problem) => `${formatProblem(problem)}\n`).join(''));
  return 2;
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
