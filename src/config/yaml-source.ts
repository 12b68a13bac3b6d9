import {
  type Document,
  isAlias,
  isNode,
  isScalar,
  isSeq,
  isMap as isYamlMap,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  stringify,
  type YAMLMap,
} from 'yaml';
import { escapeControls, formatPath, problemAt, redact, type Source } from './problem.ts';
import type { Problem } from './snapshot.ts';
import { type Json, type JsonMap, newMap, type Path } from './tree.ts';

const MAX_CHARACTERS = 1024 * 1024;
const MAX_VALUES = 200_000;
const MAX_DEPTH = 100;
/** Names that mean something to JavaScript objects; no field is called so. */
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Reads YAML 1.2 (core schema; JSON is a part of it) into plain data that knows its lines. Duplicate keys, tags, YAML 1.1,
 * several documents, aliases that expand without bound and nesting without bound are problems; nothing throws.
 */
export function readYaml(text: string, file: string): { source: Source; problems: Problem[] } {
  const lines = new LineCounter();
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const blank: Source = { file, tree: undefined, locate: () => ({ line: 1, column: 1 }), label: formatPath };
  const alone = (line: number, column: number, message: string) => ({
    source: blank,
    problems: [{ file, line, column, path: '', message }],
  });
  if (text.length > MAX_CHARACTERS) return alone(1, 1, `is larger than ${MAX_CHARACTERS} characters`);
  const deep = tooDeepAt(text);
  if (deep !== null) return alone(deep.line, deep.column, 'is nested too deeply');

  let doc: Document.Parsed;
  try {
    doc = parse(text, lines);
  } catch {
    // None is known; a library's bug must not become a stack trace.
    return alone(1, 1, 'cannot be read as YAML');
  }
  const problems: Problem[] = [...doc.errors, ...doc.warnings].map((error) => {
    const said = error.message === LONE_STAR ? '* is written in quotes, "*"' : YAML_MESSAGES[error.code];
    const message = escapeControls(redact(said ?? lowerFirst(error.message)));
    return { file, ...at(error.pos[0]), path: '', message };
  });
  if (doc.directives.yaml.explicit && doc.directives.yaml.version !== '1.2')
    problems.push({ file, line: 1, column: 1, path: '', message: 'is not YAML 1.2' });
  if (problems.length > 0) return { source: blank, problems };

  const walk = new Walk(doc, at);
  const tree = doc.contents === null ? undefined : walk.toJson(doc.contents, []);
  if (tree === undefined || tree === null) return alone(1, 1, 'is empty');
  const source: Source = { file, tree, locate: (path, what) => walk.locate(path, what), label: formatPath };
  for (const { path, what, message } of walk.found) problems.push(problemAt({ source, path }, what, message));
  if (walk.gaveUp) return { source: blank, problems: problems.slice(-1) };
  return { source: walk.unsound ? blank : source, problems };
}

const parse = (text: string, lineCounter: LineCounter): Document.Parsed =>
  parseDocument(text, {
    lineCounter,
    prettyErrors: false, // they quote the file, which may hold secrets
    version: '1.2',
    schema: 'core',
    merge: false,
    resolveKnownTags: false,
    stringKeys: true,
    uniqueKeys: false, // the walk below finds them, with their path and in linear time
  });

/** Plain data as YAML 1.2 that YAML 1.1 readers read alike; no anchors, no folded lines. */
export const printYaml = (tree: Json): string =>
  stringify(tree, { lineWidth: 0, aliasDuplicateObjects: false, compat: 'yaml-1.1' });

const YAML_MESSAGES: Readonly<Record<string, string>> = {
  MULTIPLE_DOCS: 'holds several documents; one is read',
  TAG_RESOLVE_FAILED: 'tags are not supported: what begins with ! is written in quotes',
  NON_STRING_KEY: 'is not a name: keys must be plain strings',
  TAB_AS_INDENT: 'is indented with a tab; YAML wants spaces',
};

/** What the parser says of `targets: *`. */
const LONE_STAR = 'Alias cannot be an empty string';

const lowerFirst = (text: string): string => text.slice(0, 1).toLowerCase() + text.slice(1);

/**
 * The parser is recursive, and V8 ends the whole process when a regular expression is compiled on a nearly full stack; so
 * depth is bounded before parsing, by what any nesting must show: open brackets, or columns of indentation.
 */
function tooDeepAt(text: string): { line: number; column: number } | null {
  let open = 0;
  let line = 1;
  let lineStart = 0;
  let leading = true;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x0a) {
      line++;
      lineStart = i + 1;
      leading = true;
      continue;
    }
    if (c === 0x5b || c === 0x7b) open++;
    else if ((c === 0x5d || c === 0x7d) && open > 0) open--;
    leading &&= c === 0x20 || c === 0x2d || c === 0x3f || c === 0x3a || c === 0x09; // blanks and - ? :
    if (open > MAX_DEPTH || (leading && i - lineStart > 4 * MAX_DEPTH)) return { line, column: i - lineStart + 1 };
  }
  return null;
}

class Walk {
  readonly found: { path: Path; what: 'key' | 'value'; message: string }[] = [];
  gaveUp = false;
  /** An alias led nowhere: what stands in its place is not what was meant. */
  unsound = false;
  readonly #doc: Document.Parsed;
  readonly #at: (offset: number) => { line: number; column: number };
  readonly #anchors = new Map<string, Node>();
  readonly #targets = new Map<Node, Node>();
  readonly #open = new Set<Node>();
  #values = 0;
  #inAlias = 0;

  constructor(doc: Document.Parsed, at: (offset: number) => { line: number; column: number }) {
    this.#doc = doc;
    this.#at = at;
  }

  toJson(node: unknown, path: Path): Json {
    if (this.gaveUp || !isNode(node)) return null;
    if (++this.#values > MAX_VALUES || path.length > MAX_DEPTH) {
      this.gaveUp = true;
      const message = path.length > MAX_DEPTH ? 'is nested too deeply' : `expands to more than ${MAX_VALUES} values`;
      this.found.push({ path: path.slice(0, 1), what: 'key', message });
      return null;
    }
    if (isAlias(node)) return this.#alias(node, path);
    // An alias means the last anchor before it in the text: what an alias expands to must not set anchors again.
    if (this.#inAlias === 0 && node.anchor !== undefined && node.anchor !== '') this.#anchors.set(node.anchor, node);
    if (isScalar(node)) return this.#scalar(node.value, path);
    this.#open.add(node);
    let value: Json = null;
    if (isSeq(node)) value = node.items.map((item, i) => this.toJson(item, [...path, i]));
    else if (isYamlMap(node)) value = this.#map(node, path);
    this.#open.delete(node);
    return value;
  }

  #alias(node: Node & { source: string }, path: Path): Json {
    const target = this.#inAlias === 0 ? this.#anchors.get(node.source) : this.#targets.get(node);
    if (!target || this.#open.has(target)) {
      const name = escapeControls(redact(node.source));
      this.unsound = true;
      this.found.push({
        path,
        what: 'value',
        message: target
          ? `*${name} refers to itself`
          : `there is no anchor &${name} before *${name}; a pattern is written in quotes, "*${name}"`,
      });
      return null;
    }
    this.#targets.set(node, target);
    this.#inAlias++;
    const value = this.toJson(target, path);
    this.#inAlias--;
    return value;
  }

  #scalar(value: unknown, path: Path): Json {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null)
      return value;
    this.found.push({ path, what: 'value', message: 'is not a plain value' });
    return null;
  }

  #map(node: YAMLMap, path: Path): JsonMap {
    const map = newMap();
    for (const pair of node.items) {
      const key = keyOf(pair);
      if (key === null) this.found.push({ path, what: 'value', message: 'holds a key that is not a plain string' });
      else if (FORBIDDEN_KEYS.has(key))
        this.found.push({ path: [...path, key], what: 'key', message: 'is not allowed as a name' });
      else if (Object.hasOwn(map, key))
        this.found.push({ path: [...path, key], what: 'key', message: 'is given twice' });
      else map[key] = this.toJson(pair.value, [...path, key]);
    }
    return map;
  }

  /** Of a field given twice the second, which is the mistake; of one that is missing its parent. */
  locate(path: Path, what: 'key' | 'value'): { line: number; column: number } {
    let found: Slot = { key: null, value: this.#doc.contents };
    for (const step of path) {
      const slot = this.#slot(found.value, step);
      if (slot === null) return this.#position(found, 'key');
      found = slot;
    }
    return this.#position(found, what);
  }

  #slot(holder: Node | null, step: string | number): Slot | null {
    const inside = holder !== null && isAlias(holder) ? (this.#targets.get(holder) ?? null) : holder;
    if (isSeq(inside) && typeof step === 'number') {
      const item: unknown = inside.items[step];
      return isNode(item) ? { key: null, value: item } : null;
    }
    if (!isYamlMap(inside)) return null;
    const pair: Pair | undefined = inside.items.findLast((one) => keyOf(one) === step);
    return pair && isNode(pair.key) ? { key: pair.key, value: isNode(pair.value) ? pair.value : null } : null;
  }

  #position({ key, value }: Slot, what: 'key' | 'value'): { line: number; column: number } {
    const empty = value === null || (isScalar(value) && value.value === null);
    const node = key !== null && (what === 'key' || empty) ? key : value;
    return this.#at(node?.range?.[0] ?? 0);
  }
}

/** A value and, in a map, the key before it. */
interface Slot {
  readonly key: Node | null;
  readonly value: Node | null;
}

const keyOf = (pair: Pair): string | null =>
  isScalar(pair.key) && typeof pair.key.value === 'string' ? pair.key.value : null;
