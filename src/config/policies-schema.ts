import * as z from 'zod';
import type { PolicyConfig, PolicySetConfig } from '../policy/policy-config.ts';
import { choice, duration, message, name, wholeNumber } from './field-types.ts';
import { nameFor } from './policy-names.ts';
import { show } from './problem.ts';

export const POLICY_TYPE_URL = 'type.googleapis.com/sluice.filters.network.policy.v1.Policy';
export const POLICY_FILTER_NAME = 'sluice.filters.network.policy';

/** What no policy of a file decided is told under such a name: `sluice.not_allowed`. */
const OWN_NAMES = 'sluice.';
const MAX_PATTERNS = 10_000;
const MAX_POLICIES = 10_000;
const MAX_TEXT = 1024;

/** A pattern, or a list of them. What is empty would match nothing, or everything: it is never meant. */
const pattern = z.string().min(1).max(MAX_TEXT);
const patterns = z.union([pattern, z.array(pattern).min(1).max(MAX_PATTERNS)]).optional();

/** The list of what was written; `*` alone is anybody, or anything. */
function listOf(written: string | readonly string[] | undefined): readonly string[] {
  const list = written === undefined ? [] : typeof written === 'string' ? [written] : written;
  return list.length === 1 && list[0] === '*' ? [] : list;
}

/** Of the full form; the short one writes `rate: 100/s` and is compiled to it. */
const rate = message({
  count: wholeNumber(1, 1_000_000_000),
  per: duration({ minMs: 1 }).prefault('1s'),
  /** How many may come at once after a quiet time. Unset: `count`. */
  burst: wholeNumber(1, 1_000_000_000).optional(),
});

const limit = message({
  rate: rate.optional(),
  concurrent: wholeNumber(1, 1_000_000).optional(),
  rows: wholeNumber(1, Number.MAX_SAFE_INTEGER).optional(),
  bytes: wholeNumber(1, Number.MAX_SAFE_INTEGER).optional(),
  idle_in_transaction: duration({ minMs: 1 }).optional(),
  per: choice(['user', 'application', 'digest', 'database', 'client', 'connection', 'all']).default('user'),
});

const policy = message({
  name: name().optional(),
  action: choice(['allow', 'deny', 'limit']),
  mode: choice(['enforce', 'shadow']).default('enforce'),
  users: patterns,
  databases: patterns,
  applications: patterns,
  drivers: patterns,
  clients: patterns,
  operations: patterns,
  targets: patterns,
  when: z.string().min(1).max(4096).optional(),
  message: name().optional(),
  limit: limit.optional(),
});
type WrittenPolicy = z.output<typeof policy>;

/** Fields that an `allow` states, be it with `*`: a lost line must not allow more than was meant (threats TE-11). */
const STATED = ['users', 'operations', 'targets'] as const;

/** `sluice.filters.network.policy`: gives a PolicySetConfig. */
export const policySetSchema = message({
  policies: z.array(policy).min(1).max(MAX_POLICIES),
  unparsed: choice(['deny', 'allow']).default('deny'),
})
  .superRefine(({ policies }, context) => {
    const complain = (path: (string | number)[], text: string) =>
      context.addIssue({ code: 'custom', path: ['policies', ...path], message: text });
    const names = new Set<string>();
    for (const [i, one] of policies.entries()) {
      if (one.name !== undefined && names.has(one.name))
        complain([i, 'name'], `${show(one.name)} is already the name of a policy`);
      if (one.name !== undefined) names.add(one.name);
      if (one.name?.startsWith(OWN_NAMES))
        complain([i, 'name'], `${show(one.name)}: names in ${OWN_NAMES} are Sluice's own`);
      checkPolicy(one, (field, text) => complain([i, field], text));
    }
  })
  .transform(({ policies, unparsed }): PolicySetConfig => {
    const taken = new Set(policies.flatMap((one) => one.name ?? []));
    return { policies: policies.map((one) => policyConfig(one, taken)), unparsed };
  });

function checkPolicy(one: WrittenPolicy, complain: (field: string, text: string) => void): void {
  if (one.action === 'allow')
    for (const field of STATED) if (one[field] === undefined) complain(field, 'is required of an allow; "*" is any');
  for (const field of STATED) {
    const list = one[field];
    if (!Array.isArray(list) || list.length < 2 || !list.includes('*')) continue;
    if (field !== 'targets' || list.some((text) => text !== '*' && text !== '$unresolved'))
      complain(field, '"*" is any: the others say nothing beside it');
  }
  if (one.action !== 'limit') {
    if (one.limit !== undefined) complain('limit', `is of action limit, and this is ${one.action}`);
    return;
  }
  if (one.limit === undefined) {
    complain('limit', 'is required of action limit');
    return;
  }
  const { per: _, ...bounds } = one.limit;
  if (Object.values(bounds).every((bound) => bound === undefined))
    complain('limit', `limits nothing: give it one of ${Object.keys(limit.shape).slice(0, -1).join(', ')}`);
}

function policyConfig(one: WrittenPolicy, taken: Set<string>): PolicyConfig {
  return {
    name: one.name ?? nameFor(one, taken),
    action: one.action,
    mode: one.mode,
    users: listOf(one.users),
    databases: listOf(one.databases),
    applications: listOf(one.applications),
    drivers: listOf(one.drivers),
    clients: listOf(one.clients),
    operations: listOf(one.operations),
    targets: listOf(one.targets),
    when: one.when ?? '',
    message: one.message ?? '',
    limit: one.limit
      ? {
          rate: one.limit.rate
            ? {
                count: one.limit.rate.count,
                perMs: one.limit.rate.per,
                burst: one.limit.rate.burst ?? one.limit.rate.count,
              }
            : null,
          concurrent: one.limit.concurrent ?? 0,
          rows: one.limit.rows ?? 0,
          bytes: one.limit.bytes ?? 0,
          idleInTransactionMs: one.limit.idle_in_transaction ?? 0,
          per: one.limit.per,
        }
      : null,
  };
}
