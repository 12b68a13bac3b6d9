import { lookup } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { isUnreadable, listenAddressOf } from './address-text.ts';
import { BOOTSTRAP_FIELDS, BOOTSTRAP_NOT_YET, bootstrapSchema } from './bootstrap-schema.ts';
import { buildSnapshot } from './build-snapshot.ts';
import { crossCheck } from './cross-checks.ts';
import { checkTypedConfigs } from './filter-schemas.ts';
import { inReadingOrder, type Place, type PlaceOf, problemAt, type Source, show } from './problem.ts';
import { compileShortForm, SHORT_FIELDS } from './short-form.ts';
import type { FilterSchema, Problem, Snapshot } from './snapshot.ts';
import { untrace } from './traced.ts';
import { deepFreeze, isMap, type Json, type JsonMap, mapsAt, newMap, type Path, valueAt } from './tree.ts';
import { readYaml } from './yaml-source.ts';
import { check, sayUnknownField } from './zod-problems.ts';

/** Where a configuration comes from: a file, its text, or URLs from the command line. */
export type ConfigSource = (
  | { readonly file: string }
  | { readonly file: string; readonly text: string }
  /** `listen[i]` and `names[i]` belong to `urls[i]`. */
  | { readonly urls: readonly string[]; readonly listen?: readonly string[]; readonly names?: readonly string[] }
) & {
  /** What the command line says over the file. */
  readonly overrides?: Overrides;
};

export interface Overrides {
  /** `ADDR:PORT` or `unix:/path`. */
  readonly admin?: string;
  readonly metrics?: string;
  readonly concurrency?: number;
  readonly showLiterals?: boolean;
  /** One log for every listener, instead of those of the file; '-' = stdout. */
  readonly accessLog?: string;
  /** One more sink, named `history`: an embedded ClickHouse in this folder. */
  readonly history?: string;
}

export interface LoadEnv {
  readonly readFile?: (path: string) => Promise<string>;
  /** Ask for every DNS name of the file; one that does not resolve is a problem. */
  readonly resolve?: boolean;
  /** Rejects when the name has no address of the family (4, 6, or 0 for either). */
  readonly lookup?: (host: string, family: 0 | 4 | 6) => Promise<unknown>;
}

export type Loaded =
  /**
   * `expanded`: the full form, plain data; printYaml() prints it. `warnings`: what is right as such, and hardly meant; in
   * reading order.
   */
  | {
      readonly ok: true;
      readonly snapshot: Snapshot;
      readonly expanded: JsonMap;
      readonly warnings: readonly Problem[];
    }
  /** In reading order. */
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Reads and checks a configuration in either form. The short form is compiled to the full one, and one set of checks
 * follows. Tells all problems at once; never throws for what a file holds.
 */
export async function load(source: ConfigSource, filters: readonly FilterSchema[], env: LoadEnv = {}): Promise<Loaded> {
  const read = await readSource(source, env);
  if (read.problems.length > 0 && read.source.tree === undefined) return failed(read.problems);
  const problems = [...read.problems];
  const form = formOf(read.source, problems);
  if (form === null) return failed(problems);

  let full: { tree: Json; placeOf: PlaceOf };
  const inFile: PlaceOf = (path) => ({ source: read.source, path });
  if (form === 'short') {
    const compiled = compileShortForm(read.source, filters);
    problems.push(...compiled.problems);
    full = untrace(compiled.full, () => ({ source: read.source, path: [] }));
  } else full = { tree: copyOf(read.source.tree ?? null), placeOf: inFile };
  if (source.overrides) full = override(full, source.overrides, problems);

  const { tree, placeOf } = full;
  // A short form with no sound proxy has nothing that the full form's checks could add to.
  const hollow = form === 'short' && mapsAt(tree, ['static_resources', 'listeners']).length === 0;
  if (hollow) return failed(problems);
  const bootstrap = check(bootstrapSchema(filters), tree, [], placeOf);
  const typed = checkTypedConfigs(tree, filters, placeOf);
  if (!bootstrap.ok) problems.push(...bootstrap.problems);
  problems.push(...typed.problems, ...crossCheck(tree, filters, placeOf));
  if (env.resolve) problems.push(...(await unresolvable(tree, placeOf, env.lookup ?? systemLookup)));
  if (problems.length > 0 || !bootstrap.ok || !isMap(tree)) return failed(problems);
  return {
    ok: true,
    snapshot: buildSnapshot(bootstrap.data, typed.parsed, filters),
    expanded: deepFreeze(tree),
    warnings: inReadingOrder(typed.warnings),
  };
}

const failed = (problems: readonly Problem[]): Loaded => ({ ok: false, problems: inReadingOrder(problems) });

async function readSource(source: ConfigSource, env: LoadEnv): Promise<{ source: Source; problems: Problem[] }> {
  if ('urls' in source)
    return { source: commandLine(source.urls, source.listen ?? [], source.names ?? []), problems: [] };
  if ('text' in source) return readYaml(source.text, source.file);
  try {
    return readYaml(await (env.readFile ?? ((path) => readFile(path, 'utf8')))(source.file), source.file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    const message = READ_FAULTS[code] ?? `cannot be read${code === '' ? '' : ` (${code})`}`;
    const blank: Source = { file: source.file, tree: undefined, locate: () => NOWHERE, label: () => '' };
    return { source: blank, problems: [problemAt({ source: blank, path: [] }, 'value', message)] };
  }
}

const NOWHERE = { line: 0, column: 0 };
const READ_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'cannot be read: permission denied',
  EISDIR: 'is a directory',
};

/** The command line as a short form, which names its arguments where a file has lines. */
function commandLine(urls: readonly string[], listen: readonly string[], names: readonly string[]): Source {
  const proxies = urls.map((upstream, i) => {
    const [at, name] = [listen[i], names[i]];
    return newMap({ ...(name === undefined ? {} : { name }), upstream, ...(at === undefined ? {} : { listen: at }) });
  });
  const label = (path: Path): string => {
    const which = urls.length > 1 && typeof path[1] === 'number' ? ` ${path[1] + 1}` : '';
    return path[2] === 'listen' || path[2] === 'name' ? `--${path[2]}${which}` : `URL${which}`;
  };
  return { file: 'command line', tree: newMap({ proxies }), locate: () => NOWHERE, label };
}

/** Which form a file is in: by the fields that only one of them has. */
function formOf(source: Source, problems: Problem[]): 'short' | 'full' | null {
  const { tree } = source;
  const complain = (path: Path, what: 'key' | 'value', text: string) =>
    problems.push(problemAt({ source, path }, what, text));
  if (!isMap(tree)) {
    complain([], 'value', `${show(tree)} is not a configuration: proxies or static_resources is missing`);
    return null;
  }
  const keys = Object.keys(tree);
  const full = keys.filter((key) => key !== 'admin' && [...BOOTSTRAP_FIELDS, ...BOOTSTRAP_NOT_YET].includes(key));
  const short = keys.filter((key) => key !== 'admin' && SHORT_FIELDS.includes(key));
  if (full.length > 0 && short.length > 0) {
    for (const key of short)
      complain([key], 'key', `belongs to the short form, and ${full[0]} to the full one: use one of them`);
    return null;
  }
  if (full.length > 0 || (short.length === 0 && isMap(tree['admin']))) return 'full';
  if (short.length > 0) return 'short';
  for (const key of keys) {
    const text = sayUnknownField(key, [...new Set([...SHORT_FIELDS, ...BOOTSTRAP_FIELDS])]);
    if (key !== 'admin') complain([key], 'key', text);
  }
  complain([], 'value', 'proxies or static_resources is missing');
  return null;
}

function copyOf(tree: Json): Json {
  if (Array.isArray(tree)) return tree.map(copyOf);
  if (!isMap(tree)) return tree;
  return newMap(Object.fromEntries(Object.entries(tree).map(([key, value]) => [key, copyOf(value)])));
}

/** Lays the command line over the full form. */
function override(
  full: { tree: Json; placeOf: PlaceOf },
  overrides: Overrides,
  problems: Problem[],
): { tree: Json; placeOf: PlaceOf } {
  const { tree } = full;
  const flags = new Map<string, string>();
  const source: Source = {
    file: 'command line',
    tree: undefined,
    locate: () => NOWHERE,
    label: (path) => String(path[0] ?? ''),
  };
  const put = (path: Path, value: Json | undefined, flag: string) => {
    if (value === undefined || !putAt(tree, path, value)) return;
    flags.set(JSON.stringify(path), flag);
  };
  const address = (text: string | undefined, flag: string): Json | undefined => {
    if (text === undefined) return undefined;
    const read = listenAddressOf(text);
    if (!isUnreadable(read)) return newMap({ address: read });
    problems.push(problemAt({ source, path: [flag] }, 'value', read.fault));
    return undefined;
  };
  const own = ['node', 'metadata', 'sluice'];
  put(['admin'], address(overrides.admin, '--admin'), '--admin');
  put([...own, 'metrics'], address(overrides.metrics, '--metrics'), '--metrics');
  put([...own, 'concurrency'], overrides.concurrency, '--concurrency');
  put([...own, 'show_literals'], overrides.showLiterals, '--show-literals');
  if (overrides.accessLog !== undefined)
    for (const { path } of mapsAt(tree, ['static_resources', 'listeners']))
      put(
        [...path, 'metadata', 'filter_metadata', 'sluice', 'access_log'],
        [newMap({ path: overrides.accessLog })],
        '--access-log',
      );
  if (overrides.history !== undefined) {
    const at = [...own, 'sinks'];
    const sinks = valueAt(tree, at) ?? [];
    const history = newMap({ type: 'clickhouse', name: 'history', path: overrides.history });
    // What is no list is told of as such.
    if (Array.isArray(sinks) && putAt(tree, at, [...sinks, history]))
      flags.set(JSON.stringify([...at, sinks.length]), '--history');
  }
  const placeOf = (path: Path): Place => {
    for (let length = path.length; length > 0; length--) {
      const flag = flags.get(JSON.stringify(path.slice(0, length)));
      if (flag !== undefined) return { source, path: [flag] };
    }
    return full.placeOf(path);
  };
  return { tree, placeOf };
}

/** Sets a value, making the maps on the way; false where something else than a map stands in it. */
function putAt(tree: Json, path: Path, value: Json): boolean {
  let at = tree;
  for (const [i, step] of path.entries()) {
    if (Array.isArray(at) && typeof step === 'number') at = at[step] ?? null;
    else if (isMap(at) && typeof step === 'string') {
      if (i === path.length - 1) at[step] = value;
      else if (!Object.hasOwn(at, step)) at[step] = newMap();
      at = at[step] ?? null;
    } else return false;
  }
  return true;
}

const systemLookup = (host: string, family: 0 | 4 | 6): Promise<unknown> => lookup(host, { family });
const FAMILY: Readonly<Record<string, 4 | 6>> = { V4_ONLY: 4, V6_ONLY: 6 };

/** Names that have no address. Each is asked for once. */
async function unresolvable(tree: Json, placeOf: PlaceOf, ask: NonNullable<LoadEnv['lookup']>): Promise<Problem[]> {
  const asked = new Map<string, Promise<string | null>>();
  const found: Promise<Problem | null>[] = [];
  for (const cluster of mapsAt(tree, ['static_resources', 'clusters'])) {
    const family = FAMILY[String(cluster.map['dns_lookup_family'])] ?? 0;
    if (cluster.map['type'] !== 'STRICT_DNS' && cluster.map['type'] !== 'LOGICAL_DNS') continue;
    for (const locality of mapsAt(tree, [...cluster.path, 'load_assignment', 'endpoints'])) {
      for (const { path } of mapsAt(tree, [...locality.path, 'lb_endpoints'])) {
        const at = [...path, 'endpoint', 'address', 'socket_address', 'address'];
        const host = valueAt(tree, at);
        if (typeof host !== 'string' || host === '' || isIP(host) !== 0) continue;
        const key = `${family} ${host}`;
        const answer =
          asked.get(key) ??
          ask(host, family).then(
            () => null,
            (error: NodeJS.ErrnoException) => error.code ?? 'no answer',
          );
        asked.set(key, answer);
        found.push(
          answer.then((fault) =>
            fault === null ? null : problemAt(placeOf(at), 'value', `${show(host)} does not resolve (${fault})`),
          ),
        );
      }
    }
  }
  return (await Promise.all(found)).filter((problem) => problem !== null);
}
