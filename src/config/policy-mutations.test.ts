import { expect, test } from 'vitest';
import { Exchange, VerdictCode } from '../exchange/exchange.ts';
import type { Access, OperationFacts } from '../exchange/operation-facts.ts';
import type { Judgement } from '../exchange/protocol-filter.ts';
import { SessionFacts } from '../exchange/session-facts.ts';
import { compilePolicies } from '../policy/engine.ts';
import { policiesOf, policyFilters, sampleVocabulary } from './fixtures/policies.ts';
import { load } from './load.ts';
import type { Snapshot } from './snapshot.ts';
import { isMap, type Json, newMap, type Path } from './tree.ts';
import { readYaml } from './yaml-source.ts';

// Threats TE-11: a slip of the hand in a policy is told, or changes nothing, or lets less through; it never quietly lets
// more through.

const GOOD = `proxies:
  - name: shop
    upstream: postgres://127.0.0.1:5432
  - name: archive
    upstream: postgres://127.0.0.1:5433
unparsed: deny
policies:
  - name: reads
    proxies: [shop, archive]
    action: allow
    mode: enforce
    users: [app, root]
    operations: [select]
    targets: [orders, public.*]
    message: only reads
  - name: web writes
    proxies: shop
    action: allow
    users: app
    databases: shop
    applications: web
    drivers: pg
    clients: 10.0.0.0/8
    operations: [insert, update]
    targets: orders
    when: has_where
  - name: no secrets
    action: deny
    users: "*"
    operations: "*"
    targets: [secret.*, $unresolved]
  - name: tried
    action: deny
    mode: shadow
    users: app
    operations: drop
  - name: bounds
    action: limit
    users: app
    limit: { rate: 100/s, burst: 200, concurrent: 5, rows: 1000, idle_in_transaction: 30s, per: user }
`;

/** Whom and when an allow is about, beside the three that it must state: what is left out is anybody. */
const NARROWS = /policies\.1\.(proxies|databases|applications|drivers|clients|when)$/;

const accesses: Access[] = ['select', 'insert', 'update', 'drop'].flatMap((verb) =>
  [
    ['', 'orders'],
    ['public', 'orders'],
    ['public', 'items'],
    ['secret', 'keys'],
  ].map(([schema, name]) => ({ verb, type: 'table', schema: schema!, name: name! })),
);
const operations: OperationFacts[] = [
  ...accesses.flatMap((access) =>
    [true, false].map((hasWhere) => ({
      ...BLANK(),
      operation: access.verb.toUpperCase(),
      accesses: [access],
      hasWhere,
    })),
  ),
  { ...BLANK(), operation: 'SELECT', unresolved: 'does not parse' },
];
function BLANK(): OperationFacts {
  return { operation: '', accesses: [], unresolved: '', hasWhere: true, limit: -1, stages: [], categories: [] };
}
const sessions = [
  ['app', 'shop', 'web', 'pg', '10.0.0.1:5'],
  ['app', 'other', 'web', 'pg', '10.0.0.1:5'],
  ['app', 'shop', 'cron', 'pg', '10.0.0.1:5'],
  ['app', 'shop', 'web', 'jdbc', '10.0.0.1:5'],
  ['app', 'shop', 'web', 'pg', '192.168.0.1:5'],
  ['root', 'shop', 'psql', 'libpq', '10.0.0.1:5'],
  ['nobody', 'shop', 'web', 'pg', '10.0.0.1:5'],
].map(([user, database, application, driver, client]) => {
  const session = new SessionFacts(1, 'postgres', 'shop', client!, '127.0.0.1:1', 0);
  return Object.assign(session, { user, database, application, driver });
});

/** Of each listener, session and operation: is it allowed? */
function verdicts(snapshot: Snapshot): boolean[] {
  return ['shop', 'archive'].flatMap((listener) => {
    const set = policiesOf(snapshot, listener) ?? { policies: [], unparsed: 'deny' as const };
    // What a limit lets through depends on the moment.
    const config = { ...set, policies: set.policies.filter(({ action }) => action !== 'limit') };
    const engine = compilePolicies(config, sampleVocabulary, {
      protocol: 'postgres',
      listener,
      workers: 1,
      now: () => 0,
    });
    const observer = { onVerdict() {}, onLimited() {}, onUnresolved() {}, onConditionFailure() {} };
    return sessions.flatMap((session) =>
      operations.map((facts) => {
        const x = new Exchange();
        x.session = session;
        const turn = { from: 0, to: 1, complete: true, ops: [x], facts: [facts] };
        const said: Judgement = {
          verdict: VerdictCode.none,
          policy: '',
          shadowVerdict: VerdictCode.none,
          shadowPolicy: '',
          policySnapshot: '',
          maxRows: 0,
          maxReplyBytes: 0,
        };
        return engine.ask(engine.standing(session), turn, session, said, observer, 0, true) === null;
      }),
    );
  });
}

const tree = readYaml(GOOD, 'f').source.tree as Json;
const keysOf = (at: Json, path: Path = []): Path[] => {
  if (Array.isArray(at)) return at.flatMap((item, i) => keysOf(item, [...path, i]));
  if (!isMap(at)) return [];
  return Object.entries(at).flatMap(([key, value]) => [[...path, key], ...keysOf(value, [...path, key])]);
};
/** The key at a path renamed; deleted where `name` is null. */
const rename = (at: Json, [step, ...rest]: Path, name: string | null): Json => {
  if (Array.isArray(at)) return at.map((item, i) => (i === step ? rename(item, rest, name) : item));
  if (!isMap(at)) return at;
  const entries = Object.entries(at).flatMap(([key, value]): [string, Json][] => {
    if (key !== step) return [[key, value]];
    if (rest.length > 0) return [[key, rename(value, rest, name)]];
    return name === null ? [] : [[name, value]];
  });
  return newMap(Object.fromEntries(entries));
};
const loadTree = (changed: Json) => load({ file: 'f', text: JSON.stringify(changed, null, 1) }, policyFilters);
const keys = keysOf(tree).filter(([top]) => top === 'policies' || top === 'unparsed');

test('a key of a policy that is deleted is missed, or lets nothing through that was denied', async () => {
  const good = await loadTree(tree);
  if (!good.ok) throw new Error(JSON.stringify(good.problems));
  const before = verdicts(good.snapshot);
  // The sample means something: some of each.
  expect(new Set(before).size).toBe(2);
  const loose: string[] = [];
  for (const path of keys) {
    const loaded = await loadTree(rename(tree, path, null));
    const where = path.join('.');
    if (!loaded.ok) continue;
    const after = verdicts(loaded.snapshot);
    if (after.some((allowed, i) => allowed && !before[i])) loose.push(where);
  }
  expect(loose.filter((where) => !NARROWS.test(where))).toEqual([]);
  // Those really do let more through: the list above is no longer than it must be.
  expect(loose).toEqual(
    ['proxies', 'databases', 'applications', 'drivers', 'clients', 'when'].map((field) => `policies.1.${field}`),
  );
});

test('a key of a policy that is mistyped is told at its own line', async () => {
  for (const path of keys) {
    const key = String(path.at(-1));
    for (const name of [`${key}x`, key.slice(1), key.toUpperCase(), key.replace(/s$/, ''), ` ${key}`]) {
      if (name === key || name === '') continue;
      const slipped = rename(tree, path, name);
      const loaded = await loadTree(slipped);
      const where = `${path.join('.')} as ${name}`;
      expect(loaded.ok, where).toBe(false);
      if (loaded.ok) continue;
      const lines = JSON.stringify(slipped, null, 1).split('\n');
      const told = loaded.problems.some((one) => lines[one.line - 1]?.trim().startsWith(`${JSON.stringify(name)}:`));
      expect(told, `${where} was told elsewhere: ${JSON.stringify(loaded.problems)}`).toBe(true);
    }
  }
});

test('any value in the place of another gives problems with a place, or sound policies', async () => {
  const values: Json[] = [
    null,
    '',
    '*',
    0,
    -1,
    1.5,
    1e308,
    true,
    [],
    {},
    [null],
    'x'.repeat(5000),
    '\u0000',
    '$unresolved',
    '1/s',
  ];
  for (const path of keys)
    for (const value of values) {
      const loaded = await loadTree(replace(tree, path, value));
      if (loaded.ok) verdicts(loaded.snapshot);
      else for (const one of loaded.problems) expect(one.line * one.column * one.message.length).toBeGreaterThan(0);
    }
});

const replace = (at: Json, [step, ...rest]: Path, value: Json): Json => {
  if (step === undefined) return value;
  if (Array.isArray(at)) return at.map((item, i) => (i === step ? replace(item, rest, value) : item));
  if (!isMap(at)) return at;
  return newMap(
    Object.fromEntries(Object.entries(at).map(([key, old]) => [key, key === step ? replace(old, rest, value) : old])),
  );
};
