import type { DigestNumbers, DigestRows } from '../../stats/digest-series.ts';
import { PacketReader } from '../../stats/packet.ts';
import { type QueryAnswer, type QueryRequest, queryRows } from './merged-rows-query.ts';
import { ROWS_VERSION, Section } from './rows.ts';
import { Admission, newcomerHash } from './rows-admission.ts';
import type { DigestFacts } from './rows-digests.ts';
import { Field, RowNumbers } from './rows-numbers.ts';
import type { Scope } from './rows-scopes.ts';
import { readNumbers } from './rows-wire.ts';

/** A row of all workers together. */
export interface MergedRow {
  digest: DigestFacts;
  readonly scope: Scope;
  readonly key: string;
  readonly numbers: RowNumbers;
  /** Its place in the table, -1 once it was folded into `other`. */
  at: number;
}

/** A digest that rows have. `past`: what rows of it had that were let go while others stayed: metrics must not fall. */
interface MergedDigest {
  readonly facts: DigestFacts;
  uses: number;
  past: RowNumbers | null;
}

/** A row of one worker: what it said last, and where that was added. `row` is null while it goes to `other`. */
interface Source {
  digest: DigestFacts;
  scope: Scope;
  row: MergedRow | null;
  last: RowNumbers;
}

interface WorkerRows {
  readonly sources: Map<number, Source>;
  readonly digests: Map<number, DigestFacts>;
  readonly scopes: Map<number, Scope>;
  /** The part of the worker's cumulative `other` that is accounted for here: added to `other`, or still in a row. */
  other: RowNumbers;
}

type Told =
  | { kind: 'begin'; uids: number[] }
  | { kind: 'gone'; uids: number[] }
  | { kind: 'other'; numbers: RowNumbers }
  | { kind: 'digest'; place: number; digest: DigestFacts }
  | { kind: 'scope'; place: number; scope: Scope }
  | RowTold;
type RowTold = { kind: 'row'; uid: number; digest: number; scope: number; numbers: RowNumbers };

export interface MergedRowsOptions {
  readonly maxRows?: number;
  readonly seed?: number;
}

/**
 * The rows of all workers, added up. Each worker tells cumulative numbers; what they grew by since it last told them is
 * added to the merged row, so what a worker had counted stays when it dies. A row that its worker let go keeps here what
 * it had; only what was never told of it arrives through that worker's `other`. Above its own bound the table folds cold
 * rows into `other` as workers do. Rows and `other` always add up to what the workers told.
 */
export class MergedRows {
  readonly maxRows: number;
  readonly other = new RowNumbers();
  evicted = 0;
  /** Buffers that could not be read: a dying worker's. */
  malformed = 0;
  /** Buffers from a worker that is known to be gone. */
  stale = 0;
  readonly #workers = new Map<string, WorkerRows>();
  readonly #retired = new Map<number, number>();
  readonly #byKey = new Map<string, MergedRow>();
  readonly #rows: MergedRow[] = [];
  readonly #digests = new Map<string, MergedDigest>();
  readonly #admission: Admission;

  constructor(options: MergedRowsOptions = {}) {
    this.maxRows = Math.max(1, options.maxRows ?? 10_000);
    this.#admission = new Admission(this.maxRows, options.seed ?? 0xfac75);
  }

  get rows(): readonly MergedRow[] {
    return this.#rows;
  }

  /** What a digest was told to be; undefined if no row has it. */
  digest(protocol: string, id: string): DigestFacts | undefined {
    return this.#digests.get(id + protocol)?.facts;
  }

  /** Applies a RowStore.changes() buffer, whole or not at all. False: it was malformed or stale, and counted. */
  apply(worker: number, incarnation: number, buf: Buffer): boolean {
    if (incarnation <= (this.#retired.get(worker) ?? -1)) {
      this.stale++;
      return false;
    }
    const told = decode(buf);
    if (told === null) {
      this.malformed++;
      return false;
    }
    const life = `${worker}.${incarnation}`;
    let from = this.#workers.get(life);
    if (from === undefined) {
      from = { sources: new Map(), digests: new Map(), scopes: new Map(), other: new RowNumbers() };
      this.#workers.set(life, from);
    }
    for (const part of told) this.#part(from, part);
    return true;
  }

  /** That life of the worker is over: what it had counted stays, what it (or an earlier one) still says is ignored. */
  retire(worker: number, incarnation: number): void {
    this.#retired.set(worker, Math.max(incarnation, this.#retired.get(worker) ?? -1));
    this.#workers.delete(`${worker}.${incarnation}`);
  }

  totals(): RowNumbers {
    const sum = new RowNumbers();
    for (const row of this.#rows) sum.add(row.numbers);
    sum.add(this.other);
    return sum;
  }

  /**
   * One sum a digest, over all its rows, for metrics; `systemOf` gives a protocol's `db.system.name`. A digest's numbers
   * never fall while any row has it. Those that `totals` has and no digest are the rest's.
   */
  digestRows(systemOf: (protocol: string) => string): DigestRows {
    const sums = new Map<DigestFacts, RowNumbers>();
    for (const { facts, past } of this.#digests.values()) {
      const sum = new RowNumbers();
      if (past !== null) sum.add(past);
      sums.set(facts, sum);
    }
    for (const row of this.#rows) sums.get(row.digest)?.add(row.numbers);
    const rows = [...sums].map(([facts, numbers]) => ({
      digest: facts.id,
      system: systemOf(facts.protocol),
      summary: facts.summary,
      ...digestNumbers(numbers),
    }));
    return { rows, totals: digestNumbers(this.totals()) };
  }

  /** Answers /api/queries. */
  query(request: QueryRequest): QueryAnswer {
    return queryRows(this.#rows, this.other, request);
  }

  #part(from: WorkerRows, part: Told): void {
    switch (part.kind) {
      case 'begin': {
        const alive = new Set(part.uids);
        for (const uid of [...from.sources.keys()]) if (!alive.has(uid)) this.#gone(from, uid);
        break;
      }
      case 'gone':
        for (const uid of part.uids) this.#gone(from, uid);
        break;
      case 'other':
        this.other.addChange(part.numbers, from.other);
        from.other = part.numbers;
        break;
      case 'digest':
        from.digests.set(part.place, this.#learn(part.digest));
        break;
      case 'scope':
        from.scopes.set(part.place, part.scope);
        break;
      case 'row':
        this.#row(from, part);
        break;
    }
  }

  /** The worker's `other` has this row's numbers now; the merged row has them here. */
  #gone(from: WorkerRows, uid: number): void {
    const source = from.sources.get(uid);
    if (source === undefined) return;
    from.other.add(source.last);
    from.sources.delete(uid);
  }

  #row(from: WorkerRows, part: RowTold): void {
    let source = from.sources.get(part.uid);
    if (part.digest > 0) {
      const told = from.digests.get(part.digest - 1);
      const scope = from.scopes.get(part.scope);
      if (told === undefined || scope === undefined) return;
      const digest = this.#digests.get(told.id + told.protocol)?.facts ?? told;
      if (source === undefined) {
        source = { digest, scope, row: null, last: new RowNumbers() };
        from.sources.set(part.uid, source);
      } else source.digest = digest;
      if (source.row !== null) source.row.digest = digest;
    }
    if (source === undefined) return;
    if (source.row === null || source.row.at < 0) source.row = this.#place(source);
    const calls = part.numbers.values[Field.calls]! - source.last.values[Field.calls]!;
    if (source.row !== null) this.#admission.heat[source.row.at]! += calls;
    (source.row?.numbers ?? this.other).addChange(part.numbers, source.last);
    source.last = part.numbers;
  }

  /** One object a digest for all rows that have it, with what was told last. */
  #learn(told: DigestFacts): DigestFacts {
    const shared = this.#digests.get(told.id + told.protocol);
    if (shared === undefined) return told;
    shared.facts.summary = told.summary;
    shared.facts.operation = told.operation;
    shared.facts.targets = told.targets;
    shared.facts.facts = told.facts;
    return shared.facts;
  }

  /** The merged row of a worker's row, made if there is room or a colder one. */
  #place(source: Source): MergedRow | null {
    const { digest, scope } = source;
    const key = JSON.stringify([
      digest.id,
      digest.protocol,
      scope.listener,
      scope.database,
      scope.user,
      scope.application,
    ]);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    let at = this.#rows.length;
    let heat = 1;
    if (at === this.maxRows) {
      heat = this.#admission.met(newcomerHash(key, 0));
      at = this.#admission.coldest();
      if (heat <= this.#admission.heat[at]!) return null;
      this.#evict(this.#rows[at]!);
    }
    const row: MergedRow = { digest, scope, key, numbers: new RowNumbers(), at };
    this.#rows[at] = row;
    this.#admission.heat[at] = heat;
    this.#byKey.set(key, row);
    const shared = this.#digests.get(digest.id + digest.protocol);
    if (shared === undefined) this.#digests.set(digest.id + digest.protocol, { facts: digest, uses: 1, past: null });
    else shared.uses++;
    return row;
  }

  #evict(row: MergedRow): void {
    this.other.add(row.numbers);
    this.#byKey.delete(row.key);
    row.at = -1;
    this.evicted++;
    const name = row.digest.id + row.digest.protocol;
    const shared = this.#digests.get(name);
    if (shared === undefined) return;
    if (--shared.uses === 0) this.#digests.delete(name);
    else {
      shared.past ??= new RowNumbers();
      shared.past.add(row.numbers);
    }
  }
}

/** The part of a row's numbers that metrics show. */
export const digestNumbers = ({ values, time }: RowNumbers): DigestNumbers => ({
  calls: values[Field.calls]!,
  errors: values[Field.errors]!,
  rowsReturned: values[Field.rowsReturned]!,
  rowsAffected: values[Field.rowsAffected]!,
  rowsMatched: values[Field.rowsMatched]!,
  requestBytes: values[Field.requestBytes]!,
  replyBytes: values[Field.replyBytes]!,
  hits: values[Field.hits]!,
  misses: values[Field.misses]!,
  redirected: values[Field.redirected]!,
  time,
});

/** What a changes() buffer says, or null if any of it cannot be read. */
function decode(buf: Buffer): Told[] | null {
  const r = new PacketReader(buf);
  const told: Told[] = [];
  if (r.u8() !== ROWS_VERSION) return null;
  while (r.left > 0 && !r.bad) {
    const section = r.u8();
    if (section === Section.begin || section === Section.gone) {
      const uids: number[] = [];
      for (let left = r.count(1); left > 0 && !r.bad; left--) uids.push(r.varint());
      told.push(section === Section.begin ? { kind: 'begin', uids } : { kind: 'gone', uids });
    } else if (section === Section.other) told.push({ kind: 'other', numbers: readNumbers(r) });
    else if (section === Section.digest) told.push({ kind: 'digest', place: r.varint(), digest: readDigest(r) });
    else if (section === Section.scope) {
      const place = r.varint();
      const scope = { listener: r.text(), database: r.text(), user: r.text(), application: r.text() };
      told.push({ kind: 'scope', place, scope });
    } else if (section === Section.row) {
      told.push({ kind: 'row', uid: r.varint(), digest: r.varint(), scope: r.varint(), numbers: readNumbers(r) });
    } else return null;
  }
  return r.bad ? null : told;
}

function readDigest(r: PacketReader): DigestFacts {
  const id = r.text();
  const protocol = r.text();
  const text = r.text();
  const sample = r.text();
  const summary = r.text();
  const operation = r.text();
  const targets: string[] = [];
  for (let left = r.count(1); left > 0 && !r.bad; left--) targets.push(r.text());
  const facts = r.text();
  return { id, protocol, text, sample, summary, operation, targets, facts };
}
