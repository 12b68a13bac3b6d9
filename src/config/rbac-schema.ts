import * as z from 'zod';
import { celFault } from '../policy/rbac/cel/cel-test.ts';
import type { Condition, PolicyRules, RbacConfig, RuleSet } from '../policy/rbac/rbac-config.ts';
import { readsOf } from '../policy/rbac/reads.ts';
import { celExpr } from './cel-schema.ts';
import { choice, duration, message, name } from './field-types.ts';
import { matcher } from './matcher-schema.ts';
import { permission, principal } from './rbac-rule-schema.ts';
import type { ChainPlace, ConfigFault, FilterSchema } from './snapshot.ts';

export const RBAC_TYPE_URL = 'type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC';

const celConfig = message({
  enable_string_conversion: z.boolean().default(false),
  enable_string_concat: z.boolean().default(false),
  enable_string_functions: z.boolean().default(false),
});

const policy = message(
  {
    permissions: z.array(permission).min(1),
    principals: z.array(principal).min(1),
    condition: celExpr.optional(),
    cel_config: celConfig.optional(),
  },
  'checked_condition',
)
  .transform(({ permissions, principals, condition: expr, cel_config: cel }) => {
    const strings = {
      conversion: cel?.enable_string_conversion ?? false,
      concat: cel?.enable_string_concat ?? false,
      functions: cel?.enable_string_functions ?? false,
    };
    const condition: Condition | null = expr === undefined ? null : { expr, strings };
    return { permissions, principals, condition };
  })
  .superRefine(({ condition }, context) => {
    const fault = condition === null ? null : celFault(condition.expr, condition.strings);
    if (fault !== null) context.addIssue({ code: 'custom', message: fault, input: condition, path: ['condition'] });
  });

/** Policies are asked in the order of their names' bytes. */
const inOrder = (policies: Readonly<Record<string, Omit<PolicyRules, 'name'>>>): PolicyRules[] =>
  Object.entries(policies)
    .map(([id, rules]) => ({ name: id, ...rules }))
    .sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));

const rules = message(
  {
    action: choice(['ALLOW', 'DENY', 'LOG']).default('ALLOW'),
    policies: z.record(z.string().max(256), policy).default({}),
  },
  'audit_logging_options',
).transform(({ action, policies }): RuleSet => ({ kind: 'rules', action, policies: inOrder(policies) }));

const asSet = (tree: z.output<typeof matcher>): RuleSet => ({ kind: 'matcher', matcher: tree });

/** Envoy's network RBAC. Where rules and a matcher are given, the rules are ignored (Envoy). */
export const rbacConfig: z.ZodType<RbacConfig> = message(
  {
    stat_prefix: name(),
    rules: rules.optional(),
    matcher: matcher.optional(),
    shadow_rules: rules.optional(),
    shadow_matcher: matcher.optional(),
    shadow_rules_stat_prefix: z.string().max(256).default(''),
    enforcement_type: choice(['ONE_TIME_ON_FIRST_BYTE', 'CONTINUOUS']).default('ONE_TIME_ON_FIRST_BYTE'),
    delay_deny: duration().prefault('0s'),
  },
  'enforce_on_transport_ready',
).transform(
  (one): RbacConfig => ({
    stat_prefix: one.stat_prefix,
    shadow_rules_stat_prefix: one.shadow_rules_stat_prefix,
    enforcement_type: one.enforcement_type,
    delay_deny: one.delay_deny,
    enforced: one.matcher ? asSet(one.matcher) : (one.rules ?? null),
    shadow: one.shadow_matcher ? asSet(one.shadow_matcher) : (one.shadow_rules ?? null),
  }),
);

export const rbacSchema: FilterSchema = {
  filterName: 'envoy.filters.network.rbac',
  typeUrl: RBAC_TYPE_URL,
  terminal: false,
  protocol: null,
  config: rbacConfig,
  options: null,
  explain: (config, place) => explain(config as unknown as RbacConfig, place),
};

/** Rules on metadata that can never see a query. */
function explain(config: RbacConfig, { protocol, protocolBefore }: ChainPlace): ConfigFault[] {
  const { enforced, shadow, enforcement_type } = config;
  const reads = [enforced, shadow].some((set) => set !== null && readsOf(set).readsMetadata);
  if (!reads) return [];
  const warn = (path: string, text: string): ConfigFault => ({ path: [path], what: 'value', text, warning: true });
  const field = enforced !== null && readsOf(enforced).readsMetadata ? 'rules' : 'shadow_rules';
  if (protocol === null)
    return [warn(field, 'looks at metadata, and the chain has no protocol filter that would tell any of a query')];
  if (enforcement_type === 'ONE_TIME_ON_FIRST_BYTE')
    return [
      warn(
        field,
        `looks at metadata, and is asked once, before the first query: enforcement_type: CONTINUOUS asks at each of ${protocol.name}'s messages`,
      ),
    ];
  if (!protocol.gates)
    return [
      warn(field, `looks at metadata, and ${protocol.name} only observes: it is asked at each read, without any`),
    ];
  if (!protocolBefore)
    return [warn(field, `stands before ${protocol.name}, where Envoy would see the metadata of the message before`)];
  return [];
}
