import type { Digest } from '../../src/exchange/digest.ts';
import type { OperationFacts } from '../../src/exchange/operation-facts.ts';
import { type Named, NameTable, nameFrom } from './names.ts';

/** What a statement does to the names of its session once it has completed. `name` folded as the server folds it. */
export interface NameEffect {
  readonly kind: 'prepare' | 'execute' | 'deallocate' | 'discard' | 'declare' | 'fetch' | 'close';
  /** '' = all. */
  readonly name: string;
  /** `prepare`: the statement that was prepared; `declare`: the cursor's. */
  readonly inner: Statement | null;
  /** `declare … with hold`: the cursor outlives its transaction. */
  readonly holdable: boolean;
}

/** A prepared statement, or the statement of one simple query where its names matter. */
export class Statement implements Named<Statement> {
  name: string;
  digest: Digest;
  /** What policies judge of it, each time that it runs; empty where none do, and of a text without a statement. */
  judged: readonly OperationFacts[] = UNJUDGED;
  /** The same without a schema for names that have none: the server looks them up anew where search_path has changed. */
  bare: readonly OperationFacts[] = UNJUDGED;
  traceparent: string;
  effect: NameEffect | null;
  /** Its text was longer than the digest cap. */
  truncated = false;
  /** Executions begun: from the second on, its trace context is stale. */
  runs = 0;
  /** Place of its Parse in the order of requests; -1 = before everything that is open. */
  place = -1;
  /** The batch (messages up to a Sync) of its Parse. */
  batch = 0;
  /** The server has said ParseComplete, or PREPARE has completed. */
  confirmed = false;
  next: Statement | null = null;

  constructor(name: string, digest: Digest, traceparent: string, effect: NameEffect | null) {
    this.name = name;
    this.digest = digest;
    this.traceparent = traceparent;
    this.effect = effect;
  }
}

/** A statement bound to parameters, ready to be executed, perhaps in several steps. */
export class Portal implements Named<Portal> {
  readonly name: string;
  /** Null: the client named a statement that we did not see prepared. */
  statement: Statement | null = null;
  runs = 0;
  /** Ties the steps together once it was suspended; 0 = it never was. */
  story = 0;
  place = -1;
  /** Open requests that point here: a portal in use is not reused. */
  uses = 0;
  holdable = false;
  next: Portal | null = null;

  constructor(name: string) {
    this.name = name;
  }
}

/**
 * The names of one session, as the server will know them when it has read everything that was sent so far. What is
 * not yet confirmed can be undone: see Pending.
 */
export class StatementBook {
  readonly named = new NameTable<Statement>();
  readonly portals = new NameTable<Portal>();
  unnamed: Statement | null = null;
  #unnamedPortal = new Portal('');
  readonly #cap: number;

  constructor(cap: number) {
    this.#cap = cap;
  }

  get full(): boolean {
    return this.named.size >= this.#cap;
  }

  find(buf: Buffer, start: number, end: number): Statement | null {
    return start === end ? this.unnamed : this.named.find(buf, start, end);
  }

  /** Puts a statement under its name. Returns what it replaced. */
  put(statement: Statement): Statement | null {
    if (statement.name !== '') return this.named.put(statement);
    const previous = this.unnamed;
    this.unnamed = statement;
    return previous;
  }

  /** Takes a name away. Returns what it meant. */
  remove(name: string): Statement | null {
    if (name !== '') return this.named.remove(name);
    const previous = this.unnamed;
    this.unnamed = null;
    return previous;
  }

  /** Back to what a name meant before. */
  restore(name: string, previous: Statement | null): void {
    if (previous === null) this.remove(name);
    else this.put(previous);
  }

  current(name: string): Statement | null {
    return name === '' ? this.unnamed : this.named.named(name);
  }

  findPortal(buf: Buffer, start: number, end: number): Portal | null {
    if (start === end) return this.#unnamedPortal.place === -2 ? null : this.#unnamedPortal;
    return this.portals.find(buf, start, end);
  }

  /** A fresh portal under a name: the unnamed one is the same object while nothing points to it. */
  bind(buf: Buffer, start: number, end: number, statement: Statement | null, place: number): Portal {
    let portal: Portal;
    if (start === end) {
      if (this.#unnamedPortal.uses > 0) this.#unnamedPortal = new Portal('');
      portal = this.#unnamedPortal;
      portal.runs = portal.story = 0;
    } else {
      portal = new Portal(nameFrom(buf, start, end));
      if (this.portals.size < this.#cap) this.portals.put(portal);
    }
    portal.statement = statement;
    portal.place = place;
    return portal;
  }

  declare(name: string, statement: Statement, holdable: boolean): void {
    if (name === '' || this.portals.size >= this.#cap) return;
    const portal = new Portal(name);
    portal.statement = statement;
    portal.holdable = holdable;
    this.portals.put(portal);
  }

  /** The transaction is over: portals older than this place are gone. */
  dropPortals(place: number): void {
    const unnamed = this.#unnamedPortal;
    if (unnamed.place < place) {
      unnamed.place = -2;
      unnamed.statement = null;
    }
    this.portals.sweep((portal) => !portal.holdable && portal.place < place);
  }

  closePortal(buf: Buffer, start: number, end: number): void {
    if (start === end) this.#unnamedPortal.place = -2;
    else this.portals.remove(nameFrom(buf, start, end));
  }

  /** A statement with an effect has completed; it stood at `place` in the order of requests. */
  settle(effect: NameEffect, place: number): void {
    switch (effect.kind) {
      case 'prepare':
        if (effect.inner !== null && !this.full && this.current(effect.name) === null) this.named.put(effect.inner);
        return;
      case 'deallocate':
        if (effect.name === '') this.named.sweep((statement) => statement.place < place);
        else if ((this.current(effect.name)?.place ?? place) < place) this.remove(effect.name);
        return;
      case 'discard':
        this.named.sweep((statement) => statement.place < place);
        if (this.unnamed !== null && this.unnamed.place < place) this.unnamed = null;
        this.portals.sweep((portal) => portal.place < place);
        return;
      case 'declare':
        if (effect.inner !== null) this.declare(effect.name, effect.inner, effect.holdable);
        return;
      case 'close':
        if (effect.name === '') this.portals.sweep((portal) => portal.place < place);
        else this.portals.remove(effect.name);
        return;
      case 'execute':
      case 'fetch':
        return;
    }
  }
}

const UNJUDGED: readonly OperationFacts[] = [];
