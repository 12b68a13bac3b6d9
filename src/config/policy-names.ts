/** What a name is made of. */
interface Unnamed {
  readonly action?: unknown;
  readonly users?: unknown;
  readonly operations?: unknown;
  readonly targets?: unknown;
}

const MAX_NAME = 60;

/**
 * A name for a policy without one, from what it says, so that another policy added elsewhere does not rename it:
 * `deny_drop_truncate`. Unique among `taken`, where it is added.
 */
export function nameFor(policy: Unnamed, taken: Set<string>): string {
  const words = [policy.action, policy.users, policy.operations, policy.targets].flat();
  const plain = words
    .filter((word) => typeof word === 'string' && word !== '*')
    .map((word) =>
      String(word)
        .replaceAll(/[^A-Za-z0-9.]+/g, '_')
        .replaceAll(/^_+|_+$/g, ''),
    )
    .filter((word) => word !== '')
    .join('_')
    .slice(0, MAX_NAME);
  const stem = plain === '' ? 'policy' : plain;
  let free = stem;
  for (let n = 2; taken.has(free); n++) free = `${stem}_${n}`;
  taken.add(free);
  return free;
}
