import { MAX_DURATION_MS, protoDuration, SHORT_EXAMPLES, sayNoDuration } from './field-types.ts';
import { POLICY_FILTER_NAME, POLICY_TYPE_URL } from './policies-schema.ts';
import { nameFor } from './policy-names.ts';
import { nearest, type Place, problemAt, type Source, show } from './problem.ts';
import type { Problem } from './snapshot.ts';
import { from, type TracedTree } from './traced.ts';
import { isMap, type Json, type JsonMap, type Path, valueAt } from './tree.ts';

/** A policy of the top list, compiled, with the proxies that it is for. */
interface TopPolicy {
  readonly path: Path;
  /** null = all. */
  readonly proxies: readonly string[] | null;
  readonly compiled: TracedTree;
}

/** `policies` and `unparsed` of the short form: those of a proxy first, then those of the top that are for it. */
export class ShortPolicies {
  readonly #source: Source;
  readonly #problems: Problem[];
  readonly #top: readonly TopPolicy[];
  /** Names of policies: those that stand in the file, and those derived so far. */
  readonly #taken: Set<string>;

  /** `names`: of the proxies that there are. */
  constructor(source: Source, names: readonly string[], problems: Problem[]) {
    this.#source = source;
    this.#problems = problems;
    this.#taken = givenNames(source);
    this.#top = this.#list(['policies']).map((path) => {
      const value = valueAt(source.tree, path);
      const proxies = this.#proxiesOf(path, value, names);
      return { path, proxies, compiled: this.#policy(path, value, ['proxies']) };
    });
    if (valueAt(source.tree, ['unparsed']) !== undefined && !hasPolicies(source))
      this.#complain(['unparsed'], 'is read where there are policies, and there are none', 'key');
  }

  /** The chain link of a proxy; null where no policies are for it. `unable`: why none can be, or ''. */
  linkOf(proxy: Path, name: string, unable: string): TracedTree | null {
    const { tree } = this.#source;
    const own = this.#list([...proxy, 'policies']).map((path) => this.#policy(path, valueAt(tree, path), []));
    const shared = this.#top.filter(({ proxies }) => proxies === null || proxies.includes(name));
    const policies = [...own, ...shared.map(({ compiled }) => compiled)];
    if (policies.length === 0) {
      if (valueAt(tree, [...proxy, 'unparsed']) !== undefined)
        this.#complain([...proxy, 'unparsed'], 'is read where there are policies, and this proxy has none', 'key');
      return null;
    }
    if (unable !== '') {
      if (own.length > 0) this.#complain([...proxy, 'policies'], unable, 'key');
      for (const { path, proxies } of shared) {
        if (proxies !== null) this.#complain([...path, 'proxies'], `${show(name)}: ${unable}`);
        else this.#complain(path, `is for all proxies. ${show(name)}: ${unable}; give it the proxies that it is for`);
      }
      return null;
    }
    const unparsedAt = [[...proxy, 'unparsed'], ['unparsed']].find((path) => valueAt(tree, path) !== undefined);
    return {
      name: POLICY_FILTER_NAME,
      typed_config: {
        '@type': POLICY_TYPE_URL,
        policies,
        unparsed: unparsedAt && from(this.#at(unparsedAt), valueAt(tree, unparsedAt)),
      },
    };
  }

  readonly #at = (path: Path): Place => ({ source: this.#source, path });

  #complain(path: Path, text: string, what: 'key' | 'value' = 'value'): void {
    this.#problems.push(problemAt(this.#at(path), what, text));
  }

  /** The places of a list's entries. */
  #list(path: Path): Path[] {
    const value = valueAt(this.#source.tree, path);
    if (value === undefined) return [];
    if (Array.isArray(value)) {
      if (value.length === 0) this.#complain(path, 'is empty');
      return value.map((_, i) => [...path, i]);
    }
    this.#complain(path, value === null ? 'has no value' : `${show(value)} is not a list`);
    return [];
  }

  #proxiesOf(path: Path, value: Json | undefined, names: readonly string[]): readonly string[] | null {
    const at = [...path, 'proxies'];
    const given = valueAt(value, ['proxies']);
    if (given === undefined) return null;
    const list = typeof given === 'string' ? [given] : Array.isArray(given) ? given : null;
    if (list === null) this.#complain(at, given === null ? 'has no value' : `${show(given)} is not a list of proxies`);
    else if (list.length === 0) this.#complain(at, 'is empty: leave it out for all proxies');
    return (list ?? []).flatMap((one, i) => {
      const place = Array.isArray(given) ? [...at, i] : at;
      if (typeof one !== 'string') this.#complain(place, `${show(one)} is not a string`);
      else if (names.includes(one)) return [one];
      else {
        const meant = nearest(one, names);
        const hint = meant === null ? `: there are ${names.join(', ')}` : `, did you mean ${show(meant)}?`;
        this.#complain(place, `${show(one)} is not a proxy${hint}`);
      }
      return [];
    });
  }

  /** Everything but what only the short form has goes on as it is, for the full form's checks. */
  #policy(path: Path, value: Json | undefined, ofShortForm: readonly string[]): TracedTree {
    if (!isMap(value)) return from(this.#at(path), value ?? null)!;
    const { limit, ...fields } = value;
    const compiled: Record<string, TracedTree | undefined> = {};
    if (value['name'] === undefined) compiled['name'] = nameFor(value, this.#taken);
    for (const [key, field] of Object.entries(fields))
      if (!ofShortForm.includes(key)) compiled[key] = from(this.#at([...path, key]), field);
    if (limit !== undefined) compiled['limit'] = this.#limit([...path, 'limit'], limit);
    return from(this.#at(path), compiled)!;
  }

  #limit(path: Path, value: Json): TracedTree {
    if (!isMap(value)) return from(this.#at(path), value)!;
    const compiled: Record<string, TracedTree | undefined> = {};
    for (const [key, field] of Object.entries(value)) {
      if (key === 'burst') continue; // it is the rate's
      const read = readLimit(key, field, value);
      if (read.fault !== null) this.#complain([...path, key], read.fault);
      compiled[key] = from(this.#at([...path, key]), read.value);
    }
    if (value['burst'] !== undefined && value['rate'] === undefined)
      this.#complain([...path, 'burst'], 'goes with rate', 'key');
    // Told in its own place: the full form knows it inside the rate.
    else if (value['burst'] !== undefined && !(Number.isInteger(value['burst']) && Number(value['burst']) >= 1))
      this.#complain([...path, 'burst'], `${show(value['burst'])} is not a whole number above 0`);
    return from(this.#at(path), compiled)!;
  }
}

/** With a fault some sound value stands in, so that the full form has nothing to add. */
interface Read {
  readonly fault: string | null;
  readonly value: TracedTree;
}

function readLimit(key: string, field: Json, limit: JsonMap): Read {
  switch (key) {
    case 'rate':
      return readRate(field, limit['burst']);
    case 'bytes':
      return readSize(field);
    case 'idle_in_transaction':
      return readDuration(field);
    default:
      return { fault: null, value: field };
  }
}

/** `100/s`, `6000/m`, `5/10s`. */
function readRate(field: Json, burst: Json | undefined): Read {
  const match = typeof field === 'string' ? /^(\d{1,9})\s*\/\s*(\d{0,9}(?:ms|s|m|h|d))$/.exec(field) : null;
  const per = match ? protoDuration(/^\d/.test(match[2]!) ? match[2]! : `1${match[2]}`) : null;
  if (!match || per === null || Number(match[1]) === 0 || Number.parseFloat(per) === 0)
    return { fault: say(field, 'a rate such as "100/s" or "6000/m"'), value: { count: 1 } };
  const whole = typeof burst === 'number' && Number.isInteger(burst) && burst >= 1;
  return { fault: null, value: { count: Number(match[1]), per, ...(whole ? { burst } : {}) } };
}

const UNITS: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
};

/** `100MB`, `64KiB`, or a number of bytes. */
function readSize(field: Json): Read {
  if (typeof field === 'number') return { fault: null, value: field };
  const match = typeof field === 'string' ? /^(\d{1,9}(?:\.\d{1,3})?)\s*([kmg]?i?b)$/i.exec(field) : null;
  const unit = match ? UNITS[match[2]!.toLowerCase()] : undefined;
  if (!match || unit === undefined) return { fault: say(field, 'a size such as 100MB, 64KiB or 4096'), value: 1 };
  return { fault: null, value: Math.round(Number(match[1]) * unit) };
}

function readDuration(field: Json): Read {
  const proto = typeof field === 'string' ? protoDuration(field) : null;
  if (proto === null)
    return { fault: field === null ? 'has no value' : sayNoDuration(field, SHORT_EXAMPLES), value: '1s' };
  if (Number.parseFloat(proto) * 1000 > MAX_DURATION_MS)
    return { fault: `${show(field)} is above ${MAX_DURATION_MS / 1000}s`, value: '1s' };
  return { fault: null, value: proto };
}

const say = (field: Json, what: string): string => (field === null ? 'has no value' : `${show(field)} is not ${what}`);

function hasPolicies({ tree }: Source): boolean {
  const proxies = valueAt(tree, ['proxies']);
  const holders = [tree, ...(Array.isArray(proxies) ? proxies : [])];
  return holders.some((holder) => valueAt(holder, ['policies']) !== undefined);
}

/** Names that stand in the file: a derived one takes none of them. */
function givenNames({ tree }: Source): Set<string> {
  const proxies = valueAt(tree, ['proxies']);
  const lists = [
    valueAt(tree, ['policies']),
    ...(Array.isArray(proxies) ? proxies.map((proxy) => valueAt(proxy, ['policies'])) : []),
  ];
  const names = lists.flatMap((list) => (Array.isArray(list) ? list.map((one) => valueAt(one, ['name'])) : []));
  return new Set(names.filter((name) => typeof name === 'string'));
}
