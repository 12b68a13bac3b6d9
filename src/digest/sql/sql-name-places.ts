import { Kw } from './sql-keywords.ts';

/** What the words of a statement are, by its first keyword. */
export const Names = {
  none: 0, // nothing special
  setName: 1, // SET name: values begin after = or TO
  setValue: 2,
  next: 3, // the next word is a name that is generated as often as not: SAVEPOINT, RELEASE, DEALLOCATE
  rollback: 4, // ROLLBACK: such a name after TO
} as const;

/**
 * Words that stand where others write a literal, and that pg_stat_statements takes for constants too: values in SET, the
 * names of roles in SET ROLE, of savepoints and of prepared statements. Asked only while `mode` is not none.
 */
export class NamePlaces {
  mode: number = Names.none;
  readonly #setTakesWords: boolean;

  /** @param setTakesWords words after SET's `=` are values, not expressions. */
  constructor(setTakesWords: boolean) {
    this.#setTakesWords = setTakesWords;
  }

  /** The statement's first word. */
  first(kw: number): void {
    if (kw === Kw.set) this.mode = this.#setTakesWords ? Names.setName : Names.none;
    else if (kw === Kw.savepoint || kw === Kw.release || kw === Kw.deallocate) this.mode = Names.next;
    else this.mode = kw === Kw.rollback ? Names.rollback : Names.none;
  }

  /** True if this word is written as a literal. `before`: the keyword right before it. */
  word(kw: number, before: number): boolean {
    switch (this.mode) {
      case Names.setName:
        if (kw === Kw.to || kw === Kw.role) this.mode = Names.setValue;
        return false;
      case Names.setValue:
        return kw !== Kw.default && kw !== Kw.to;
      case Names.rollback:
        if (before !== Kw.to) return false;
        this.mode = kw === Kw.savepoint ? Names.next : Names.none;
        return kw !== Kw.savepoint;
      default:
        // RELEASE SAVEPOINT x, DEALLOCATE PREPARE x, DEALLOCATE ALL
        if (kw === Kw.savepoint || kw === Kw.prepare || kw === Kw.all) return false;
        this.seen();
        return true;
    }
  }

  /** True if a quoted name here is written as a literal. */
  quoted(): boolean {
    if (this.mode !== Names.setValue && this.mode !== Names.next) return false;
    this.seen();
    return true;
  }

  equals(): void {
    if (this.mode === Names.setName) this.mode = Names.setValue;
  }

  /** The place is taken. */
  seen(): void {
    if (this.mode !== Names.setValue) this.mode = Names.none;
  }
}
