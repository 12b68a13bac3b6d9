import { explain } from '../policy/explain.ts';
import type { PolicySetConfig } from '../policy/policy-config.ts';
import { POLICY_FILTER_NAME, POLICY_TYPE_URL, policySetSchema } from './policies-schema.ts';
import { show } from './problem.ts';
import type { ChainPlace, ConfigFault, FilterSchema, ProtocolSchema } from './snapshot.ts';

/** Sluice's own policies: a link that judges each request which the chain's protocol filter reads. */
export const policyFilterSchema: FilterSchema = {
  filterName: POLICY_FILTER_NAME,
  typeUrl: POLICY_TYPE_URL,
  terminal: false,
  protocol: null,
  config: policySetSchema,
  options: null,
  explain: (config, place) => explainPolicies(config as unknown as PolicySetConfig, place),
};

/** What can be known to be wrong with policies only where the protocol is known whose requests they judge. */
export function explainPolicies(config: PolicySetConfig, { protocol, protocolBefore }: ChainPlace): ConfigFault[] {
  const whole = (text: string): ConfigFault[] => [{ path: [], what: 'value', text }];
  const unable = whyUnjudged(protocol);
  const vocabulary = protocol?.vocabulary ?? null;
  if (unable !== '' || protocol === null || vocabulary === null) return whole(unable);
  if (!protocolBefore) return whole(`${POLICY_FILTER_NAME} comes before ${protocol.name}, whose requests it judges`);
  const unkept = (vocabulary.cannotLimit ?? []).flatMap((kind) =>
    config.policies.flatMap(({ limit }, i): ConfigFault[] => {
      if (limit === null || !LIMITS[kind](limit)) return [];
      const text = `${protocol.name} ${WHY[kind]}: there is nothing to limit`;
      return [{ path: ['policies', i, 'limit', kind], what: 'key', text }];
    }),
  );
  const faults = explain(config, vocabulary, protocol.name).map(
    ({ policy, field, item, column, text }): ConfigFault => {
      const at = policy < 0 ? [] : ['policies', policy];
      const steps = field === '' ? [] : field.split('.').map((step) => SPELLED[step] ?? step);
      const inside = item < 0 ? steps : [...steps, item];
      return {
        path: [...at, ...inside],
        what: 'value',
        text: column > 0 ? `at character ${column} of ${show(config.policies[policy]?.when)}: ${text}` : text,
      };
    },
  );
  return [...unkept, ...faults];
}

/** Why there can be no policies in a chain with this protocol filter; '' = there can. */
export function whyUnjudged(protocol: ProtocolSchema | null): string {
  if (protocol === null) return 'policies judge requests, and it has no protocol filter that reads them';
  if (protocol.gates && protocol.vocabulary) return '';
  return `policies deny, and ${protocol.name} cannot refuse yet: it only observes`;
}

type Limit = NonNullable<PolicySetConfig['policies'][number]['limit']>;
const LIMITS = {
  rows: (limit: Limit) => limit.rows > 0,
  bytes: (limit: Limit) => limit.bytes > 0,
  idle_in_transaction: (limit: Limit) => limit.idleInTransactionMs > 0,
} as const;
const WHY = {
  rows: 'tells no rows in its replies that could be cut',
  bytes: 'has replies that cannot be cut',
  idle_in_transaction: 'has no transactions that stay open',
} as const;

/** Fields as they stand in a file, where they are called otherwise once read. */
const SPELLED: Readonly<Record<string, string>> = { idleInTransactionMs: 'idle_in_transaction', perMs: 'per' };
