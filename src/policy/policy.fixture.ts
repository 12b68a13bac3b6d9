import { Exchange, VerdictCode } from '../exchange/exchange.ts';
import type { Access, OperationFacts, PolicyVocabulary } from '../exchange/operation-facts.ts';
import type { Judgement, Turn } from '../exchange/protocol-filter.ts';
import { SessionFacts } from '../exchange/session-facts.ts';
import type { PolicyObserver } from './engine.ts';
import type { LimitKind, LimitRule } from './limits.ts';
import type { PolicyConfig, PolicySetConfig } from './policy-config.ts';

/** A small protocol: tables in schemas, functions, and verbs as databases have them. */
export const VOCABULARY: PolicyVocabulary = {
  verbs: {
    select: 'reads rows',
    insert: 'adds rows',
    delete: 'removes rows',
    call: 'calls a function',
    admin: 'changes the server',
    code: 'runs text',
    session: 'sets up the session',
    transaction: 'begins and ends transactions',
  },
  harmless: ['session', 'transaction'],
  guarded: ['code'],
  operations: new Set(['SELECT', 'INSERT', 'DELETE', 'TRUNCATE', 'BEGIN', 'DO', 'CONFIG SET']),
  target(text) {
    if (/[A-Z]/.test(text)) return { fault: 'can match nothing: names are lower case' };
    const [type, rest] = text.startsWith('function=') ? ['function', text.slice(9)] : ['', text];
    const dot = rest.indexOf('.');
    return { type, schema: dot < 0 ? '*' : rest.slice(0, dot), name: rest.slice(dot + 1) };
  },
};

/** What a policy of a test says otherwise than usual: everybody, everything, enforced. */
export type Wish = Partial<Omit<PolicyConfig, 'action' | 'limit'>> &
  Pick<PolicyConfig, 'action'> & { readonly limit?: Partial<NonNullable<PolicyConfig['limit']>> };

/** The first policy without a name is `p1`. */
export const policySet = (
  wishes: readonly Wish[],
  unparsed: PolicySetConfig['unparsed'] = 'deny',
): PolicySetConfig => ({
  unparsed,
  policies: wishes.map(({ limit, ...wish }, i) => ({
    name: `p${i + 1}`,
    mode: 'enforce',
    users: [],
    databases: [],
    applications: [],
    drivers: [],
    clients: [],
    operations: [],
    targets: [],
    when: '',
    message: '',
    ...wish,
    limit: limit
      ? { rate: null, concurrent: 0, rows: 0, bytes: 0, idleInTransactionMs: 0, per: 'user', ...limit }
      : null,
  })),
});

/** `select hr.pay`, `call function sleep`, `delete hr.pay…` (all that begin so), `delete *.` (all of an unknown schema), `admin` (no resource). */
export function access(text: string): Access {
  const [verb = '', ...rest] = text.split(' ');
  const [type, resource] = rest.length > 1 ? [rest[0]!, rest[1]!] : ['table', rest[0]];
  if (resource === undefined) return { verb, type: '', schema: '', name: '' };
  const dot = resource.indexOf('.');
  const schema = dot < 0 ? '' : resource.slice(0, dot);
  const open = resource.endsWith('…') ? ({ open: true } as const) : {};
  return { verb, type, schema: schema === '*' ? '' : schema, name: resource.slice(dot + 1).replace('…', ''), ...open };
}

export const op = (
  operation: string,
  accesses: readonly string[] = [],
  wishes: Partial<OperationFacts> = {},
): OperationFacts => ({
  operation,
  accesses: accesses.map(access),
  unresolved: '',
  hasWhere: true,
  limit: -1,
  stages: [],
  categories: [],
  ...wishes,
});

/** With an exchange for each operation. */
export function turnOf(facts: readonly OperationFacts[], session: SessionFacts = sessionOf()): Turn {
  const ops = facts.map(() => {
    const x = new Exchange();
    x.session = session;
    return x;
  });
  return { from: 0, to: 100, complete: true, ops, facts };
}

export function sessionOf(wishes: Partial<SessionFacts> = {}, client = '10.1.2.3:50000'): SessionFacts {
  const session = new SessionFacts(1, 'test', 'front', client, '127.0.0.1:5432', 0);
  return Object.assign(session, { user: 'ann', database: 'shop', application: 'web', driver: 'pg' }, wishes);
}

export const noJudgement = (): Judgement => ({
  verdict: VerdictCode.none,
  policy: '',
  shadowVerdict: VerdictCode.none,
  shadowPolicy: '',
  policySnapshot: '',
  maxRows: 0,
  maxReplyBytes: 0,
});

/** Remembers what it was told, one line each. */
export class RecordingObserver implements PolicyObserver {
  readonly log: string[] = [];
  readonly #keeps: boolean;

  constructor(keeps = true) {
    this.#keeps = keeps;
  }

  onLimited(limit: LimitRule, kind: LimitKind): void {
    this.log.push(`${limit.rule.policy.name} ${kind}`);
  }
  onUnresolved(): void {
    if (this.#keeps) this.log.push('unresolved');
  }
  onConditionFailure(failures: number): void {
    if (this.#keeps) this.log.push(`${failures} failed`);
  }
}
