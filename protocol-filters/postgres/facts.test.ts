import { describe, expect, test } from 'vitest';
import { Exchange } from '../../src/exchange/exchange.ts';
import { SessionFacts } from '../../src/exchange/session-facts.ts';
import { postgres } from './index.ts';
import { Reading } from './reading.ts';
import { digests } from './testing/story.ts';

const ops = (text: string, database = 'shop', user = 'ann'): Exchange[] => {
  const facts = new SessionFacts(1, 'postgres', 'l', 'c', 'd', 0);
  facts.user = user;
  facts.database = database;
  const buf = Buffer.from(text);
  const reading = digests.read(new Reading().mode, buf, 0, buf.length);
  return reading.statements.slice(0, reading.count).map(({ digest }) => {
    const x = new Exchange();
    x.session = facts;
    x.kind = 'query';
    x.digest = digest;
    return x;
  });
};
const envoys = (text: string, database?: string): unknown =>
  postgres.metadata(ops(text, database))['envoy.filters.network.postgres_proxy'];

describe("Envoy's metadata", () => {
  const cases: [string, Record<string, string[]>][] = [
    ['select * from a', { 'a.shop': ['select'] }],
    ['insert into a select * from b', { 'a.shop': ['insert'], 'b.shop': ['select'] }],
    ['update t set a = 1; select * from t', { 't.shop': ['update', 'select'] }],
    ['drop table x.t', { 't.shop': ['drop'] }],
    ['show all', {}],
    [
      'select * from "constructor", "__proto__"',
      JSON.parse('{"constructor.shop":["select"],"__proto__.shop":["select"]}'),
    ],
  ];
  for (const [text, want] of cases) test(text, () => expect(envoys(text)).toEqual(want));

  test('without a database the user stands in', () => {
    expect(envoys('select * from a', '')).toEqual({ 'a.ann': ['select'] });
  });
});

test('ours says what was asked, by whom', () => {
  expect(postgres.metadata(ops('select * from hr.a; delete from b'))['sluice.query']).toMatchObject({
    protocol: 'postgres',
    operations: ['SELECT', 'DELETE'],
    relations: ['hr.a', 'b'],
    confidence: 'parsed',
    kind: 'query',
    user: 'ann',
    database: 'shop',
  });
});

describe('config', () => {
  test("Envoy's fields, with Envoy's defaults", () => {
    expect(postgres.config.parse({ stat_prefix: 'p' })).toEqual({
      stat_prefix: 'p',
      enable_sql_parsing: true,
      terminate_ssl: false,
      upstream_ssl: 'DISABLE',
      downstream_ssl: 'DISABLE',
    });
  });
  const wrong: [object, string][] = [
    [{}, 'stat_prefix'],
    [{ stat_prefix: '' }, 'stat_prefix'],
    [{ stat_prefix: 'p', upstream_ssl: 'REQUIRE' }, 'not supported yet'],
    [{ stat_prefix: 'p', downstream_ssl: 'ALLOW' }, 'not supported yet'],
    [{ stat_prefix: 'p', downstream_ssl: 'SOMETIMES' }, 'DISABLE'],
    [{ stat_prefix: 'p', terminate_ssl: true }, 'not supported yet'],
    [{ stat_prefix: 'p', stat_prefx: 'typo' }, 'stat_prefx'],
  ];
  for (const [config, says] of wrong)
    test(JSON.stringify(config), () => {
      const result = postgres.config.safeParse(config);
      expect(JSON.stringify(result.error?.issues)).toContain(says);
    });
  test('options', () => {
    expect(postgres.options.parse(undefined)).toEqual({ refuse_ssl: false });
    expect(postgres.options.parse({ refuse_ssl: true })).toEqual({ refuse_ssl: true });
    expect(postgres.options.safeParse({ refuse: true }).success).toBe(false);
  });
});
