/**
 * `/stats?filter=`: a regular expression found anywhere in a name, in RE2's syntax as far as names need it: literals, `.`,
 * classes `[a-z]` `[^.]` `\d` `\w` `\s`, groups, `|`, `*` `+` `?` and the anchors `^` `$`. No counted repetition and no
 * back-references. All states are followed at once (Thompson), so time is pattern × name, whatever the pattern: a page
 * that anyone near the port can ask for must not be stopped by `(a+)+$`.
 */
export type NameFilter = (name: string) => boolean;

export class FilterSyntaxError extends Error {}

const MAX_PATTERN = 256;

/** Throws FilterSyntaxError with a message for the one who typed it. */
export function compileFilter(pattern: string): NameFilter {
  if (pattern.length > MAX_PATTERN) throw new FilterSyntaxError(`filter is longer than ${MAX_PATTERN} characters`);
  const program = new Compiler(pattern).compile();
  return (name) => run(program, name);
}

type Matches = (code: number) => boolean;
type Node =
  | { readonly is: 'set'; readonly matches: Matches }
  | { readonly is: 'start' | 'end' }
  | { readonly is: 'all' | 'any'; readonly nodes: readonly Node[] }
  | { readonly is: '*' | '+' | '?'; readonly node: Node };

/** One step: eat a character, look at an edge, go to two places, or done. Steps without `to` go on to the next one. */
type Step =
  | { readonly does: 'eat'; readonly matches: Matches }
  | { readonly does: 'start' | 'end' | 'done' }
  | { readonly does: 'split'; readonly to: number[] };

class Compiler {
  readonly #text: string;
  #at = 0;
  readonly #steps: Step[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  compile(): readonly Step[] {
    const node = this.#alternatives();
    if (this.#at < this.#text.length) this.#fail('unmatched )');
    this.#emit(node);
    this.#steps.push({ does: 'done' });
    return this.#steps;
  }

  #alternatives(): Node {
    const nodes = [this.#sequence()];
    while (this.#take('|')) nodes.push(this.#sequence());
    return nodes.length === 1 ? nodes[0]! : { is: 'any', nodes };
  }

  #sequence(): Node {
    const nodes: Node[] = [];
    while (this.#at < this.#text.length && !this.#next('|') && !this.#next(')')) {
      let node = this.#atom();
      for (let mark = this.#text[this.#at]; mark === '*' || mark === '+' || mark === '?'; mark = this.#text[this.#at]) {
        this.#at++;
        // a mark on a mark (`a+*`, or the lazy `a+?`) changes which text is found, never whether: the first one rules
        if (node.is !== '*' && node.is !== '+' && node.is !== '?') node = { is: mark, node };
        else if (mark !== '?') node = { is: '*', node: node.node };
      }
      nodes.push(node);
    }
    return { is: 'all', nodes };
  }

  #atom(): Node {
    const char = this.#text[this.#at++]!;
    if (char === '(') return this.#group();
    if (char === '[') return this.#class();
    if (char === '^' || char === '$') return { is: char === '^' ? 'start' : 'end' };
    if (char === '.') return { is: 'set', matches: () => true };
    if (char === '\\') return { is: 'set', matches: this.#escape() };
    if (char === '*' || char === '+' || char === '?') return this.#fail(`nothing to repeat before ${char}`);
    if (char === '{') return this.#fail('counted repetition is not supported');
    return { is: 'set', matches: exactly(char) };
  }

  #group(): Node {
    if (this.#take('?') && !this.#take(':')) this.#fail('only (?: groups are supported');
    const node = this.#alternatives();
    if (!this.#take(')')) this.#fail('missing )');
    return node;
  }

  #escape(): Matches {
    const char = this.#text[this.#at++];
    if (char === undefined) return this.#fail('ends in a backslash');
    const shorthand = SHORTHANDS.get(char);
    if (shorthand) return shorthand;
    if (/[a-zA-Z0-9]/.test(char)) return this.#fail(`\\${char} is not supported`);
    return exactly(char);
  }

  #class(): Node {
    const negated = this.#take('^');
    const parts: Matches[] = [];
    while (!this.#next(']') || parts.length === 0) {
      const char = this.#text[this.#at++];
      if (char === undefined) return this.#fail('missing ]');
      if (char === '\\') parts.push(this.#escape());
      else if (this.#next('-') && this.#text[this.#at + 1] !== ']' && this.#at + 1 < this.#text.length) {
        const high = this.#text[this.#at + 1]!;
        this.#at += 2;
        if (high < char) this.#fail(`bad range ${char}-${high}`);
        parts.push((code) => code >= char.charCodeAt(0) && code <= high.charCodeAt(0));
      } else parts.push(exactly(char));
    }
    this.#at++;
    return { is: 'set', matches: (code) => parts.some((matches) => matches(code)) !== negated };
  }

  #emit(node: Node): void {
    const steps = this.#steps;
    switch (node.is) {
      case 'set':
        steps.push({ does: 'eat', matches: node.matches });
        return;
      case 'start':
      case 'end':
        steps.push({ does: node.is });
        return;
      case 'all':
        for (const part of node.nodes) this.#emit(part);
        return;
      case 'any':
        this.#emitAny(node.nodes);
        return;
      default:
        this.#emitRepeat(node.is, node.node);
    }
  }

  #emitAny(nodes: readonly Node[]): void {
    const entry: Step = { does: 'split', to: [] };
    this.#steps.push(entry);
    const exits = nodes.map((part) => {
      entry.to.push(this.#steps.length);
      this.#emit(part);
      const exit: Step = { does: 'split', to: [] };
      this.#steps.push(exit);
      return exit;
    });
    for (const exit of exits) exit.to.push(this.#steps.length);
  }

  #emitRepeat(mark: '*' | '+' | '?', node: Node): void {
    const start = this.#steps.length;
    const entry: Step = { does: 'split', to: [start + 1] };
    this.#steps.push(entry);
    this.#emit(node);
    if (mark !== '?') this.#steps.push({ does: 'split', to: [start + 1, this.#steps.length + 1] });
    if (mark !== '+') entry.to.push(this.#steps.length);
  }

  #next(char: string): boolean {
    return this.#text[this.#at] === char;
  }

  #take(char: string): boolean {
    if (!this.#next(char)) return false;
    this.#at++;
    return true;
  }

  #fail(why: string): never {
    throw new FilterSyntaxError(`filter: ${why}`);
  }
}

const exactly = (char: string): Matches => {
  const wanted = char.charCodeAt(0);
  return (code) => code === wanted;
};
const oneOf =
  (pattern: RegExp): Matches =>
  (code) =>
    pattern.test(String.fromCharCode(code));
const SHORTHANDS = new Map<string, Matches>([
  ['d', oneOf(/[0-9]/)],
  ['D', oneOf(/[^0-9]/)],
  ['w', oneOf(/[A-Za-z0-9_]/)],
  ['W', oneOf(/[^A-Za-z0-9_]/)],
  ['s', oneOf(/[\t\n\f\r ]/)],
  ['S', oneOf(/[^\t\n\f\r ]/)],
]);

function run(steps: readonly Step[], name: string): boolean {
  let now: number[] = [];
  for (let at = 0; at <= name.length; at++) {
    // a match may begin at any character: step 0 joins at each
    const marks = new Uint8Array(steps.length);
    const here: number[] = [];
    const todo = [0, ...now];
    for (let step = todo.pop(); step !== undefined; step = todo.pop()) {
      if (marks[step]) continue;
      marks[step] = 1;
      const what = steps[step]!;
      if (what.does === 'done') return true;
      if (what.does === 'eat') here.push(step);
      else if (what.does === 'split') todo.push(...what.to);
      else if (what.does === 'start' ? at === 0 : at === name.length) todo.push(step + 1);
    }
    const code = name.charCodeAt(at);
    now = [];
    for (const step of here) {
      const what = steps[step]!;
      if (at < name.length && what.does === 'eat' && what.matches(code)) now.push(step + 1);
    }
  }
  return false;
}
