import { policySet } from '../../src/policy/policy.fixture.ts';
import {
  batch,
  bind,
  denies,
  execute,
  type PgCase,
  type PgRow,
  parse,
  query,
  startup,
  sync,
} from './support/postgres.ts';

/** `orders` is app1's or app2's: only app1's is allowed. */
const own = policySet([
  { name: 'own', action: 'allow', operations: ['select'], targets: ['app1.*'] },
  { name: 'paths', action: 'allow', operations: ['setting'], targets: ['setting=search_path'] },
]);
const denyOther = policySet([{ name: 'other', action: 'deny', targets: ['app2.orders'] }]);
const orders = 'select * from orders';
const never = ['from orders', 'app2'];
const path = (name: string) => startup({ search_path: name });
const FAKE = 'it reports no search_path';

const onlyNew = (name: string, sends: Buffer | Buffer[], more: Partial<PgCase>): PgCase =>
  denies(name, sends, { policies: own, never: ['pay'], notFake: FAKE, since: 18, ...more });

/** Names without a schema are what search_path makes of them: known only where the server reports it. */
export const row: PgRow = {
  id: 'PG-25',
  title: 'names without a schema',
  rules: ['R7', 'R8'],
  cases: [
    denies('an allow list of a schema does not cover a name that may be anywhere', query(orders), {
      policies: own,
      never,
    }),
    denies('a denial of a schema covers it', query(orders), { policies: denyOther, never }),
    denies('where the path leads to the other schema', query(orders), {
      policies: own,
      startup: path('app2'),
      never,
      notFake: FAKE,
    }),
    denies('a denial there', query(orders), { policies: denyOther, startup: path('app2'), never, notFake: FAKE }),
    denies('with two schemas in the path', query(orders), {
      policies: own,
      startup: path('app1, app2'),
      never: ['from orders'],
      notFake: FAKE,
    }),
    denies('the path changed in the same text', query(`set search_path to app2; ${orders}`), {
      policies: own,
      startup: path('app1'),
      never,
      notFake: FAKE,
    }),
    denies('the path changed in the same segment', batch(query('set search_path to app2'), query(orders)), {
      policies: own,
      startup: path('app1'),
      ready: 'II',
      never: ['from orders'],
      notFake: FAKE,
    }),
    denies(
      'the path changed by set_config',
      batch(query("select set_config('search_path', 'app2', false)"), query(orders)),
      { policies: own, startup: path('app1'), ready: 'II', never: ['from orders'], notFake: FAKE },
    ),
    denies(
      'SET LOCAL and its end',
      [query('begin'), query('set local search_path to app1'), query('rollback'), query(orders)],
      { policies: own, startup: path('app2'), ready: 'TTII', never: ['from orders'], notFake: FAKE },
    ),
    denies('a catalog is no table of the application', query('select usename from pg_shadow'), {
      policies: own,
      startup: path('app1'),
      never: ['pg_shadow'],
      notFake: FAKE,
    }),
    onlyNew(
      'prepared where it is allowed, run where it is not',
      [batch(parse(orders, 's'), sync()), query('set search_path to app2'), batch(bind('s'), execute(), sync())],
      { startup: path('app1'), ready: 'III' },
    ),
    onlyNew(
      'prepared where it is allowed, run where it is not, pipelined',
      [batch(parse(orders, 's'), sync()), batch(query('set search_path to app2'), bind('s'), execute(), sync())],
      { startup: path('app1'), ready: 'III' },
    ),
    onlyNew(
      'PREPARE where it is allowed, EXECUTE where it is not',
      [query(`prepare s as ${orders}`), query('set search_path to app2'), query('execute s')],
      { startup: path('app1'), ready: 'III' },
    ),
    onlyNew(
      'PREPARE where it is allowed, EXECUTE where it is not, in one text',
      [query(`prepare s as ${orders}`), query('set search_path to app2; execute s')],
      { startup: path('app1'), ready: 'II' },
    ),
    onlyNew(
      'a rollback in the text gives the other path back',
      [query('begin'), query('set local search_path to app1'), query(`rollback; ${orders}`), query('rollback')],
      { startup: path('app2'), ready: 'TTEI' },
    ),
    onlyNew(
      'a rollback in the segment gives a path of several back',
      [query('begin'), query('set local search_path to app1'), batch(query('rollback'), query(orders))],
      { startup: path('app2, app1'), ready: 'TTII' },
    ),
    onlyNew(
      'a rollback in the segment, and what was prepared',
      [
        query('begin'),
        batch(query('set local search_path to app1'), parse(orders, 's'), sync()),
        batch(query('rollback'), bind('s'), execute(), sync()),
      ],
      { startup: path('app2, app1'), ready: 'TTTII' },
    ),
    onlyNew(
      'a cursor moves the path in the text',
      [
        query('begin'),
        query("declare c cursor for select set_config('search_path', 'app2', false)"),
        query(`fetch c; ${orders}`),
        query('rollback'),
      ],
      { startup: path('app1'), ready: 'TTEI' },
    ),
    onlyNew(
      'one text, two paths: allowed here, denied there',
      [query(orders), query('set search_path to app2'), query(orders)],
      { startup: path('app1'), ready: 'III' },
    ),
  ],
};
