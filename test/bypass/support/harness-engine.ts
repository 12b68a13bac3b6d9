import { VerdictCode } from '../../../src/exchange/exchange.ts';
import type { Judgement, ProtocolFilter } from '../../../src/exchange/protocol-filter.ts';
import { compilePolicies, type PolicyObserver } from '../../../src/policy/engine.ts';
import type { PolicySetConfig } from '../../../src/policy/policy-config.ts';
import type { Judge } from '../../support/session-harness.ts';

const IGNORE: PolicyObserver = {
  onLimited: () => {},
  onUnresolved: () => {},
  onConditionFailure: () => {},
};

/**
 * The real engine as the judge of a session harness. It goes by the session's facts as they are when a turn is asked about;
 * time stands still, so limits are never given back.
 */
export function judgeOf(policies: PolicySetConfig, protocol: Pick<ProtocolFilter, 'name' | 'vocabulary'>): Judge {
  const env = { protocol: protocol.name, listener: 'test', workers: 1, now: () => 0 };
  const engine = compilePolicies(policies, protocol.vocabulary, env);
  const judgement: Judgement = {
    verdict: VerdictCode.none,
    policy: '',
    shadowVerdict: VerdictCode.none,
    shadowPolicy: '',
    policySnapshot: '',
    maxRows: 0,
    maxReplyBytes: 0,
  };
  return (turn) => {
    const { session } = turn.ops[0]!;
    return engine.ask(engine.standing(session), turn, session, judgement, IGNORE, 0, true);
  };
}
