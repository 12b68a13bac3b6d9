import { load } from '../config/load.ts';
import { printYaml } from '../config/yaml-source.ts';
import { type ConfigIo, printProblems } from './check.ts';

/** `sluice expand -c FILE`: the Envoy v3 form of either form on stdout and 0, or 2 and every problem. */
export async function runExpand({ config }: { readonly config: string }, io: ConfigIo): Promise<number> {
  const loaded = await load({ file: config }, io.filters, { readFile: io.readFile });
  if (!loaded.ok) return printProblems(loaded.problems, io.stderr);
  io.stdout.write(printYaml(loaded.expanded));
  return 0;
}
