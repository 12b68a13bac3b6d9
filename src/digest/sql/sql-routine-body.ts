import { Kw } from './sql-keywords.ts';

/**
 * Whether a semicolon stands inside the SQL body of a routine: CREATE [OR REPLACE] FUNCTION|PROCEDURE … BEGIN ATOMIC …
 * END, where CASE has an END of its own. psql's way (psqlscan.l), but BEGIN must be followed by ATOMIC, and words that
 * are names (`as end`, `t.end`) do not count. Where this guesses wrong the pieces do not parse, so nothing is claimed.
 */
export class RoutineBody {
  /** 0–3: how far the statement's beginning is that of CREATE FUNCTION; 4: it is; -1: it is not. */
  state = 0;
  depth = 0;

  start(): void {
    this.state = 0;
    this.depth = 0;
  }

  /** Told of every word at parenthesis depth 0 while `state` >= 0. `before`: the keyword right before it. */
  word(kw: number, before: number): void {
    if (this.state < 4) {
      this.state = next(this.state, kw);
      return;
    }
    if (before === Kw.as) return;
    if (kw === Kw.atomic && before === Kw.begin && this.depth === 0) this.depth = 1;
    else if (kw === Kw.case && this.depth > 0) this.depth++;
    else if (kw === Kw.end && this.depth > 0) this.depth--;
  }
}

const next = (state: number, kw: number): number => {
  if (state === 0 && kw === Kw.create) return 1;
  if (state === 1 && kw === Kw.or) return 2;
  if (state === 2 && kw === Kw.replace) return 3;
  return (state === 1 || state === 3) && kw === Kw.routine ? 4 : -1;
};
