import type { Problem } from './snapshot.ts';
import type { Json, Path } from './tree.ts';

/** A tree with the place of each of its values: a parsed file, or the command line. */
export interface Source {
  /** Printed before the position: the file's name as given, or `command line`. */
  readonly file: string;
  readonly tree: Json | undefined;
  /** Line and column from 1 of a value or of the key that holds it; 0 where the source has no lines. */
  locate(path: Path, what: 'key' | 'value'): { readonly line: number; readonly column: number };
  /** What the operator calls this place. */
  label(path: Path): string;
}

/** Where a value comes from. A compiled value keeps the place of the text it was compiled from. */
export interface Place {
  readonly source: Source;
  readonly path: Path;
}

/** From a path in the full form to the place where the operator wrote it. */
export type PlaceOf = (path: Path) => Place;

export function problemAt(place: Place, what: 'key' | 'value', message: string): Problem {
  const { line, column } = place.source.locate(place.path, what);
  return { file: place.source.file, line, column, path: place.source.label(place.path), message };
}

/** `file:line:col path: message`, on one line. */
export function formatProblem(problem: Problem): string {
  const position = problem.line > 0 ? `${problem.file}:${problem.line}:${problem.column}` : problem.file;
  return `${position}${problem.path === '' ? '' : ` ${problem.path}`}: ${problem.message}`;
}

/** In reading order, each once. */
export function inReadingOrder(problems: readonly Problem[]): Problem[] {
  const byText = new Map(problems.map((problem) => [formatProblem(problem), problem]));
  return [...byText.values()].sort((a, b) => a.line - b.line || a.column - b.column);
}

/** `listeners[0].filter_chains[0].filters[1].typed_config.@type` */
export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[\w@$-]+$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${show(step)}]`;
  }
  return text;
}

const SHOWN_CHARACTERS = 80;

/**
 * A value as a message may print it: short, on one line, and without what looks like a password. Everything between
 * `://` and the last `@` goes, because a password may hold any character.
 */
export function show(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a map';
  if (typeof value !== 'string') return String(value);
  const redacted = redact(value);
  const cut = redacted.length > SHOWN_CHARACTERS ? `${redacted.slice(0, SHOWN_CHARACTERS)}…` : redacted;
  return escapeControls(JSON.stringify(cut));
}

export function redact(text: string): string {
  return text
    .replace(/:\/\/.*@/s, '://[redacted]@')
    .replace(/((?:password|passwd|pwd|secret|token)[^=:\s]*\s*[=:]\s*)\S+/gi, '$1[redacted]');
}

/** Control, format and surrogate characters as \uXXXX: a file's text must not drive the terminal. */
export const escapeControls = (text: string): string =>
  text.replace(/[\p{C}\u2028\u2029]/gu, (c) => `\\u${c.codePointAt(0)!.toString(16).padStart(4, '0')}`);

/** The candidate that the name was most likely meant to be, or null. camelCase finds its snake_case. */
export function nearest(name: string, candidates: readonly string[]): string | null {
  const plain = name
    .slice(0, 64)
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replaceAll('-', '_');
  let best: string | null = null;
  let least = Math.max(1, Math.floor(plain.length / 3)) + 1;
  for (const candidate of candidates) {
    const d = distance(plain, candidate.toLowerCase());
    if (d < least) {
      best = candidate;
      least = d;
    }
  }
  return best;
}

/** Edits between two words: insertions, deletions, replacements and neighbours swapped. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, before[j - 2]! + 1);
      row.push(least);
    }
    before = above;
    above = row;
  }
  return above[b.length]!;
}
