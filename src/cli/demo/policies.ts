import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'yaml';
import { formatCount } from '../top/figures.ts';
import { type GuardedFolder, guardedFolder } from './guarded-folder.ts';
import type { House, Target } from './house.ts';

/** A proxy of the short form: what stands before one house. */
export interface DemoProxy {
  readonly name: string;
  readonly upstream: string;
  readonly listen: string;
  readonly house: House;
}

/** The file with which the demo starts Sluice: its proxies, and the policies of their houses. */
export class DemoConfig {
  readonly file: string;
  readonly #folder: GuardedFolder;

  private constructor(folder: GuardedFolder) {
    this.#folder = folder;
    this.file = path.join(folder.path, 'sluice.yaml');
  }

  static async write(proxies: readonly DemoProxy[]): Promise<DemoConfig> {
    const config = new DemoConfig(await guardedFolder('sluice-demo-config-'));
    const short = {
      proxies: proxies.map(({ name, upstream, listen, house }) => ({
        name,
        upstream,
        listen,
        // What cannot be read is for the server to say: somebody of the shop mistypes.
        ...(house.policies && { unparsed: 'allow', policies: house.policies.map(({ tryIt: _, ...policy }) => policy) }),
      })),
    };
    await writeFile(config.file, stringify(short));
    return config;
  }

  usedBy(pid: number): void {
    this.#folder.usedBy(pid);
  }

  remove(): Promise<void> {
    return this.#folder.remove();
  }
}

/** What policies do here, and how to meet one, for the list of places. */
export function policyLines(house: House, sluice: Target): string[] {
  return (house.policies ?? []).flatMap(({ name, mode, tryIt }) => [
    `  policy      ${mode === 'shadow' ? 'in shadow mode' : 'enforced'}: ${name}`,
    ...(tryIt ? [`              ${tryIt(sluice)}`] : []),
  ]);
}

const VERDICTS = /^sluice_policy_verdicts_total\{([^}]*)\} (\d+)/gm;

/** What each policy has denied so far, `no card numbers: 12 refused`; '' where there are none. */
export function policySummary(metrics: string, houses: readonly House[]): string {
  const denied = new Map<string, number>();
  for (const [, labels = '', count] of metrics.matchAll(VERDICTS)) {
    const label = (name: string) => new RegExp(`(?:^|,)${name}="((?:[^"\\\\]|\\\\.)*)"`).exec(labels)?.[1] ?? '';
    if (label('verdict') !== 'denied') continue;
    denied.set(label('policy'), (denied.get(label('policy')) ?? 0) + Number(count));
  }
  const said = houses
    .flatMap(({ policies = [] }) => policies)
    .map(({ name, mode }) => {
      const count = formatCount(denied.get(name) ?? 0);
      return `${name}: ${count} ${mode === 'shadow' ? 'would be refused' : 'refused'}`;
    });
  return said.length === 0 ? '' : `POLICIES  ${said.join('; ')}`;
}
