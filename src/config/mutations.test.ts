import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { goodText } from './fixtures/loading.ts';
import { fullForm, sampleFilters, shortForm } from './fixtures/samples.ts';
import { load } from './load.ts';
import { isMap, type Json, newMap, type Path, valueAt } from './tree.ts';
import { readYaml } from './yaml-source.ts';

// Threats TE-09 and TE-11: a slip of the hand is told, or changes nothing, or takes away an optional field whose default
// is documented. It never throws and never quietly means something else.

/** Fields one may leave out, and then their default holds. All others are required. */
const OPTIONAL = new Set(
  // the full form
  (
    'node id cluster metadata sluice concurrency drain_timeout digest_rows show_literals max_connections metrics admin ' +
    'protocol name stat_prefix additional_addresses mode per_connection_buffer_limit_bytes tcp_backlog_size ' +
    'enable_sql_parsing idle_timeout max_connect_attempts upstream_connect_mode auto_port access_log exchanges ' +
    'connections postgres refuse_ssl lb_policy least_request_lb_config choice_count connect_timeout dns_refresh_rate ' +
    'dns_lookup_family load_balancing_weight max_early_data_bytes ' +
    // the short form
    'listen buffer_limit'
  ).split(' '),
);
/** Required, though a field of the same name elsewhere is optional. */
const REQUIRED = [
  /clusters\.\d+\.name$/,
  /typed_config\.stat_prefix$/,
  /typed_config\.cluster$/,
  /filters\.\d+\.name$/,
];

const treeOf = (text: string) => readYaml(text, 'f').source.tree as Json;
const keysOf = (tree: Json, path: Path = []): Path[] => {
  if (Array.isArray(tree)) return tree.flatMap((item, i) => keysOf(item, [...path, i]));
  if (!isMap(tree)) return [];
  return Object.entries(tree).flatMap(([key, value]) => [[...path, key], ...keysOf(value, [...path, key])]);
};
/** The tree with the key at a path renamed in its place, or deleted where `name` is null. */
const rename = (tree: Json, path: Path, name: string | null): Json => {
  const [step, ...rest] = path;
  if (Array.isArray(tree)) return tree.map((item, i) => (i === step ? rename(item, rest, name) : item));
  if (!isMap(tree)) return tree;
  return newMap(
    Object.fromEntries(
      Object.entries(tree).flatMap(([key, value]): [string, Json][] => {
        if (key !== step) return [[key, value]];
        if (rest.length > 0) return [[key, rename(value, rest, name)]];
        return name === null ? [] : [[name, value]];
      }),
    ),
  );
};
const loadTree = (tree: Json) => load({ file: 'f', text: JSON.stringify(tree, null, 1) }, sampleFilters);

const before = Object.getOwnPropertyNames(Object.prototype).join();
afterEach(() => {
  expect(Object.getOwnPropertyNames(Object.prototype).join()).toBe(before);
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
});

for (const [form, text] of Object.entries({ shortForm, fullForm })) {
  const tree = treeOf(text);
  const keys = keysOf(tree);

  describe(form, () => {
    test('every key that is deleted is missed, or is optional', async () => {
      const { snapshot } = await goodText(text);
      for (const path of keys) {
        const loaded = await loadTree(rename(tree, path, null));
        const where = path.join('.');
        const optional = OPTIONAL.has(String(path.at(-1))) && !REQUIRED.some((pattern) => pattern.test(where));
        if (!optional) expect(loaded.ok, `${where} was not missed`).toBe(false);
        else if (loaded.ok && loaded.snapshot.version === snapshot.version) expect(loaded.snapshot).toEqual(snapshot);
      }
    });

    test('every key that is mistyped is told at its own line', async () => {
      const slips = [
        (key: string) => `${key}x`,
        (key: string) => key.slice(1),
        (key: string) => key.toUpperCase(),
        (key: string) => key.replaceAll('_', '-'),
        (key: string) => ` ${key}`,
      ];
      for (const path of keys) {
        const key = String(path.at(-1));
        const parent = valueAt(tree, path.slice(0, -1));
        for (const slip of slips) {
          const name = slip(key);
          if (name === key || name === '' || (isMap(parent) && Object.hasOwn(parent, name))) continue;
          const slipped = rename(tree, path, name);
          const loaded = await loadTree(slipped);
          expect(loaded.ok, `${path.join('.')} as ${name}`).toBe(false);
          if (loaded.ok) continue;
          const lines = JSON.stringify(slipped, null, 1).split('\n');
          const told = loaded.problems.some((one) =>
            lines[one.line - 1]?.trim().startsWith(`${JSON.stringify(name)}:`),
          );
          expect(told, `${path.join('.')} as ${name} was told elsewhere`).toBe(true);
        }
      }
    });

    const value = fc.oneof(
      fc.constantFrom<Json>(
        null,
        true,
        '',
        '-',
        'a',
        -1,
        0,
        1.5,
        1e308,
        65536,
        2 ** 53,
        '5s',
        '1h',
        [],
        {},
        [null],
        '::1',
      ),
      fc.constantFrom<Json>(
        'postgres://a@b',
        'tcp://127.0.0.1:1',
        'unix:/a',
        [[]],
        [{}],
        { a: { b: 1 } },
        'constructor',
      ),
      fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>,
    );
    const change = fc.record({
      key: fc.nat(keys.length - 1),
      name: fc.option(
        fc.constantFrom('__proto__', 'constructor', 'toString', '', '<<', 'name', 'address', 'pipe', 'x'),
      ),
      value: fc.option(value),
    });
    test('any damage gives problems with a place, or a sound snapshot; it never throws', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
          let damaged = tree;
          for (const { key, name, value: put } of changes) {
            const path = keys[key]!;
            damaged = put === null ? rename(damaged, path, name) : replace(damaged, path, put);
          }
          const loaded = await loadTree(damaged);
          if (loaded.ok) {
            // What is sound survives the way to the workers and its own expansion.
            expect(JSON.parse(JSON.stringify(loaded.snapshot))).toEqual(loaded.snapshot);
            const again = await loadTree(loaded.expanded);
            expect(again.ok && again.snapshot).toEqual(loaded.snapshot);
          } else {
            expect(loaded.problems.length).toBeGreaterThan(0);
            for (const one of loaded.problems) expect(one.line * one.column * one.message.length).toBeGreaterThan(0);
          }
        }),
        { numRuns: 400, seed: 2 },
      );
    });
  });
}

const replace = (tree: Json, path: Path, value: Json): Json => {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (Array.isArray(tree)) return tree.map((item, i) => (i === step ? replace(item, rest, value) : item));
  if (!isMap(tree)) return tree;
  return newMap(
    Object.fromEntries(Object.entries(tree).map(([key, old]) => [key, key === step ? replace(old, rest, value) : old])),
  );
};

test('any text at all gives problems or a snapshot', async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), damagedText()), async (text) => {
      const loaded = await load({ file: 'f', text }, sampleFilters);
      if (!loaded.ok) expect(loaded.problems.length).toBeGreaterThan(0);
    }),
    { numRuns: 400, seed: 3 },
  );
});

/** The good files with a piece cut out and something put in. */
function damagedText(): fc.Arbitrary<string> {
  const put = fc.constantFrom(
    '',
    ':',
    '- ',
    '{',
    '[',
    '"',
    '\n',
    '\t',
    '&a ',
    '*a',
    '!!x ',
    '%',
    '#',
    '\u0000',
    '|\n',
    '? ',
  );
  return fc
    .tuple(fc.constantFrom(shortForm, fullForm), fc.nat(2000), fc.nat(30), put)
    .map(([text, at, length, what]) => text.slice(0, at) + what + text.slice(at + length));
}
