/**
 * What ten policies cost in our own JavaScript: the policy link asked about one message, in the cases that matter.
 * `node test/bench/policy/engine.ts` prints µs a message; `--quick` for a tenth of the rounds.
 */
import { Exchange, VerdictCode } from '../../../src/exchange/exchange.ts';
import type { OperationFacts } from '../../../src/exchange/operation-facts.ts';
import type { Judgement } from '../../../src/exchange/protocol-filter.ts';
import { SessionFacts } from '../../../src/exchange/session-facts.ts';
import { policyLink } from '../../../src/filters/policy.ts';
import { systemClock } from '../../../src/net/clock.ts';
import type { FilterCallbacks } from '../../../src/net/filter.ts';
import { policySet } from '../../../src/policy/policy.fixture.ts';
import type { PolicySetConfig } from '../../../src/policy/policy-config.ts';
import { StatsRegistry } from '../../../src/stats/registry.ts';
import { TEN_POLICIES, WITH_CONDITIONS, WITH_LIMITS } from './policies.ts';

export interface EngineCost {
  readonly name: string;
  /** µs of CPU a message, one value a round. */
  readonly us: readonly number[];
}

export function engineCosts(quick: boolean): EngineCost[] {
  const [rounds, messages] = quick ? [3, 50_000] : [7, 300_000];
  return CASES.map(({ name, policies, facts }) => {
    const ask = asker(policies);
    const next = facts();
    const us: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      const before = process.threadCpuUsage();
      for (let i = 0; i < messages; i++) ask(next(i));
      const { user, system } = process.threadCpuUsage(before); // wall time is also that of others
      if (round > 0) us.push((user + system) / messages); // the first one warms up
    }
    return { name, us };
  });
}

const CASES: { name: string; policies: PolicySetConfig; facts: () => (i: number) => OperationFacts }[] = [
  { name: 'ten policies, 100 known digests', policies: TEN_POLICIES, facts: known },
  { name: 'ten policies, facts never seen before', policies: TEN_POLICIES, facts: () => fresh },
  { name: 'ten policies, three with conditions of the time', policies: WITH_CONDITIONS, facts: known },
  { name: 'ten policies, three limits', policies: WITH_LIMITS, facts: known },
  {
    name: 'ten policies in shadow mode',
    policies: policySet(TEN_POLICIES.policies.map(({ limit: _, ...policy }) => ({ ...policy, mode: 'shadow' }))),
    facts: known,
  },
];

function known(): (i: number) => OperationFacts {
  const all = Array.from({ length: 100 }, (_, i) => fresh(i));
  return (i) => all[i % 100]!;
}

const fresh = (i: number): OperationFacts => ({
  operation: 'SELECT',
  accesses: [
    { verb: 'select', type: 'table', schema: 'public', name: `orders_${i % 10}` },
    { verb: 'select', type: 'table', schema: '', name: 'customers' },
  ],
  unresolved: '',
  hasWhere: true,
  limit: 100,
  stages: [],
  categories: [],
});

function asker(policies: PolicySetConfig): (facts: OperationFacts) => void {
  const session = new SessionFacts(1, 'postgres', 'bench', '10.1.2.3:50000', '127.0.0.1:5432', 0);
  Object.assign(session, { user: 'web', database: 'shop', application: 'shop-web', driver: 'pg' });
  const callbacks = { connection: { facts: session } } as unknown as FilterCallbacks;
  const env = { clock: systemClock, stats: new StatsRegistry(), listener: 'bench', protocol: null, workers: 1 };
  const link = policyLink(policies, env)(callbacks);
  const judgement: Judgement = {
    verdict: VerdictCode.none,
    policy: '',
    shadowVerdict: VerdictCode.none,
    shadowPolicy: '',
    policySnapshot: '',
    maxRows: 0,
    maxReplyBytes: 0,
  };
  const x = new Exchange();
  x.session = session;
  const list: OperationFacts[] = [fresh(0)];
  const turn = { from: 0, to: 100, complete: true, ops: [x], facts: list };
  return (facts) => {
    list[0] = facts;
    judgement.verdict = judgement.shadowVerdict = VerdictCode.none;
    if (link.onTurn!(turn, session, judgement) !== 'allow') throw new Error(`denied: ${link.denial?.message}`);
    if (x.leased) link.onRelease!(x);
    x.leased = false;
  };
}

if (import.meta.main) {
  for (const { name, us } of engineCosts(process.argv.includes('--quick')))
    process.stdout.write(`${name.padEnd(50)} ${us.map((each) => each.toFixed(3)).join('  ')} µs a message\n`);
}
