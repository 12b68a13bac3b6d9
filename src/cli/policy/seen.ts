import { createReadStream } from 'node:fs';
import { type SeenFacts, seenFactsOf } from '../../digest/seen-facts.ts';
import type { Access, OperationFacts, PolicyVocabulary } from '../../exchange/operation-facts.ts';
import { binaryName } from '../../exchange/operation-facts.ts';

/** Exchanges of one digest and one client, as the admin API or an access log tells them. */
export interface Seen {
  readonly listener: string;
  readonly protocol: string;
  readonly user: string;
  readonly database: string;
  readonly application: string;
  readonly driver: string;
  /** Address and port. */
  readonly client: string;
  readonly operation: string;
  readonly digest: string;
  readonly text: string;
  readonly facts: SeenFacts | null;
  readonly flags: readonly string[];
  /** Ms since the epoch; 0 = not told. */
  readonly at: number;
  /** A policy has denied it already. */
  readonly wasDenied: boolean;
  readonly calls: number;
}

/** Lines of a JSON access log; what is no exchange is null. `-` is stdin. Throws Node's error where the file cannot be read. */
export async function* readExchanges(file: string): AsyncGenerator<Seen | null> {
  const input = file === '-' ? process.stdin : createReadStream(file);
  input.setEncoding('utf8');
  let rest = '';
  for await (const chunk of input) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop()!;
    for (const line of lines) yield exchangeOf(line);
  }
  if (rest !== '') yield exchangeOf(rest);
}

/** One line; null where it is none of an exchange. */
export function exchangeOf(line: string): Seen | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const fields = value as Record<string, unknown>;
  if (fields['event'] !== 'exchange') return null;
  const text = (name: string): string => (typeof fields[name] === 'string' ? fields[name] : '');
  const flags = Array.isArray(fields['flags']) ? fields['flags'].filter((flag) => typeof flag === 'string') : [];
  return {
    listener: text('listener'),
    protocol: text('protocol'),
    user: text('user'),
    database: text('database'),
    application: text('application'),
    driver: text('driver'),
    client: text('client'),
    operation: text('operation'),
    digest: text('digest'),
    text: text('text'),
    facts: seenFactsOf(fields['facts']),
    flags,
    at: Date.parse(text('ts')) || 0,
    wasDenied: text('outcome') === 'denied',
    calls: typeof fields['weight'] === 'number' && fields['weight'] > 0 ? fields['weight'] : 1,
  };
}

/** What of an operation can be judged after the fact. */
export interface SeenOperation {
  readonly facts: OperationFacts;
  /** False: as far as its digest tells, which may fold names and leave some out. */
  readonly exact: boolean;
  /** False: its digest does not tell what it does, be it that this depends on literals. */
  readonly told: boolean;
}

/** Null: nothing is known of it but its name. */
export function operationOf(
  { operation, facts }: Pick<Seen, 'operation' | 'facts'>,
  vocabulary: PolicyVocabulary,
): SeenOperation | null {
  if (facts === null) return null;
  const of = (accesses: readonly Access[], unresolved: string, hasWhere: boolean, limit: number): OperationFacts => ({
    operation,
    accesses,
    unresolved,
    hasWhere,
    limit,
    stages: [],
    categories: [],
  });
  if ('accesses' in facts) {
    const accesses = facts.accesses.map(([verb, type, schema, name]): Access => {
      return { verb, type, schema: binaryName(schema), name: binaryName(name) };
    });
    return { facts: of(accesses, facts.unresolved, facts.has_where, facts.limit), exact: true, told: true };
  }
  const targets = facts.targets.map(([schema, name, operations]) => ({ schema, name, operations }));
  const accesses = vocabulary.seen
    ? vocabulary.seen(operation, targets)
    : targets.flatMap((target) => accessesOf(target, vocabulary));
  const told = accesses !== null && (vocabulary.seen !== undefined || accesses.length > 0);
  return { facts: of(accesses ?? [], '', true, -1), exact: false, told };
}

/** Words of a target that are verbs of its protocol; where none is, a verb without a name: the operation's own has to do. */
function accessesOf(
  { schema, name, operations }: { schema: string; name: string; operations: readonly string[] },
  vocabulary: PolicyVocabulary,
): Access[] {
  const verbs = operations.filter((word) => Object.hasOwn(vocabulary.verbs, word));
  const pattern = vocabulary.target(schema === '' ? name : `${schema}.${name}`);
  const type = 'fault' in pattern ? '' : pattern.type;
  return (verbs.length > 0 ? verbs : ['']).map((verb) => ({
    verb,
    type,
    schema: binaryName(schema),
    name: binaryName(name),
  }));
}
