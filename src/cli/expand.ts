import { load } from '../config/load.ts';
import { printYaml } from '../config/yaml-source.ts';
import { type ConfigIo, printProblems } from './check.ts';

/** Either a file or URLs. */
interface Asked {
  readonly config: string;
  readonly urls: readonly string[];
}

/** `sluice expand -c FILE | URL…`: the Envoy v3 form of either form on stdout and 0, or 2 and every problem. */
export async function runExpand({ config, urls }: Asked, io: ConfigIo): Promise<number> {
  const source = urls.length > 0 ? { urls } : { file: config };
  const loaded = await load(source, io.filters, { readFile: io.readFile });
  if (!loaded.ok) return printProblems(loaded.problems, io.stderr);
  io.stdout.write(printYaml(loaded.expanded));
  return 0;
}
