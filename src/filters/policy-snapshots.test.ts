import { describe, expect, test } from 'vitest';
import { postgres } from '../../protocol-filters/postgres/index.ts';
import { SimulatedPlane } from '../../test/support/simulated-plane.ts';
import { Exchange, VERDICT_NAMES } from '../exchange/exchange.ts';
import { SessionFacts } from '../exchange/session-facts.ts';
import type { FilterBuilder, NetworkFilter } from '../net/filter.ts';
import { LinkJudges } from '../net/link-judges.ts';
import { op, policySet, type Wish } from '../policy/policy.fixture.ts';
import type { PolicySetConfig } from '../policy/policy-config.ts';
import type { RbacConfig, RuleSet } from '../policy/rbac/rbac-config.ts';
import { rulesSnapshotName, snapshotName } from '../policy/snapshot-name.ts';
import { policyLink } from './policy.ts';
import { rbac } from './rbac.ts';

// Which of two judging links is told of, and that what is told is what judged.

const rules = (action: 'ALLOW' | 'DENY', name: string): RuleSet => ({
  kind: 'rules',
  action,
  policies: [{ name, permissions: [{ is: 'any' }], principals: [{ is: 'any' }], condition: null }],
});
const rbacOf = (enforced: RuleSet | null, shadow: RuleSet | null = null): RbacConfig => ({
  stat_prefix: 'r',
  shadow_rules_stat_prefix: '',
  enforcement_type: 'CONTINUOUS',
  delay_deny: 0,
  enforced,
  shadow,
});
const P = (...wishes: Wish[]): PolicySetConfig => policySet(wishes);

const reads = P({ action: 'allow', operations: ['select'] });
const noDrops = P({ action: 'deny', operations: ['drop'] });
const noReads = P({ action: 'deny', operations: ['select'] });
const softReads = P({ action: 'allow', operations: ['select'], mode: 'shadow' });
const softNoReads = P({ action: 'deny', operations: ['select'], mode: 'shadow' });
const none = P();
const others = P({ action: 'deny', operations: ['select'], users: ['somebody else'] });

const lets = rbacOf(rules('ALLOW', 'r'));
const letsUnnamed = rbacOf({ kind: 'rules', action: 'DENY', policies: [] });
const stops = rbacOf(rules('DENY', 'r'));
const softStops = rbacOf(null, rules('DENY', 'r'));
const softLets = rbacOf(null, rules('ALLOW', 'r'));

const isRbac = (config: PolicySetConfig | RbacConfig): config is RbacConfig => 'stat_prefix' in config;
const nameOf = (config: PolicySetConfig | RbacConfig): string =>
  isRbac(config) ? rulesSnapshotName(config) : snapshotName(config);

interface Chain {
  readonly builders: readonly FilterBuilder[];
  ask(from?: number): Exchange;
}

/** The links of a live connection in this order, asked about one SELECT. */
async function chainOf(...configs: readonly (PolicySetConfig | RbacConfig)[]): Promise<Chain> {
  const links: NetworkFilter[] = [];
  let builders: FilterBuilder[] = [];
  const simulated = await SimulatedPlane.start({
    link: (_config, env) => {
      builders = configs.map((config) =>
        isRbac(config)
          ? rbac(config, { ...env, protocol: postgres })
          : policyLink(config, { ...env, protocol: postgres, workers: 1 }),
      );
      return (callbacks) => {
        for (const build of builders) links.push(build(callbacks));
        return links[0]!;
      };
    },
  });
  simulated.pair();
  const session = new SessionFacts(1, 'postgres', 'l', '10.0.0.1:1', '10.0.0.2:2', 0);
  const judges = new LinkJudges(links);
  const ask = (from = 5): Exchange => {
    const x = new Exchange();
    x.session = session;
    judges.ask({ from, to: from + 9, complete: true, ops: [x], facts: [op('SELECT', ['select orders'])] }, session);
    return x;
  };
  return { builders, ask };
}

describe('whose snapshot is told', () => {
  const cases: readonly (readonly [string, readonly (PolicySetConfig | RbacConfig)[], number, string])[] = [
    ['policies that allow', [reads], 0, 'allowed p1'],
    ['policies that have nothing against it', [noDrops], 0, 'allowed '],
    ['policies that deny', [noReads], 0, 'denied p1'],
    ['policies in shadow mode', [softNoReads], 0, ' , shadow denied p1'],
    ['policies for others', [others], 0, 'allowed '],
    ['no policies: nobody judges', [none], -1, ' '],
    ['RBAC that allows', [lets], 0, 'allowed r'],
    ['RBAC that has nothing against it', [letsUnnamed], 0, 'allowed '],
    ['RBAC that denies', [stops], 0, 'denied r'],
    ['RBAC in shadow mode', [softStops], 0, ' , shadow denied r'],
    ['both allow: the policy that is named', [reads, lets], 0, 'allowed p1'],
    ['both allow, RBAC first: the policy that is named', [lets, reads], 1, 'allowed p1'],
    ['both allow, only RBAC by name', [lets, noDrops], 0, 'allowed r'],
    ['both allow, none by name: the policies', [letsUnnamed, noDrops], 1, 'allowed '],
    ['both allow, none by name, policies first', [noDrops, letsUnnamed], 0, 'allowed '],
    ['RBAC denies what policies allow', [reads, stops], 1, 'denied r'],
    ['policies deny what RBAC allows', [lets, noReads], 1, 'denied p1'],
    ['policies deny: RBAC is not asked', [noReads, lets], 0, 'denied p1'],
    ['RBAC enforced, policies in shadow mode', [softNoReads, lets], 1, 'allowed r, shadow denied p1'],
    ['RBAC enforced first, policies in shadow mode', [lets, softNoReads], 0, 'allowed r, shadow denied p1'],
    ['policies enforced, RBAC in shadow mode', [reads, softStops], 0, 'allowed p1, shadow denied r'],
    ['both in shadow mode: who denies', [softReads, softStops], 1, ' , shadow denied r'],
    ['both in shadow mode, RBAC first: who denies', [softStops, softReads], 0, ' , shadow denied r'],
    ['both in shadow mode, none denies: the policies', [softLets, softReads], 1, ' , shadow allowed p1'],
    ['no policies, RBAC allows', [none, lets], 1, 'allowed r'],
  ];
  for (const [name, configs, who, said] of cases)
    test(name, async () => {
      const x = (await chainOf(...configs)).ask();
      const shadow = x.shadowVerdict === 0 ? '' : `, shadow ${VERDICT_NAMES[x.shadowVerdict]} ${x.shadowPolicy}`;
      expect(`${VERDICT_NAMES[x.verdict]} ${x.policy}${shadow}`).toBe(said);
      expect(x.policySnapshot).toBe(who < 0 ? '' : nameOf(configs[who]!));
      expect(x.requestOffset).toBe(5);
    });
});

describe('a live connection is told the snapshot of each message', () => {
  const update = ({ builders }: Chain, config: PolicySetConfig | RbacConfig | null): void =>
    void builders[0]!.update!(config as unknown as Record<string, unknown> | null);

  for (const [name, before, after] of [
    ['of policies', noDrops, noReads],
    ['of RBAC', lets, rbacOf(rules('ALLOW', 'other'))],
  ] as const)
    test(name, async () => {
      const chain = await chainOf(before);
      expect(chain.ask().policySnapshot).toBe(nameOf(before));
      update(chain, after);
      expect(chain.ask().policySnapshot).toBe(nameOf(after));
      update(chain, before);
      expect(chain.ask().policySnapshot).toBe(nameOf(before));
      update(chain, null);
      expect(chain.ask().policySnapshot).toBe('');
    });

  test('how RBAC is counted is no other snapshot', async () => {
    const chain = await chainOf(lets);
    const before = chain.ask().policySnapshot;
    update(chain, { ...lets, stat_prefix: 'other' });
    expect(chain.ask().policySnapshot).toBe(before);
  });
});
