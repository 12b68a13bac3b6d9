import type { Digest } from '../../exchange/digest.ts';
import { seenFactsText } from '../seen-facts.ts';
import { bounded } from './rows-scopes.ts';

/** What a row keeps of a digest: copies, so that a digest the cache has let go is not held by it. */
export interface DigestFacts {
  readonly id: string;
  readonly protocol: string;
  readonly text: string;
  /** The first text seen, where literals are shown; else ''. */
  readonly sample: string;
  summary: string;
  operation: string;
  /** As written, `schema.name` or `name`; sorted, each once. */
  targets: readonly string[];
  /** JSON (seen-facts.ts). */
  facts: string;
}

export interface DigestEntry extends DigestFacts {
  /** Rows that use it. */
  uses: number;
  /** The live digest while its facts may still improve. */
  source: Digest | null;
  confidence: string;
}

const TEXT_BYTES = 8192;
const SHORT_TEXT = 256;
/** Characters of all texts together before new ones are kept short. */
const TEXT_BUDGET = 6 * 2 ** 20;
const MAX_SLOT = 2 ** 22;
const MAX_TARGETS = 64;

/**
 * The digests that rows refer to, as small numbers. Found through the digest's slot, and recognised by id, so a slot that
 * the cache has given to another digest leads to that other one's entry or to none, never to a wrong one.
 */
export class DigestTable {
  readonly entries: (DigestEntry | null)[] = [];
  readonly #byKey = new Map<string, number>();
  readonly #free: number[] = [];
  #slots = new Int32Array(1024).fill(-1);
  readonly #unsettled = new Set<number>();
  #heldText = 0;

  /** Place of the digest, or -1 if no row uses it. */
  find(digest: Digest): number {
    const slot = digest.slot;
    if (slot < this.#slots.length) {
      const place = this.#slots[slot]!;
      if (place >= 0) {
        const entry = this.entries[place]!;
        if (entry !== null && entry.id === digest.id && entry.protocol === digest.protocol) return place;
      }
    }
    const place = this.#byKey.get(keyOf(digest));
    if (place === undefined) return -1;
    this.#point(slot, place);
    this.#watch(place, digest);
    return place;
  }

  /** Place of the digest, made if need be. The caller adds to `uses`. */
  take(digest: Digest): number {
    const known = this.find(digest);
    if (known >= 0) return known;
    const place = this.#free.pop() ?? this.entries.length;
    const text = bounded(digest.text, this.#heldText < TEXT_BUDGET ? TEXT_BYTES : SHORT_TEXT);
    const sample = bounded(digest.sample, this.#heldText < TEXT_BUDGET ? TEXT_BYTES : SHORT_TEXT);
    this.#heldText += text.length + sample.length;
    const facts = this.#factsOf(digest);
    this.entries[place] = {
      id: digest.id,
      protocol: digest.protocol,
      text,
      sample,
      summary: bounded(digest.summary, 255),
      operation: bounded(digest.operation, 64),
      targets: targetNames(digest),
      facts,
      uses: 0,
      source: null,
      confidence: digest.confidence,
    };
    this.#byKey.set(keyOf(digest), place);
    this.#point(digest.slot, place);
    this.#watch(place, digest);
    return place;
  }

  release(place: number): void {
    const entry = this.entries[place]!;
    if (entry === null || --entry.uses > 0) return;
    this.#heldText -= entry.text.length + entry.sample.length + entry.facts.length;
    this.#byKey.delete(keyOf(entry));
    this.#unsettled.delete(place);
    this.entries[place] = null;
    this.#free.push(place);
  }

  /** Takes over what parsers found out since the last call; `changed` is told each place whose facts did change. */
  refresh(changed: (place: number) => void): void {
    for (const place of this.#unsettled) {
      const entry = this.entries[place]!;
      const source = entry?.source;
      if (!entry || !source) {
        this.#unsettled.delete(place);
        continue;
      }
      const better =
        source.confidence !== entry.confidence ||
        source.summary !== entry.summary ||
        source.operation !== entry.operation ||
        (entry.facts !== '' && seenFactsText(source) !== entry.facts);
      if (better) {
        entry.summary = bounded(source.summary, 255);
        entry.operation = bounded(source.operation, 64);
        entry.targets = targetNames(source);
        this.#heldText -= entry.facts.length;
        entry.facts = this.#factsOf(source);
        entry.confidence = source.confidence;
        changed(place);
      }
      if (source.settled) {
        entry.source = null;
        this.#unsettled.delete(place);
      }
    }
  }

  /** '' where there is no room: half of them cannot be read. */
  #factsOf(digest: Digest): string {
    const text = seenFactsText(digest);
    if (text.length > SHORT_TEXT && this.#heldText >= TEXT_BUDGET) return '';
    this.#heldText += text.length;
    return text;
  }

  #point(slot: number, place: number): void {
    if (slot < 0 || slot >= MAX_SLOT) return;
    if (slot >= this.#slots.length) {
      const grown = new Int32Array(2 ** Math.ceil(Math.log2(slot + 1))).fill(-1);
      grown.set(this.#slots);
      this.#slots = grown;
    }
    this.#slots[slot] = place;
  }

  #watch(place: number, digest: Digest): void {
    const entry = this.entries[place]!;
    if (digest.settled && digest.confidence === entry.confidence) return;
    entry.source = digest;
    this.#unsettled.add(place);
  }
}

const keyOf = (digest: { readonly id: string; readonly protocol: string }): string => `${digest.id}${digest.protocol}`;

function targetNames(digest: Digest): string[] {
  const names = new Set<string>();
  for (const target of digest.targets.slice(0, MAX_TARGETS)) {
    names.add(bounded(target.schema === '' ? target.name : `${target.schema}.${target.name}`, 256));
  }
  return [...names].sort();
}
