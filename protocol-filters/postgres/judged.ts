import { doubted, unresolvedFacts } from '../../src/digest/facts/judged-facts.ts';
import type { Digest, DigestCache, SqlMode } from '../../src/exchange/digest.ts';
import type { Access, OperationFacts } from '../../src/exchange/operation-facts.ts';

/** Facts of what is no SQL text. */
const access = (operation: string, verb: string, type = ''): OperationFacts => ({
  ...unresolvedFacts(operation, '', [{ verb, type, schema: '', name: '' }]),
});

/** A function by its number: `fastpath`, whatever it does. */
export const FUNCTION_CALL = access('FUNCTION CALL', 'fastpath', 'function');
/** A statement of which the session does not know the text. */
export const UNSEEN = unresolvedFacts('EXECUTE', 'runs a statement that was not seen being prepared');
/** A text without a statement in it. */
export const NOTHING = unresolvedFacts('NONE', '');
/** A step of a batch in which an earlier one may have changed how text reads. */
const UNSURE = 'how the text reads may have changed before it in the same batch';
const ENCODING = 'a name is not ASCII, and the session does not speak UTF-8 with the server';

/** Commands of a walsender that are no SQL. */
const REPLICATION = new Set(
  (
    'IDENTIFY_SYSTEM START_REPLICATION CREATE_REPLICATION_SLOT DROP_REPLICATION_SLOT ALTER_REPLICATION_SLOT ' +
    'READ_REPLICATION_SLOT TIMELINE_HISTORY BASE_BACKUP UPLOAD_MANIFEST'
  ).split(' '),
);
const REPLICATES = new Map<string, OperationFacts>();
for (const command of REPLICATION) REPLICATES.set(command, access(command, 'replication'));

/** How the text at hand is to be taken. */
export interface Circumstances {
  readonly mode: SqlMode;
  /** Names that are not ASCII mean what their bytes say in UTF-8. */
  readonly namesAreUtf8: boolean;
  /** Where names without a schema are looked up; '' = not known, or not only there. */
  readonly schema: string;
  readonly isWalsender: boolean;
}

/**
 * What policies judge of one statement, buf[start..end), whose settled digest is given. `whole`: more statements than that
 * may stand there. The same object where the same is meant.
 */
export function judgedText(
  digests: DigestCache,
  { mode, namesAreUtf8, schema, isWalsender }: Circumstances,
  digest: Digest,
  buf: Buffer,
  start: number,
  end: number,
  whole: boolean,
): OperationFacts {
  const facts = digests.judgedOf(mode, digest, buf, start, end, whole);
  if (isWalsender && facts.unresolved !== '') return REPLICATES.get(digest.operation) ?? facts;
  if (!namesAreUtf8 && facts.accesses.some(({ schema, name }) => NOT_ASCII.test(schema) || NOT_ASCII.test(name)))
    return doubted(facts, ENCODING);
  return resolved(facts, schema);
}
const NOT_ASCII = /[\x80-\xff]/;

/** Several facts as those of one operation that may be any of them. */
export const joined = (all: readonly OperationFacts[]): OperationFacts => ({
  ...all[0]!,
  accesses: all.flatMap(({ accesses }) => accesses),
  unresolved: all.find(({ unresolved }) => unresolved !== '')?.unresolved ?? '',
  hasWhere: all.every(({ hasWhere }) => hasWhere),
  limit: -1,
});

export const unsure = (facts: OperationFacts): OperationFacts => doubted(facts, UNSURE);

/** Text that the gate itself will not let pass, for its events. */
export const unreadable = (digest: Digest, why: string): OperationFacts => unresolvedFacts(digest.operation, why);

/** Facts with their names resolved, by schema: kept, so that who judges can remember verdicts. */
const RESOLVED = new Map<string, WeakMap<OperationFacts, OperationFacts>>();
const MOST_SCHEMAS = 256;

/** Relations without a schema are those of `schema`; but catalogs, which come first wherever a session looks. */
export function resolved(facts: OperationFacts, schema: string): OperationFacts {
  if (schema === '' || !facts.accesses.some(isBare)) return facts;
  let known = RESOLVED.get(schema);
  if (known === undefined) {
    if (RESOLVED.size >= MOST_SCHEMAS) RESOLVED.clear();
    known = new WeakMap();
    RESOLVED.set(schema, known);
  }
  let view = known.get(facts);
  if (view === undefined) {
    view = { ...facts, accesses: facts.accesses.map((each) => (isBare(each) ? { ...each, schema } : each)) };
    known.set(facts, view);
  }
  return view;
}

const isBare = ({ type, schema, name }: Access): boolean =>
  type === 'table' && schema === '' && name !== '' && !name.startsWith('pg_');

/** Does it only read? Then a reply that is cut short leaves nothing behind. */
export const onlyReads = ({ accesses, unresolved }: OperationFacts): boolean =>
  unresolved === '' && accesses.every(({ verb }) => READS.has(verb));
const READS = new Set(['select', 'lock', 'copy_to', 'session']);
