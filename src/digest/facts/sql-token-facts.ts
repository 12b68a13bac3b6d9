import type { Target } from '../../exchange/digest.ts';
import { nameOf } from '../sql/sql-names.ts';
import { functionSensitivity, Sensitive, statementSensitivity } from './sql-sensitive.ts';
import { Summary } from './summary.ts';
import { Targets } from './targets.ts';

/** What the tokens of a statement say, without a parser. */
export interface TokenFacts {
  /** First keyword in upper case; for WITH, that of the statement it belongs to. */
  operation: string;
  /** How the summary of a statement that is no query begins: `CREATE TABLE`, `SET search_path`. */
  label: string;
  summary: string;
  targets: readonly Target[];
  /** One of Sensitive. */
  sensitivity: number;
  /** Words, names and single characters, as far as they were looked at. */
  tokens: number;
}

/** Tokens looked at: enough for any statement a person wrote; what follows is left to the parser. */
const TOKENS = 4096;
const QUERIES = new Set(['select', 'insert', 'update', 'delete', 'merge', 'values', 'table']);
const OBJECTS = new Set(
  (
    'table view index sequence schema database function procedure routine aggregate type domain extension role user ' +
    'group trigger policy rule publication subscription server language operator collation conversion statistics ' +
    'tablespace cast transform system default access event text large'
  ).split(' '),
);
/** Words that may stand between a word like FROM and the relation. */
const FILLERS = new Set(['only', 'lateral', 'table', 'if', 'not', 'exists', 'concurrently', 'verbose']);
/** Words that can follow where a relation may stand, and are none. */
const NO_NAME = new Set(['select', 'values', 'with', 'set', 'stdin', 'stdout', 'program', 'rows', 'unnest', 'where']);
/** After these a name with a parenthesis is a function. */
const BEFORE_CALLS = new Set(['from', 'join', ',', 'using']);
/** `f(a FROM b)` is no FROM clause. */
const FROM_CALLS = new Set(['extract', 'substring', 'trim', 'overlay', 'position']);

/** Splits a canonical text into words, quoted names and single other characters. */
const tokensOf = (text: string): string[] => {
  const tokens: string[] = [];
  let i = 0;
  while (i < text.length && tokens.length < TOKENS) {
    const c = text.charCodeAt(i);
    const from = i++;
    if (c === 0x20) continue;
    const unicode = c === 0x75 && text.startsWith('u&"', from);
    if (c === 0x22 || unicode) {
      if (unicode) i += 2;
      for (; i < text.length; i++) {
        if (text.charCodeAt(i) !== 0x22) continue;
        if (text.charCodeAt(i + 1) === 0x22) i++;
        else break;
      }
      i++;
    } else if (isWord(c)) while (i < text.length && isWord(text.charCodeAt(i))) i++;
    tokens.push(text.slice(from, i));
  }
  return tokens;
};

const isWord = (c: number): boolean =>
  (c >= 0x61 && c <= 0x7a) || c === 0x5f || c >= 0x80 || (c >= 0x30 && c <= 0x39) || c === 0x24;

const isName = (token: string | undefined): token is string =>
  token !== undefined && (isWord(token.charCodeAt(0)) || token.charCodeAt(0) === 0x22 || token.startsWith('u&"'));

/**
 * Facts from a canonical text. They are a reading aid while the parser is busy, off or of another opinion: good enough
 * to show, never to allow by. Linear.
 */
export const tokenFacts = (text: string): TokenFacts => {
  const tokens = tokensOf(text);
  const firstAt = tokens.findIndex((t) => isName(t));
  const first = tokens[firstAt] ?? '';
  const operation = first === 'with' ? mainKeyword(tokens) : first;
  const label = QUERIES.has(first) || first === 'with' ? '' : labelOf(tokens, firstAt, first);
  const summary = new Summary();
  summary.add(label);
  const targets = new Targets();
  const sensitivity = walk(tokens, firstAt, first, summary, targets);
  return {
    operation: operation.toUpperCase(),
    label,
    summary: summary.toString(),
    targets: targets.list(),
    sensitivity,
    tokens: tokens.length,
  };
};

/** The statement that a WITH belongs to: the first of its keywords outside parentheses. */
const mainKeyword = (tokens: readonly string[]): string => {
  let depth = 0;
  for (const token of tokens) {
    if (token === '(') depth++;
    else if (token === ')') depth--;
    else if (depth === 0 && QUERIES.has(token)) return token;
  }
  return 'with';
};

const labelOf = (tokens: readonly string[], at: number, first: string): string => {
  const head = first.toUpperCase();
  if (first === 'create' || first === 'drop' || first === 'alter' || first === 'comment') {
    for (let i = at + 1; i < at + 8; i++) {
      const token = tokens[i];
      if (token !== undefined && OBJECTS.has(token)) return `${head} ${token.toUpperCase()}`;
    }
  }
  if (first === 'set' || first === 'show' || first === 'reset') {
    const next = tokens[at + 1];
    const name = next === 'local' || next === 'session' ? tokens[at + 2] : next;
    if (isName(name)) return `${head} ${name}`;
  }
  return head;
};

/** Where the walk is: what a FROM, a comma or a parenthesis means here. */
interface Place {
  readonly tokens: readonly string[];
  /** Index of the statement's first keyword, and that keyword. */
  readonly at: number;
  readonly first: string;
  /** SELECT, INSERT … whose part this is. */
  operation: string;
  depth: number;
  /** Depths at which a comma goes on with a FROM list. */
  readonly fromDepths: number[];
  /** One a parenthesis: of a call like f(a FROM b). */
  readonly opensCall: boolean[];
}

const walk = (tokens: readonly string[], at: number, first: string, summary: Summary, targets: Targets): number => {
  const place: Place = { tokens, at, first, operation: first, depth: 0, fromDepths: [], opensCall: [] };
  const ctes = new Set<string>();
  let sensitivity = statementSensitivity(first);
  for (let i = Math.max(at, 0); i < tokens.length; i++) {
    const token = tokens[i]!;
    const previous = tokens[i - 1];
    if (isName(token) && previous !== '.') {
      sensitivity = Math.max(sensitivity, sensitivityAt(place, i));
      if (token === 'as' && isName(previous) && opensQuery(tokens, i)) ctes.add(nameOf(previous));
      if (QUERIES.has(token) && startsQuery(token, previous)) {
        place.operation = token;
        if (token !== 'values' && token !== 'table') summary.add(token.toUpperCase());
      }
    }
    if (!relationFollows(place, i)) continue;
    const name = i + 1 + fillersAt(tokens, i + 1);
    if (!isName(tokens[name]) || NO_NAME.has(tokens[name]!)) continue;
    const dotted = tokens[name + 1] === '.' && isName(tokens[name + 2]);
    const last = dotted ? name + 2 : name;
    if (tokens[last + 1] === '(' && BEFORE_CALLS.has(token)) continue;
    const schema = dotted ? nameOf(tokens[name]!) : '';
    const relation = nameOf(tokens[last]!);
    if (schema === '' && ctes.has(relation)) continue;
    targets.add(schema, relation, verb(token, place.operation, first));
    summary.add(dotted ? `${tokens[name]}.${tokens[last]}` : tokens[last]!);
    i = last;
  }
  return sensitivity;
};

const sensitivityAt = ({ tokens, first }: Place, i: number): number => {
  const token = tokens[i]!;
  if (token === 'execute' || token === 'program') return Sensitive.code;
  if (first === 'copy' && (token === 'from' || token === 'to') && tokens[i + 1] === '?') return Sensitive.literal;
  return tokens[i + 1] === '(' ? functionSensitivity(nameOf(token)) : Sensitive.no;
};

/** True if the token at `i` stands before a relation. Keeps the place up to date. */
const relationFollows = (place: Place, i: number): boolean => {
  const { tokens, at, first, fromDepths, opensCall } = place;
  const token = tokens[i]!;
  const previous = tokens[i - 1];
  if (previous === '.') return false;
  switch (token) {
    case '(':
      opensCall[place.depth++] = previous !== undefined && FROM_CALLS.has(previous);
      return false;
    case ')':
      if (fromDepths.at(-1) === place.depth) fromDepths.pop();
      if (place.depth > 0) place.depth--;
      return false;
    case ',':
      return fromDepths.at(-1) === place.depth;
    case 'from': {
      const clause = previous !== 'distinct' && !(place.depth > 0 && opensCall[place.depth - 1]);
      if (clause && place.operation !== 'delete') fromDepths.push(place.depth);
      return clause;
    }
    case 'where':
    case 'set':
    case 'group':
    case 'order':
    case 'union':
      if (fromDepths.at(-1) === place.depth) fromDepths.pop();
      return false;
    case 'join':
    case 'into':
    case 'using':
    case 'truncate':
      return true;
    case 'update':
      return startsQuery(token, previous);
    case 'table':
    case 'view':
    case 'copy':
    case 'lock':
      return i <= at + 5;
    case 'on':
      return first === 'create' && i <= at + 8;
    default:
      return false;
  }
};

/** `name AS (` or `name AS [NOT] MATERIALIZED (` */
const opensQuery = (tokens: readonly string[], as: number): boolean => {
  let i = as + 1;
  while (tokens[i] === 'not' || tokens[i] === 'materialized') i++;
  return tokens[i] === '(';
};

const startsQuery = (token: string, previous: string | undefined): boolean =>
  token === 'select' ||
  (token !== 'table' &&
    previous !== 'for' &&
    previous !== 'do' &&
    previous !== 'on' &&
    previous !== 'then' &&
    previous !== 'key');

const fillersAt = (tokens: readonly string[], at: number): number => {
  let n = 0;
  while (n < 4 && FILLERS.has(tokens[at + n] ?? '')) n++;
  return n;
};

const verb = (token: string, operation: string, first: string): string => {
  if (token === 'into') return operation === 'merge' ? 'merge' : 'insert';
  if (token === 'update') return 'update';
  if (token === 'from' && operation === 'delete') return 'delete';
  if (QUERIES.has(operation)) return 'select';
  return first;
};
