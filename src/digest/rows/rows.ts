import type { Digest } from '../../exchange/digest.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import { PacketWriter } from '../../stats/packet.ts';
import { Admission, newcomerHash } from './rows-admission.ts';
import { DigestTable } from './rows-digests.ts';
import { RowIndex } from './rows-index.ts';
import { CodeNames, type Counted, RowNumbers } from './rows-numbers.ts';
import { ScopeTable } from './rows-scopes.ts';
import { writeNumbers } from './rows-wire.ts';

export interface RowStoreOptions {
  /** Rows kept before the rest is folded into `other`. */
  readonly maxRows?: number;
  /** For the sampled choice of a cold row. */
  readonly seed?: number;
}

/** Sections of a changes() buffer; see RowStore.changes. */
export const Section = { begin: 1, gone: 2, other: 3, digest: 4, scope: 5, row: 6 } as const;
export const ROWS_VERSION = 4;

/**
 * A worker's digest rows: one a (digest, listener, database, user, application), counted since the worker began. Recording
 * a row that is known is a table look-up and a few typed-array adds. The table is bounded: a newcomer that is hot enough
 * takes the place of a cold row, whose numbers move to `other`; the rest is counted in `other` at once. So the totals are
 * always the rows plus `other`, exactly.
 */
export class RowStore {
  readonly maxRows: number;
  readonly other = new RowNumbers();
  /** A consumer's cache, by row: reset to -1 when the row becomes another or its digest's facts improve. */
  readonly series: Int32Array;
  evicted = 0;
  /** Newcomers' exchanges that found the table full and went straight to `other`. */
  refused = 0;
  #count = 0;
  readonly #rows: RowNumbers[] = [];
  readonly #digestOf: Int32Array;
  readonly #scopeOf: Int32Array;
  /** Never reused, so the other end can tell a row from the one that had its place before. */
  readonly #uids: Float64Array;
  #nextUid = 1;
  readonly #digests = new DigestTable();
  readonly #scopes: ScopeTable;
  readonly #index: RowIndex;
  readonly #admission: Admission;
  readonly #codes = new CodeNames();
  readonly #nameless = new Map<string, Digest>();

  readonly #dirty: Uint8Array;
  #dirtyRows: Int32Array;
  #dirtyCount = 0;
  /** Rows whose identity the other end has. */
  readonly #told: Uint8Array;
  readonly #toldDigests: (object | null)[] = [];
  readonly #toldScopes: (object | null)[] = [];
  #gone: number[] = [];
  #otherChanged = false;
  #begin = true;
  readonly #writer = new PacketWriter();

  constructor(options: RowStoreOptions = {}) {
    const rows = Math.max(1, Math.min(500_000, options.maxRows ?? 10_000));
    this.maxRows = rows;
    this.series = new Int32Array(rows).fill(-1);
    this.#digestOf = new Int32Array(rows);
    this.#scopeOf = new Int32Array(rows);
    this.#uids = new Float64Array(rows);
    this.#dirty = new Uint8Array(rows);
    this.#told = new Uint8Array(rows);
    this.#dirtyRows = new Int32Array(rows);
    this.#scopes = new ScopeTable(rows);
    this.#index = new RowIndex(this.#digestOf, this.#scopeOf);
    this.#admission = new Admission(rows, options.seed ?? 0x5eed);
  }

  get size(): number {
    return this.#count;
  }

  /**
   * Counts an ended exchange; `wall` is ms since the epoch, `before` what its progress reports have counted. Returns its
   * row, valid until the next record(), or -1 if it went to `other`.
   */
  record(x: Exchange, wall: number, before: Counted | null = null): number {
    const row = this.#rowOf(x);
    this.#touch(row).record(x, wall, before, this.#codes.nameOf);
    return row;
  }

  /** Counts the rows and bytes that an unfinished exchange has had since `before`, but no call. */
  progress(x: Exchange, wall: number, before: Counted | null): void {
    this.#touch(this.#rowOf(x)).traffic(x, wall, before);
  }

  /** All rows and `other` in one sum. */
  totals(): RowNumbers {
    const sum = new RowNumbers();
    for (let row = 0; row < this.#count; row++) sum.add(this.#rows[row]!);
    sum.add(this.other);
    return sum;
  }

  /** Everything from the start with the next changes(): for an end that knows nothing, or may have lost something. */
  snapshot(): void {
    this.#begin = true;
    this.#gone = [];
    this.#otherChanged = true;
    // Not `nothing`: the other end may be the same as before, and must hear of rows that go from here on.
    for (let row = 0; row < this.#count; row++) this.#told[row] = Told.stale;
    this.#toldDigests.length = 0;
    this.#toldScopes.length = 0;
    for (let row = 0; row < this.#count; row++) this.#soil(row);
  }

  /**
   * The next part of what changed since it was last asked, or null when all has been told. Values are cumulative, so a
   * part replaces what was told before; each part holds by itself: after it, rows and `other` add up again.
   *
   * Layout: version (1 byte), then sections, each a tag byte and its fields. `begin`: number and uids of all rows alive,
   * others are gone. `gone`: uids whose rows moved to `other`. `other`: numbers. `digest`: place, id, protocol, text,
   * summary, operation, targets, facts. `scope`: place, listener, database, user, application. `row`: uid, digest place + 1 (0 =
   * told before), scope place, numbers.
   */
  changes(maxBytes = 65_536): Buffer | null {
    this.#digests.refresh((place) => this.#improved(place));
    if (!this.#begin && this.#gone.length === 0 && !this.#otherChanged && this.#dirtyCount === 0) return null;
    const w = this.#writer;
    w.u8(ROWS_VERSION);
    if (this.#begin) {
      w.u8(Section.begin);
      w.varint(this.#count);
      for (let row = 0; row < this.#count; row++) w.varint(this.#uids[row]!);
      this.#begin = false;
    }
    if (this.#gone.length > 0) {
      w.u8(Section.gone);
      w.varint(this.#gone.length);
      for (const uid of this.#gone) w.varint(uid);
      this.#gone = [];
    }
    if (this.#otherChanged) {
      w.u8(Section.other);
      writeNumbers(w, this.other);
      this.#otherChanged = false;
    }
    while (this.#dirtyCount > 0 && w.length < maxBytes) {
      const row = this.#dirtyRows[--this.#dirtyCount]!;
      this.#dirty[row] = 0;
      this.#write(w, row);
    }
    return w.take();
  }

  #rowOf(x: Exchange): number {
    const scope = this.#scopes.of(x.session);
    const digest = x.digest ?? this.#namelessOf(x.session.protocol);
    const place = this.#digests.find(digest);
    const row = place < 0 ? -1 : this.#index.find(place, scope);
    if (row < 0) return this.#admit(digest, scope);
    this.#admission.heat[row]!++;
    return row;
  }

  #touch(row: number): RowNumbers {
    if (row < 0) {
      this.#otherChanged = true;
      return this.other;
    }
    if (this.#dirty[row] === 0) this.#soil(row);
    return this.#rows[row]!;
  }

  #soil(row: number): void {
    if (this.#dirty[row] !== 0) return;
    this.#dirty[row] = 1;
    this.#dirtyRows[this.#dirtyCount++] = row;
  }

  /** A row for a key that has none, or -1 if it must wait until it is hotter than some row. */
  #admit(digest: Digest, scope: number): number {
    let row = this.#count;
    let heat = 1;
    if (row === this.maxRows) {
      heat = this.#admission.met(newcomerHash(digest.id, scope));
      row = this.#admission.coldest();
      if (heat <= this.#admission.heat[row]!) {
        this.refused++;
        return -1;
      }
      this.#evict(row);
    } else this.#count++;
    const place = this.#digests.take(digest);
    this.#digests.entries[place]!.uses++;
    this.#scopes.uses[scope]!++;
    this.#digestOf[row] = place;
    this.#scopeOf[row] = scope;
    this.#uids[row] = this.#nextUid++;
    this.#admission.heat[row] = heat;
    this.#rows[row] = new RowNumbers();
    this.#told[row] = 0;
    this.series[row] = -1;
    this.#index.insert(row);
    return row;
  }

  #evict(row: number): void {
    this.#index.remove(row);
    this.other.add(this.#rows[row]!);
    this.#otherChanged = true;
    this.evicted++;
    if (this.#told[row] !== 0) this.#gone.push(this.#uids[row]!);
    this.#digests.release(this.#digestOf[row]!);
    this.#scopes.uses[this.#scopeOf[row]!]!--;
  }

  /** Rows of a digest about which more is known now are told anew. */
  #improved(place: number): void {
    this.#toldDigests[place] = null;
    for (let row = 0; row < this.#count; row++) {
      if (this.#digestOf[row] !== place) continue;
      this.series[row] = -1;
      this.#soil(row);
      this.#told[row] = Math.min(this.#told[row]!, Told.stale);
    }
  }

  #write(w: PacketWriter, row: number): void {
    const place = this.#digestOf[row]!;
    const scope = this.#scopeOf[row]!;
    if (this.#told[row] !== Told.known) {
      const entry = this.#digests.entries[place]!;
      if (this.#toldDigests[place] !== entry) {
        this.#toldDigests[place] = entry;
        w.u8(Section.digest);
        w.varint(place);
        const { id, protocol, text, sample, summary, operation } = entry;
        for (const field of [id, protocol, text, sample, summary, operation]) w.text(field);
        w.varint(entry.targets.length);
        for (const target of entry.targets) w.text(target);
        w.text(entry.facts);
      }
      const names = this.#scopes.scopes[scope]!;
      if (this.#toldScopes[scope] !== names) {
        this.#toldScopes[scope] = names;
        w.u8(Section.scope);
        w.varint(scope);
        for (const text of [names.listener, names.database, names.user, names.application]) w.text(text);
      }
    }
    w.u8(Section.row);
    w.varint(this.#uids[row]!);
    w.varint(this.#told[row] === Told.known ? 0 : place + 1);
    w.varint(scope);
    writeNumbers(w, this.#rows[row]!);
    this.#told[row] = Told.known;
  }

  #namelessOf(protocol: string): Digest {
    const known = this.#nameless.get(protocol);
    if (known !== undefined) return known;
    const digest: Digest = {
      id: '0000000000000000',
      protocol,
      text: '',
      summary: '',
      operation: '',
      targets: [],
      confidence: 'none',
      settled: true,
      literalSensitive: false,
      judged: null,
      truncated: false,
      sample: '',
      slot: -1,
    };
    this.#nameless.set(protocol, digest);
    return digest;
  }
}

/** What the other end has of a row's identity. */
const Told = { nothing: 0, stale: 1, known: 2 } as const;
