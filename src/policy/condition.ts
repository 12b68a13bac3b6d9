import { type ASTNode, Environment } from '@marcbachmann/cel-js';
import { compileFilter, FilterSyntaxError, type NameFilter } from '../stats/name-filter.ts';
import { CONDITION_VARIABLES, type ConditionFacts, Span, spanOf } from './condition-facts.ts';
import { isTimeZone, registerTimes, rememberedName } from './condition-time.ts';

/** What a CEL expression said. `unknown`: it failed to evaluate. */
export type Answer = 'yes' | 'no' | 'unknown';

export interface Condition {
  /** How long its answer holds for the same operation. */
  readonly span: Span;
  ask(facts: ConditionFacts): Answer;
}

/** What is wrong with an expression, and where: column from 1, in characters. */
export interface ConditionFault {
  readonly text: string;
  readonly column: number;
}

/** Throws where the expression is faulty: conditionFault() has told before. */
export function compileCondition(text: string): Condition {
  const read = readCondition(text);
  if ('column' in read) throw new Error(`${read.text} (column ${read.column})`);
  return read;
}

export function conditionFault(text: string): ConditionFault | null {
  const read = readCondition(text);
  return 'column' in read ? read : null;
}

const MAX_TEXT = 4096;
/** all, exists, exists_one, filter and map within each other: lists are bounded too, so time is. */
const MAX_NESTED = 2;
const LOOPS = new Set(['all', 'exists', 'exists_one', 'existsOne', 'filter', 'map']);

function readCondition(text: string): Condition | ConditionFault {
  if (text.length > MAX_TEXT) return { text: `is longer than ${MAX_TEXT} characters`, column: 1 };
  const patterns = new Patterns();
  const env = environment(patterns);
  try {
    const program = env.parse(text);
    const wrong = faultOf(program.ast, patterns, 0);
    if (wrong !== null) return wrong;
    const checked = program.check();
    if (checked.error) return told(checked.error);
    if (checked.type !== 'bool') return { text: `is ${checked.type}, and must be bool`, column: 1 };
    return {
      span: spanOf(namesIn(program.ast)),
      ask(facts) {
        try {
          const answer: unknown = program(facts as unknown as Record<string, unknown>);
          return answer === true ? 'yes' : answer === false ? 'no' : 'unknown';
        } catch {
          return 'unknown';
        }
      },
    };
  } catch (error) {
    return told(error);
  }
}

function environment(patterns: Patterns): Environment {
  const env = new Environment({ limits: { maxAstNodes: 500, maxDepth: 50, maxListElements: 500, maxMapEntries: 100 } });
  for (const [name, { type }] of Object.entries(CONDITION_VARIABLES)) env.registerVariable(name, type);
  registerTimes(env);
  return env.registerFunction(`string.${LINEAR}(string): bool`, (text: string, pattern: string) =>
    patterns.test(pattern, text),
  );
}

/** What matches() is turned into: the library's own would run a pattern for as long as that takes. */
const LINEAR = 'sluice_matches';

class Patterns {
  readonly #compiled = new Map<string, NameFilter>();

  add(pattern: string): string {
    try {
      this.#compiled.set(pattern, compileFilter(pattern));
      return '';
    } catch (error) {
      if (error instanceof FilterSyntaxError) return error.message.replace(/^filter:? /, 'pattern ');
      throw error;
    }
  }

  test(pattern: string, text: string): boolean {
    return this.#compiled.get(pattern)!(text);
  }
}

/** Finds what could take long, and makes matches() run on the linear matcher. */
function faultOf(node: ASTNode, patterns: Patterns, nested: number): ConditionFault | null {
  let inner = nested;
  if (node.op === 'rcall') {
    const [name, , args] = node.args;
    if (name === 'bind') return { text: 'cel.bind is not available', column: node.start + 1 };
    if (LOOPS.has(name) && ++inner > MAX_NESTED)
      return { text: `has more than ${MAX_NESTED} loops within each other`, column: node.start + 1 };
    if (name === 'matches') {
      const [pattern] = args;
      if (pattern?.op !== 'value' || typeof pattern.args !== 'string')
        return { text: 'matches() needs its pattern as a literal', column: node.start + 1 };
      const wrong = patterns.add(pattern.args);
      if (wrong !== '') return { text: wrong, column: pattern.start + 1 };
      node.args[0] = LINEAR;
    }
    const remembered = args.length === 1 ? rememberedName(name) : null;
    if (remembered !== null) {
      const [zone] = args;
      if (zone?.op !== 'value' || typeof zone.args !== 'string')
        return { text: `${name}() needs its time zone as a literal`, column: node.start + 1 };
      if (!isTimeZone(zone.args)) return { text: 'is no time zone: "Europe/Berlin", "UTC"', column: zone.start + 1 };
      node.args[0] = remembered;
    }
  }
  for (const child of childrenOf(node)) {
    const wrong = faultOf(child, patterns, inner);
    if (wrong !== null) return wrong;
  }
  return null;
}

function childrenOf(node: ASTNode): ASTNode[] {
  const found: ASTNode[] = [];
  const look = (value: unknown): void => {
    if (Array.isArray(value)) for (const each of value) look(each);
    else if (typeof value === 'object' && value !== null && 'op' in value && 'args' in value)
      found.push(value as ASTNode);
  };
  look(node.args);
  return found;
}

function namesIn(node: ASTNode): Set<string> {
  const names = new Set<string>();
  const walk = (each: ASTNode): void => {
    if (each.op === 'id') names.add(each.args);
    for (const child of childrenOf(each)) walk(child);
  };
  walk(node);
  return names;
}

function told(error: unknown): ConditionFault {
  const { summary, message, range } = error as Partial<Record<'summary' | 'message', string>> & {
    range?: { start: number };
  };
  return { text: (summary ?? message ?? String(error)).split('\n', 1)[0]!, column: (range?.start ?? 0) + 1 };
}

export { Span };
