import { policyFilterSchema } from '../../config/policy-filter.ts';
import type { Snapshot } from '../../config/snapshot.ts';
import { Exchange, Flag, VerdictCode } from '../../exchange/exchange.ts';
import type { PolicyVocabulary } from '../../exchange/operation-facts.ts';
import type { Judgement } from '../../exchange/protocol-filter.ts';
import { SessionFacts } from '../../exchange/session-facts.ts';
import { compilePolicies, type PolicyEngine, type PolicyObserver } from '../../policy/engine.ts';
import type { PolicySetConfig } from '../../policy/policy-config.ts';
import type { Standing } from '../../policy/standing.ts';
import { operationOf, type Seen, type SeenOperation } from './seen.ts';

/** What one policy would have denied. */
export interface Denied {
  readonly policy: string;
  readonly mode: 'enforce' | 'shadow';
  readonly listener: string;
  exchanges: number;
  /** Different ones, heaviest first, at most MAX_EXAMPLES. */
  readonly examples: readonly Example[];
}

export interface Example {
  readonly user: string;
  readonly database: string;
  readonly application: string;
  readonly operation: string;
  readonly text: string;
  exchanges: number;
}

export interface TrialResult {
  readonly exchanges: number;
  readonly denied: number;
  readonly shadow_denied: number;
  /** Judged by what a digest tells, which may fold names and leave some out. */
  readonly approximate: number;
  /** Could not be judged: of a listener without policies; of one that the file does not have; nothing is told of them. */
  readonly without_policies: number;
  readonly unknown_listener: number;
  readonly unknown: number;
  /** The first different ones of those of which nothing is told, at most MAX_EXAMPLES. */
  readonly unknown_examples: readonly string[];
  readonly policies: readonly Denied[];
}

interface Judge {
  readonly engine: PolicyEngine;
  readonly vocabulary: PolicyVocabulary;
  readonly standings: Map<string, { readonly session: SessionFacts; readonly standing: Standing }>;
}

const MAX_EXAMPLES = 5;
/** Different operations of which a denial is told apart. */
const MAX_TOLD = 1000;
const MAX_KNOWN = 10_000;
const DENIED: PolicyObserver = {
  onLimited: () => {},
  onUnresolved: () => {},
  onConditionFailure: () => {},
};

/** Judges past exchanges by a configuration's policies. Limits are left out: what they deny depends on the moment. */
export class Trial {
  readonly #judges = new Map<string, Judge | null>();
  readonly #denied = new Map<string, Denied & { readonly told: Map<string, Example> }>();
  /** By digest: facts of equal exchanges are one object, so that verdicts are remembered. */
  readonly #operations = new Map<string, SeenOperation | null>();
  readonly #judgement: Judgement = {
    verdict: VerdictCode.none,
    policy: '',
    shadowVerdict: VerdictCode.none,
    shadowPolicy: '',
    policySnapshot: '',
    maxRows: 0,
    maxReplyBytes: 0,
  };
  readonly #counts = { exchanges: 0, denied: 0, shadow: 0, approximate: 0, without: 0, listener: 0, unknown: 0 };
  readonly #unknown = new Set<string>();
  #now = 0;

  constructor(
    snapshot: Snapshot,
    vocabularyOf: (typeUrl: string) => { name: string; vocabulary: PolicyVocabulary } | null,
  ) {
    for (const { name, filterChains } of snapshot.listeners) {
      const filters = filterChains[0]?.filters ?? [];
      const policies = filters.find(({ typeUrl }) => typeUrl === policyFilterSchema.typeUrl);
      const protocol = filters.map(({ typeUrl }) => vocabularyOf(typeUrl)).find((one) => one !== null);
      if (policies === undefined || !protocol) {
        this.#judges.set(name, null);
        continue;
      }
      const config = policies.config as unknown as PolicySetConfig;
      const lasting = { ...config, policies: config.policies.filter(({ action }) => action !== 'limit') };
      const env = { protocol: protocol.name, listener: name, workers: 1, now: () => this.#now };
      const engine = compilePolicies(lasting, protocol.vocabulary, env);
      this.#judges.set(name, { engine, vocabulary: protocol.vocabulary, standings: new Map() });
    }
  }

  add(seen: Seen): void {
    const counts = this.#counts;
    counts.exchanges++;
    const judge = this.#judges.get(seen.listener);
    if (judge === undefined) counts.listener++;
    else if (judge === null) counts.without++;
    if (!judge) return;
    const operation = this.#operation(seen, judge.vocabulary);
    if (operation === null || !operation.told) {
      counts.unknown++;
      if (this.#unknown.size < MAX_EXAMPLES) this.#unknown.add(`${seen.listener}: ${seen.text || seen.operation}`);
      return;
    }
    if (!operation.exact) counts.approximate++;
    this.#now = seen.at;
    const { session, standing } = this.#standing(seen, judge);
    session.transactionState = seen.flags.includes('in_transaction') ? 'in_transaction' : 'idle';
    const x = new Exchange();
    x.session = session;
    if (seen.flags.includes('prepared')) x.flags |= Flag.prepared;
    const turn = { from: 0, to: 0, complete: true, ops: [x], facts: [operation.facts] };
    const said: Judgement = Object.assign(this.#judgement, {
      verdict: VerdictCode.none,
      policy: '',
      shadowVerdict: VerdictCode.none,
      shadowPolicy: '',
    });
    judge.engine.ask(standing, turn, session, said, DENIED, seen.at, true);
    if (said.verdict === VerdictCode.denied) {
      counts.denied++;
      this.#tell(seen, said.policy, 'enforce');
    }
    if (said.shadowVerdict === VerdictCode.denied) {
      counts.shadow++;
      this.#tell(seen, said.shadowPolicy, 'shadow');
    }
  }

  result(): TrialResult {
    const { exchanges, denied, shadow, approximate, without, listener, unknown } = this.#counts;
    const policies = [...this.#denied.values()]
      .sort((a, b) => b.exchanges - a.exchanges)
      .map(({ told, ...one }) => ({
        ...one,
        examples: [...told.values()].sort((a, b) => b.exchanges - a.exchanges).slice(0, MAX_EXAMPLES),
      }));
    return {
      exchanges,
      denied,
      shadow_denied: shadow,
      approximate,
      without_policies: without,
      unknown_listener: listener,
      unknown,
      unknown_examples: [...this.#unknown],
      policies,
    };
  }

  #operation(seen: Seen, vocabulary: PolicyVocabulary): SeenOperation | null {
    const key = `${seen.protocol} ${seen.digest} ${JSON.stringify(seen.facts)}`;
    const known = this.#operations.get(key);
    if (known !== undefined) return known;
    if (this.#operations.size >= MAX_KNOWN) this.#operations.clear();
    const made = operationOf(seen, vocabulary);
    this.#operations.set(key, made);
    return made;
  }

  #standing(seen: Seen, { engine, standings }: Judge): { readonly session: SessionFacts; readonly standing: Standing } {
    const { user, database, application, driver, client } = seen;
    const key = JSON.stringify([user, database, application, driver, client]);
    const known = standings.get(key);
    if (known !== undefined) return known;
    if (standings.size >= MAX_KNOWN) standings.clear();
    const session = new SessionFacts(0, seen.protocol, seen.listener, client, '', seen.at);
    Object.assign(session, { user, database, application, driver });
    const made = { session, standing: engine.standing(session) };
    standings.set(key, made);
    return made;
  }

  #tell({ listener, user, database, application, operation, text }: Seen, policy: string, mode: Denied['mode']): void {
    const key = JSON.stringify([listener, mode, policy]);
    let denied = this.#denied.get(key);
    if (denied === undefined) {
      denied = { policy, mode, listener, exchanges: 0, examples: [], told: new Map() };
      this.#denied.set(key, denied);
    }
    denied.exchanges++;
    const what = JSON.stringify([user, database, application, operation, text]);
    const example = denied.told.get(what);
    if (example !== undefined) example.exchanges++;
    else if (denied.told.size < MAX_TOLD)
      denied.told.set(what, { user, database, application, operation, text, exchanges: 1 });
  }
}

/** The result for people. */
export function printTrial(config: string, result: TrialResult): string {
  const { exchanges, denied, shadow_denied, approximate, without_policies, unknown_listener, unknown, policies } =
    result;
  const lines = [
    `${config}: of ${exchanges} exchanges ${denied === 0 ? 'none' : denied} would be denied` +
      (shadow_denied > 0 ? `, and ${shadow_denied} by policies in shadow mode` : ''),
  ];
  for (const one of policies) {
    lines.push('', `${one.policy}${one.mode === 'shadow' ? ' (shadow)' : ''} at ${one.listener}: ${one.exchanges}`);
    for (const { user, database, application, operation, text, exchanges: times } of one.examples) {
      const who = [user, database, application].filter((part) => part !== '').join(', ');
      lines.push(`  ${times} × ${who === '' ? '' : `${oneLine(who)}: `}${oneLine(text === '' ? operation : text)}`);
    }
  }
  const left = [
    [without_policies, 'of a listener without policies'],
    [unknown_listener, 'of a listener that the file does not have'],
    [approximate, 'judged by what their digest tells, which may fold names and leave some out'],
  ] as const;
  const notes = left.flatMap(([count, what]) => (count > 0 ? [`${count} ${what}`] : []));
  if (unknown > 0)
    notes.push(
      `${unknown} could not be judged: their lines do not say what they touch. What nobody can read is denied where policies`,
      'are enforced, unless they allow $unresolved or `unparsed: allow` says otherwise:',
      ...result.unknown_examples.map((text) => `  ${oneLine(text)}`),
    );
  return `${[...lines, ...(notes.length > 0 ? [''] : []), ...notes].join('\n')}\n`;
}

const oneLine = (text: string): string => text.replaceAll(/[\p{C}\s]+/gu, ' ').slice(0, 160);
