import { Kw } from './sql-keywords.ts';

/** Blocks deeper than this are one: no one writes them. */
const DEPTH_LIMIT = 64;

/** What the statement's beginning says about it. */
const Head = {
  none: -1, // nothing that holds statements
  start: 0,
  create: 1, // CREATE or ALTER: a routine's kind may follow
  routine: 2, // CREATE … PROCEDURE, FUNCTION, TRIGGER, EVENT
  begin: 3, // BEGIN: of a transaction, or NOT ATOMIC follows
  beginNot: 4,
  body: 5, // statements of MariaDB outside of a routine
} as const;

/**
 * Whether a semicolon stands inside the body of a routine, trigger or event, or inside a compound statement (MariaDB's
 * BEGIN NOT ATOMIC, and its IF, CASE, LOOP, WHILE, REPEAT and FOR outside of routines). Words that are names (`as end`,
 * `t.end`) and functions that are called like statements (`if(a, b, c)`, `repeat('x', 3)`) do not count. Where this
 * guesses wrong the pieces do not parse, so nothing is claimed.
 */
export class MysqlRoutineBody {
  /** One of Head; below 0 there is nothing to tell. */
  state: number = Head.start;
  depth = 0;
  readonly #blocks = new Uint8Array(DEPTH_LIMIT);

  start(): void {
    this.state = Head.start;
    this.depth = 0;
  }

  /**
   * Told of every word outside parentheses while `state` >= 0. `before`: the keyword right before it; `fresh`: a statement
   * may begin here (after a semicolon or a label's colon; before the body after whatever ends an operand).
   */
  word(kw: number, before: number, fresh: boolean): void {
    switch (this.state) {
      case Head.start:
        this.#first(kw);
        return;
      case Head.create:
        if (kw === Kw.routine) this.state = Head.routine;
        else if (kw === Kw.object) this.state = Head.none;
        return;
      case Head.begin:
        this.state = kw === Kw.not ? Head.beginNot : Head.none;
        return;
      case Head.beginNot:
        this.state = kw === Kw.atomic ? Head.body : Head.none;
        if (kw === Kw.atomic) this.#open(Kw.begin);
        return;
      default:
        this.#inBody(kw, before, fresh);
    }
  }

  #first(kw: number): void {
    if (kw === Kw.create || kw === Kw.alter) this.state = Head.create;
    else if (kw === Kw.begin) this.state = Head.begin;
    else if (opensBlock(kw) || kw === Kw.case) {
      this.state = Head.body;
      this.#open(kw);
    } else this.state = Head.none;
  }

  #inBody(kw: number, before: number, fresh: boolean): void {
    if (kw === Kw.end) {
      if (this.depth > 0 && before !== Kw.as && before !== Kw.xa) this.depth--;
      return;
    }
    if (before === Kw.end || before === Kw.as) return; // END IF, END CASE …
    if (kw === Kw.each && before === Kw.for) this.depth = Math.max(0, this.depth - 1);
    else if (kw === Kw.begin) {
      if (before !== Kw.xa) this.#open(kw);
    } else if (kw === Kw.case) this.#open(fresh || this.#statementAfter(before) ? kw : Kw.none);
    else if (opensBlock(kw)) {
      // CREATE PROCEDURE IF NOT EXISTS
      if (before !== Kw.routine && (fresh || this.#statementAfter(before))) this.#open(kw);
    }
  }

  /** True if a statement may follow this keyword here: not in `case … then if(a, b, c) end`. */
  #statementAfter(before: number): boolean {
    if (before === Kw.begin || before === Kw.loop || before === Kw.repeat || before === Kw.do) return true;
    if (before !== Kw.thenWord && before !== Kw.else) return false;
    return this.depth > 0 && this.#blocks[Math.min(this.depth, DEPTH_LIMIT) - 1] !== Kw.none;
  }

  #open(kw: number): void {
    if (this.depth < DEPTH_LIMIT) this.#blocks[this.depth] = kw;
    this.depth++;
  }
}

const opensBlock = (kw: number): boolean =>
  kw === Kw.if || kw === Kw.while || kw === Kw.loop || kw === Kw.repeat || kw === Kw.for;
