import { load } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import { filterSchemas } from './catalog.ts';
import type { LoadReply, LoadRequest } from './load-config.ts';

/**
 * A process that reads one configuration and ends: YAML, schemas and everything they import stay out of the primary,
 * whose loop accepts every connection. Started by load-config.ts.
 */
async function answer({ source, resolve }: LoadRequest): Promise<LoadReply> {
  const loaded = await load(source, filterSchemas(), { resolve });
  return loaded.ok
    ? {
        ok: true,
        snapshot: loaded.snapshot,
        expanded: loaded.expanded,
        warnings: loaded.warnings.map(formatProblem),
      }
    : { ok: false, problems: loaded.problems.map(formatProblem) };
}

process.once('message', (request: LoadRequest) => {
  void answer(request).then((reply) => process.send?.(reply, () => process.disconnect()));
});
