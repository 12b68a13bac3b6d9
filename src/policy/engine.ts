import type { Exchange } from '../exchange/exchange.ts';
import { VerdictCode } from '../exchange/exchange.ts';
import type { OperationFacts, PolicyVocabulary } from '../exchange/operation-facts.ts';
import type { Denial, Judgement, Turn } from '../exchange/protocol-filter.ts';
import type { SessionFacts } from '../exchange/session-facts.ts';
import { ConditionFacts } from './condition-facts.ts';
import { LimitTable } from './limit-table.ts';
import { admit, type Lease, type LimitObserver, type LimitRule } from './limits.ts';
import type { PolicyConfig, PolicySetConfig } from './policy-config.ts';
import { Asking, compileRule, type Rule, type RuleSet } from './rules.ts';
import { snapshotName } from './snapshot-name.ts';
import { Standing, type Verdicts } from './standing.ts';
import { ipOf } from './subject.ts';

export interface PolicyEnv {
  readonly protocol: string;
  readonly listener: string;
  /** Among how many workers limits are divided. */
  readonly workers: number;
  /** Wall time in ms, for conditions. */
  now(): number;
}

/** What is counted, beside what ask() returns. */
export interface PolicyObserver extends LimitObserver {
  onUnresolved(): void;
  onConditionFailure(failures: number): void;
}

/**
 * All policies of one listener in one worker, compiled: an immutable snapshot (threats R14). What the limits have counted
 * is handed on from one snapshot to the next.
 */
export class PolicyEngine {
  /** Grows with each snapshot of a listener. */
  readonly version: number;
  /** The same for the same policies, in every worker and at any time (snapshot-name.ts). */
  readonly snapshot: string;
  /** Some policy may deny. */
  readonly enforces: boolean;
  /** Some policy may cut replies. */
  readonly cuts: boolean;
  readonly enforced: number;
  readonly shadow: number;
  /** Policies of idle transactions. */
  readonly idleLimits: readonly LimitRule[];
  readonly limits: readonly LimitRule[];
  readonly #rules: readonly Rule[];
  readonly #enforced: RuleSet;
  readonly #shadow: RuleSet;
  readonly #asking: Asking;
  /** By which of the policies concern a session: `0110…`. */
  readonly #standings = new Map<string, Standing>();
  #denial: Denial | null = null;
  #shadowDenial: Denial | null = null;

  constructor(
    config: PolicySetConfig,
    vocabulary: PolicyVocabulary | null,
    env: PolicyEnv,
    before: PolicyEngine | null,
  ) {
    this.version = (before?.version ?? 0) + 1;
    this.snapshot = snapshotName(config);
    this.#rules = config.policies.map((policy) => compileRule(policy, vocabulary));
    this.#enforced = ruleSet(this.#rules, 'enforce', config.unparsed, vocabulary);
    this.#shadow = ruleSet(this.#rules, 'shadow', config.unparsed, vocabulary);
    this.limits = this.#rules.flatMap((rule) => limitRule(rule, env.workers, before));
    this.idleLimits = this.limits.filter(({ limit }) => limit.idleInTransactionMs > 0);
    this.enforced = config.policies.filter(({ mode }) => mode === 'enforce').length;
    this.shadow = config.policies.length - this.enforced;
    // A limit of idle transactions alone closes connections, and needs no request held for that.
    const limited = this.limits.some(({ enforced, counts }) => enforced && counts);
    this.enforces = this.#enforced.decides || limited;
    this.cuts = this.limits.some(({ enforced, limit }) => enforced && (limit.rows > 0 || limit.bytes > 0));
    this.#asking = new Asking(new ConditionFacts(env.protocol, env.listener, env.now));
  }

  /** Which policies concern this session, as its facts are now. To be asked again when they have changed. */
  standing(session: SessionFacts): Standing {
    const ip = ipOf(session);
    const mine = new Set(this.#rules.filter((rule) => rule.subject(session, ip)));
    const mask = this.#rules.map((rule) => (mine.has(rule) ? '1' : '0')).join('');
    const known = this.#standings.get(mask);
    if (known !== undefined) return known;
    const of = (rules: readonly Rule[]) => rules.filter((rule) => mine.has(rule));
    const narrowed = (set: RuleSet): RuleSet => ({ ...set, denies: of(set.denies), allows: of(set.allows) });
    const limits = this.limits.filter(({ rule }) => mine.has(rule));
    const standing = new Standing(narrowed(this.#enforced), narrowed(this.#shadow), limits);
    if (this.#standings.size < MAX_STANDINGS && !standing.isPersonal) this.#standings.set(mask, standing);
    return standing;
  }

  /**
   * Judges one message. Writes what was said into `judgement`; the answer is why it is denied, or null. `applies` false: the
   * connection cannot be refused anything, so what is enforced is only counted as if in shadow mode. Operations that hold
   * something are in `lease`.
   */
  ask(
    standing: Standing,
    turn: Turn,
    session: SessionFacts,
    judgement: Judgement,
    observer: PolicyObserver,
    now: number,
    applies: boolean,
  ): Denial | null {
    this.#judge(standing, turn, session, observer);
    this.lease = null;
    let denial = this.#denial;
    let shadow = this.#shadowDenial;
    if (denial === null && standing.limits.length > 0) {
      const admission = admit(standing.limits, turn, session, this.#asking, now, judgement, observer);
      denial = admission.denial;
      shadow ??= admission.shadow;
      this.lease = admission.lease;
    }
    const { failures } = this.#asking;
    if (failures > 0) observer.onConditionFailure(failures);
    if (standing.enforces) {
      const verdict = denial === null ? VerdictCode.allowed : VerdictCode.denied;
      const policy = denial === null ? this.#allowedBy : denial.policy;
      if (applies) say(judgement, verdict, policy, this.snapshot);
      else saySoftly(judgement, verdict, policy, this.snapshot);
    }
    if (standing.shadows) {
      const verdict = shadow === null ? VerdictCode.allowed : VerdictCode.denied;
      const policy = shadow === null ? this.#shadowAllowedBy : shadow.policy;
      saySoftly(judgement, verdict, policy, this.snapshot);
    }
    return applies ? denial : null;
  }

  /** Of the last ask(): what its operations hold. */
  lease: Lease | null = null;
  #allowedBy = '';
  #shadowAllowedBy = '';

  #judge(standing: Standing, turn: Turn, session: SessionFacts, observer: PolicyObserver): void {
    this.#denial = this.#shadowDenial = null;
    this.#allowedBy = this.#shadowAllowedBy = '';
    this.#asking.failures = 0;
    if (!standing.judges) return;
    // A message of which nothing is told is not one that does nothing (threats R7).
    const facts = turn.facts.length === 0 ? UNTOLD : turn.facts;
    for (let i = 0; i < facts.length; i++) {
      const op: OperationFacts = facts[i]!;
      if (op.unresolved !== '') observer.onUnresolved();
      const verdicts: Verdicts = standing.verdicts(op, this.#asking, turn, i, session);
      const { enforced, shadow } = verdicts;
      this.#denial ??= enforced.denial;
      this.#shadowDenial ??= shadow.denial;
      if (this.#allowedBy === '') this.#allowedBy = enforced.allowedBy;
      if (this.#shadowAllowedBy === '') this.#shadowAllowedBy = shadow.allowedBy;
    }
  }
}

/** Throws on a faulty configuration: explain() is asked first. `before`: the snapshot that this one takes the place of. */
export const compilePolicies = (
  config: PolicySetConfig,
  vocabulary: PolicyVocabulary | null,
  env: PolicyEnv,
  before: PolicyEngine | null = null,
): PolicyEngine => new PolicyEngine(config, vocabulary, env, before);

const UNTOLD: readonly OperationFacts[] = [
  {
    operation: '',
    accesses: [],
    unresolved: 'nothing is told of it',
    hasWhere: false,
    limit: -1,
    stages: [],
    categories: [],
  },
];

/** Combinations of policies that concern some session: above, a session has its own memory of verdicts. */
const MAX_STANDINGS = 1024;

function ruleSet(
  rules: readonly Rule[],
  mode: PolicyConfig['mode'],
  unparsed: PolicySetConfig['unparsed'],
  vocabulary: PolicyVocabulary | null,
): RuleSet {
  const of = (action: PolicyConfig['action']) =>
    rules.filter(({ policy }) => policy.mode === mode && policy.action === action);
  const [denies, allows] = [of('deny'), of('allow')];
  return {
    denies,
    allows,
    lists: allows.length > 0,
    decides: denies.length + allows.length > 0,
    unparsed,
    harmless: new Set(vocabulary?.harmless),
    guarded: new Set(vocabulary?.guarded),
  };
}

function limitRule(rule: Rule, workers: number, before: PolicyEngine | null): LimitRule[] {
  const { action, mode, name, limit } = rule.policy;
  if (action !== 'limit' || limit === null) return [];
  const kept = before?.limits.find((each) => each.rule.policy.name === name && each.table.fits(limit, workers));
  const table = kept?.table ?? new LimitTable(limit, workers);
  const counts = limit.rate !== null || limit.concurrent > 0 || limit.rows > 0 || limit.bytes > 0;
  return [{ rule, limit, table, enforced: mode === 'enforce', counts }];
}

/** Where another link's policy is named, as none of these here decided, so is its snapshot. */
function say(judgement: Judgement, verdict: VerdictCode, policy: string, snapshot: string): void {
  judgement.verdict = verdict;
  if (policy !== '' || verdict === VerdictCode.denied) judgement.policy = policy;
  if (judgement.policy === policy) judgement.policySnapshot = snapshot;
}

/** A denial that another link has told of stays, as does the snapshot of what is enforced. */
function saySoftly(judgement: Judgement, verdict: VerdictCode, policy: string, snapshot: string): void {
  if (judgement.shadowVerdict === VerdictCode.denied) return;
  judgement.shadowVerdict = verdict;
  judgement.shadowPolicy = policy;
  if (judgement.verdict === VerdictCode.none) judgement.policySnapshot = snapshot;
}

/** Marks what a limit in shadow mode would have cut, once all of the reply is known. */
export function markShadowCut(x: Exchange, policy: string): void {
  if (x.shadowVerdict === VerdictCode.denied) return;
  x.shadowVerdict = VerdictCode.denied;
  x.shadowPolicy = policy;
}
