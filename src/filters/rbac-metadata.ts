import type { Digest, Target } from '../exchange/digest.ts';
import { Exchange } from '../exchange/exchange.ts';
import { type Access, type OperationFacts, shownName } from '../exchange/operation-facts.ts';
import type { ProtocolFilter } from '../exchange/protocol-filter.ts';
import type { SessionFacts } from '../exchange/session-facts.ts';
import type { Metadata } from '../policy/rbac/rbac-input.ts';
import { OPERATION_NAMESPACE } from '../policy/rbac/reads.ts';

/**
 * Dynamic metadata of one operation, as rules see it: what its protocol filter tells (Envoy's namespace and ours), and
 * `sluice.operation`. Made of the facts that policies judge, not of the digest, which is folded and bounded for statistics.
 */
export function operationMetadata(
  protocol: Pick<ProtocolFilter, 'metadata' | 'name' | 'vocabulary'>,
  facts: OperationFacts,
  session: SessionFacts,
  kind: string,
): Record<string, Record<string, unknown>> {
  const x = new Exchange();
  x.session = session;
  x.kind = kind;
  x.digest = digestOf(protocol.name, facts);
  return {
    ...protocol.metadata([x]),
    [OPERATION_NAMESPACE]: {
      protocol: protocol.name,
      operation: facts.operation,
      verbs: unique(facts.accesses.map(({ verb }) => verb)),
      targets: unique(facts.accesses.filter(({ name }) => name !== '').map(targetText)),
      types: unique(facts.accesses.map(({ type }) => type).filter((type) => type !== '')),
      unresolved: whyUnresolved(facts, protocol.vocabulary?.guarded),
      has_where: facts.hasWhere,
      limit: facts.limit,
      stages: [...facts.stages],
      categories: [...facts.categories],
      user: session.user,
      database: session.database,
      application: session.application,
    },
  };
}

/**
 * Why more may be done than can be named, '' = nothing more: who has access to all of a kind is named by none of it, and of
 * what is guarded (a COPY that runs a program) the names of its tables say too little.
 */
export function whyUnresolved(facts: OperationFacts, guarded: readonly string[] = []): string {
  if (facts.unresolved !== '') return facts.unresolved;
  if (facts.accesses.some(isOfMany)) return 'access to all of a kind';
  const verb = facts.accesses.find((access) => guarded.includes(access.verb))?.verb;
  return verb === undefined ? '' : `may ${verb}`;
}

const isOfMany = ({ type, name, open }: Access): boolean => (type !== '' && name === '') || open === true;

const unique = (words: readonly string[]): string[] => [...new Set(words)];

const targetText = ({ schema, name }: Access): string =>
  schema === '' ? shownName(name) : `${shownName(schema)}.${shownName(name)}`;

/** Of the types that a protocol's targets are; others, such as functions, are no tables. Absent: all of them. */
const TARGET_TYPES: Readonly<Record<string, string>> = { postgres: 'table', mysql: 'table', mongodb: 'collection' };

/** Words of targets that are others as verbs: MongoDB's `read` is what its targets, and Envoy, call a query. */
const TARGET_WORDS: Readonly<Record<string, Readonly<Record<string, string>>>> = { mongodb: { read: 'select' } };

function digestOf(protocol: string, { operation, accesses, unresolved }: OperationFacts): Digest {
  const targets = new Map<string, Target & { readonly operations: string[] }>();
  const wanted = TARGET_TYPES[protocol];
  const words = TARGET_WORDS[protocol] ?? {};
  for (const { verb, type, schema, name } of accesses) {
    if (name === '' || (wanted !== undefined && type !== wanted)) continue;
    // Kafka's targets tell groups from topics by their schema.
    const place = protocol !== 'kafka' ? shownName(schema) : type === 'topic' ? '' : type;
    const key = `${place}\0${name}`;
    const target = targets.get(key) ?? { schema: place, name: shownName(name), operations: [] };
    targets.set(key, target);
    const word = words[verb] ?? verb;
    if (!target.operations.includes(word)) target.operations.push(word);
  }
  return {
    id: '',
    protocol,
    text: '',
    summary: operation,
    operation,
    targets: [...targets.values()],
    confidence: unresolved === '' ? 'parsed' : 'none',
    settled: true,
    literalSensitive: false,
    judged: null,
    sample: '',
    truncated: false,
    slot: -1,
  };
}

/** Metadata that filters have set on the connection; rules of a message see both. */
export const connectionMetadata = (spaces: ReadonlyMap<string, Record<string, unknown>>): Metadata =>
  Object.fromEntries(spaces);
