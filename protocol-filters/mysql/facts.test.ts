import { describe, expect, test } from 'vitest';
import { Exchange } from '../../src/exchange/exchange.ts';
import { SessionFacts } from '../../src/exchange/session-facts.ts';
import { digests } from '../../test/support/filter-env.ts';
import { metadata } from './facts.ts';
import { mysql } from './index.ts';

const MODE = {
  dialect: 'mysql',
  ansiQuotes: false,
  noBackslashEscapes: false,
  flavour: 'mariadb',
  version: 101_119,
} as const;

/** Exchanges of a text, as a session would make them. */
function opsOf(text: string, database = 'shop'): Exchange[] {
  const session = new SessionFacts(1, 'mysql', 'l', '', '', 0);
  Object.assign(session, { user: 'ann', database, application: 'till' });
  const buf = Buffer.from(text);
  const reading = digests.read(MODE, buf, 0, buf.length);
  return reading.statements.slice(0, reading.count).map(({ digest }, index) => {
    digests.settle(digest, () => {});
    const x = new Exchange();
    return Object.assign(x, { session, digest, index, kind: 'query' });
  });
}

describe('metadata', () => {
  const ENVOY = 'envoy.filters.network.mysql_proxy';

  test("MY-24: Envoy's, table.database and its operations, of all statements of a text", () => {
    const { [ENVOY]: tables } = metadata(
      opsOf('select * from a join x.b on 1; insert into a values (1); select * from a'),
    );
    expect(tables).toEqual({ 'a.shop': ['select', 'insert'], 'b.x': ['select'] });
  });

  test('without a database, the table alone', () => {
    expect(metadata(opsOf('delete from t', ''))[ENVOY]).toEqual({ t: ['delete'] });
  });

  test('ours: what was asked, by whom', () => {
    const own = metadata(opsOf('select * from x.b'))['sluice.query'];
    expect(own).toMatchObject({
      protocol: 'mysql',
      operations: ['SELECT'],
      confidence: expect.stringMatching(/^(parsed|partial)$/),
      relations: ['x.b'],
      kind: 'query',
      user: 'ann',
      database: 'shop',
      application: 'till',
    });
  });

  test('tables of odd names', () => {
    const { [ENVOY]: tables } = metadata(opsOf('select * from `__proto__`', ''));
    expect(Object.keys(tables!)).toEqual(['__proto__']);
  });

  test('nothing asked', () => {
    expect(metadata([])[ENVOY]).toEqual({});
  });
});

describe('configuration', () => {
  test("Envoy's fields", () => {
    expect(mysql.config.parse({ stat_prefix: 'p', downstream_ssl: 'DISABLE' })).toEqual({
      stat_prefix: 'p',
      downstream_ssl: 'DISABLE',
    });
    for (const wrong of [
      {},
      { stat_prefix: '' },
      { stat_prefix: 'p', downstream_ssl: 'REQUIRE' },
      { stat_prefix: 'p', access_log: 'x' },
    ])
      expect(mysql.config.safeParse(wrong).success).toBe(false);
    expect(mysql.options.parse(undefined)).toEqual({
      local_infile: 'deny',
      lower_case_table_names: 0,
      max_held_bytes: 64 * 1024 * 1024,
    });
    expect(mysql.options.safeParse({ refuse_ssl: true }).success).toBe(false);
  });
});
