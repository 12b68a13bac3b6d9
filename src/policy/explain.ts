import { binaryName, type PolicyVocabulary } from '../exchange/operation-facts.ts';
import { compileCidr, parseIp } from './cidr.ts';
import { conditionFault } from './condition.ts';
import { covers } from './covers.ts';
import { globFault } from './glob.ts';
import { nearest } from './nearest.ts';
import type { LimitConfig, PolicyConfig, PolicySetConfig } from './policy-config.ts';
import { SUBJECT_FIELDS } from './subject.ts';
import { foldAscii, patternOf, UNRESOLVED_TARGET } from './target.ts';

/** One mistake in a set of policies, where it stands, and what is right. */
export interface PolicyFault {
  /** Place in the set; -1 = all of it. */
  readonly policy: number;
  /** A field of PolicyConfig: `targets`, `when`, `limit`; '' = the policy. */
  readonly field: string;
  /** Place in a list; -1 = the field. */
  readonly item: number;
  /** In the text of `when`, from 1; 0 = not in it. */
  readonly column: number;
  readonly text: string;
  readonly kind: 'error' | 'unreachable';
}

/** All mistakes, policy by policy. Without any, compilePolicies() takes the set. */
export function explain(
  config: PolicySetConfig,
  vocabulary: PolicyVocabulary | null,
  protocol: string,
): readonly PolicyFault[] {
  const { policies } = config;
  const others = new Others(policies, vocabulary);
  return policies.flatMap((policy, i) => {
    const faults = [
      ...subjectFaults(policy),
      ...operationFaults(policy, vocabulary, protocol),
      ...targetFaults(policy, vocabulary),
      ...whenFaults(policy),
      ...limitFaults(policy),
    ];
    // What is wrong in itself is not compared with others.
    const found = faults.length > 0 ? faults : others.unreachable(policy, i);
    return found.map((fault) => ({ policy: i, item: -1, column: 0, kind: 'error' as const, ...fault }));
  });
}

type Found = Pick<PolicyFault, 'field' | 'text'> & Partial<PolicyFault>;

function subjectFaults(policy: PolicyConfig): Found[] {
  const names = SUBJECT_FIELDS.flatMap(([field]) =>
    policy[field].flatMap((text, item): Found[] => {
      const fault = text === '' ? 'is empty: write "*" for anybody' : globFault(binaryName(text));
      return fault === '' ? [] : [{ field, item, text: `${quoted(text)} ${fault}` }];
    }),
  );
  const ranges = policy.clients.flatMap((text, item): Found[] => {
    if (compileCidr(text) !== null) return [];
    return [{ field: 'clients', item, text: `${quoted(text)} ${rangeFault(text)}` }];
  });
  return [...names, ...ranges];
}

function rangeFault(text: string): string {
  const [host, bits, ...more] = text.split('/') as [string, string?, ...string[]];
  const ip = more.length === 0 && !host.includes('%') ? parseIp(host) : null;
  if (ip === null) return 'is no address or range: write 10.0.0.0/8, 2001:db8::/32 or one address';
  const most = host.includes(':') ? 128 : 32;
  if (bits === undefined || !/^\d{1,3}$/.test(bits) || Number(bits) > most)
    return `has no prefix length from 0 to ${most} behind the /`;
  return `has bits behind its prefix: /${bits} does not reach to the end of ${host}`;
}

function operationFaults(policy: PolicyConfig, vocabulary: PolicyVocabulary | null, protocol: string): Found[] {
  if (vocabulary === null || vocabulary.operations === null) return [];
  const verbs = Object.keys(vocabulary.verbs);
  const operations = [...vocabulary.operations];
  const known = new Set([...verbs, ...operations].map(foldAscii));
  return policy.operations.flatMap((word, item): Found[] => {
    if (known.has(foldAscii(binaryName(word)))) return [];
    const near = nearest(foldAscii(word), [...verbs, ...operations]);
    const hint = near === null ? `; verbs are ${verbs.join(', ')}` : `; did you mean ${quoted(near)}?`;
    return [{ field: 'operations', item, text: `${quoted(word)} is no verb or operation of ${protocol}${hint}` }];
  });
}

function targetFaults(policy: PolicyConfig, vocabulary: PolicyVocabulary | null): Found[] {
  const { action, operations } = policy;
  const isVerb = (word: string): boolean => vocabulary !== null && Object.hasOwn(vocabulary.verbs, foldAscii(word));
  const onlyVerbs = action === 'allow' && operations.length > 0 && operations.every(isVerb);
  return policy.targets.flatMap((text, item): Found[] => {
    const fault = text === UNRESOLVED_TARGET && onlyVerbs ? NO_VERB : targetFault(text, vocabulary);
    return fault === '' ? [] : [{ field: 'targets', item, text: `${quoted(text)} ${fault}` }];
  });
}

const NO_VERB = 'cannot be allowed to verbs, for nobody knows what it does: name operations, or none';

function targetFault(text: string, vocabulary: PolicyVocabulary | null): string {
  if (text === UNRESOLVED_TARGET) return '';
  if (text === '') return 'is empty: write "*" for any';
  if (text.startsWith('$') && nearest(text, [UNRESOLVED_TARGET]) !== null)
    return `can match nothing; did you mean ${quoted(UNRESOLVED_TARGET)}?`;
  const pattern = patternOf(text, vocabulary);
  if ('fault' in pattern) return pattern.fault;
  return globFault(pattern.schema) || globFault(pattern.name);
}

function whenFaults({ when }: PolicyConfig): Found[] {
  const fault = when === '' ? null : conditionFault(when);
  return fault === null ? [] : [{ field: 'when', ...fault }];
}

const REPLIES = ['rows', 'bytes'] as const;

function limitFaults(policy: PolicyConfig): Found[] {
  const { action, limit } = policy;
  if (action !== 'limit')
    return limit === null ? [] : [{ field: 'limit', text: `is of action limit, and this is ${action}` }];
  if (limit === null || isEmpty(limit))
    return [{ field: 'limit', text: 'limits nothing: give it rate, concurrent, rows, bytes or idle_in_transaction' }];
  const faults: Found[] = [];
  const complain = (field: string, text: string) => void faults.push({ field, text });
  const { rate, per } = limit;
  if (rate !== null && (rate.count <= 0 || rate.perMs <= 0 || rate.burst < 1))
    complain('limit.rate', 'must let at least one operation pass');
  const onlyIdle = rate === null && limit.concurrent === 0 && REPLIES.every((field) => limit[field] === 0);
  if (onlyIdle)
    for (const field of ['operations', 'targets', 'when'] as const)
      if (policy[field].length > 0)
        complain(field, 'means nothing to idle_in_transaction, which is about connections and not about operations');
  const sums = rate !== null || limit.concurrent > 0;
  if (!sums && per !== 'user') complain('limit.per', 'means nothing where neither rate nor concurrent is limited');
  return faults;
}

const isEmpty = ({ rate, concurrent, rows, bytes, idleInTransactionMs }: LimitConfig): boolean =>
  rate === null && concurrent === 0 && rows === 0 && bytes === 0 && idleInTransactionMs === 0;

/** Policies that are compared with denies that may hide them; time is the square of it. */
const MAX_COMPARED = 2000;

/** A policy that can never decide anything is a mistake, and often one that lets in what it should keep out. */
class Others {
  readonly #vocabulary: PolicyVocabulary | null;
  /** The first that says a thing, by all that it says. */
  readonly #first = new Map<string, { readonly policy: PolicyConfig; readonly place: number }>();
  readonly #denies: readonly { readonly policy: PolicyConfig; readonly place: number }[];

  constructor(policies: readonly PolicyConfig[], vocabulary: PolicyVocabulary | null) {
    this.#vocabulary = vocabulary;
    const placed = policies.map((policy, place) => ({ policy, place }));
    for (const each of placed) {
      const said = saying(each.policy);
      if (!this.#first.has(said)) this.#first.set(said, each);
    }
    const compares = policies.length <= MAX_COMPARED;
    this.#denies = placed.filter(({ policy }) => compares && policy.action === 'deny' && policy.when === '');
  }

  unreachable(policy: PolicyConfig, place: number): Found[] {
    const told = (text: string): Found[] => [{ field: '', text, kind: 'unreachable' }];
    const same = this.#first.get(saying(policy))!;
    if (same.place < place) return told(`says the same as ${quoted(same.policy.name)} before it`);
    if (policy.action === 'limit') return [];
    // A deny wins wherever it stands; of two denies the first is named.
    const isAllow = policy.action === 'allow';
    const wider = this.#denies.find(
      (other) => (isAllow || other.place < place) && covers(other.policy, policy, this.#vocabulary),
    );
    if (wider === undefined) return [];
    const name = quoted(wider.policy.name);
    return told(
      isAllow
        ? `allows nothing: all of it is denied by ${name}`
        : `is never reached: all of it is denied by ${name} before it`,
    );
  }
}

/** All but what it is called and what it says to the client. */
const saying = (policy: PolicyConfig): string => JSON.stringify({ ...policy, name: '', message: '' });

const quoted = (text: string): string => JSON.stringify(text);
