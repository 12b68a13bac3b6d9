import { describe, expect, test } from 'vitest';
import { OUTCOME_NAMES, VERDICT_NAMES } from '../../src/exchange/exchange.ts';
import type { Denial, Turn } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import { mysqlParserReady } from '../../test/support/mysql-gated.ts';
import { client, server } from './testing/builders.ts';
import { byteByByte, type Cut, login, play, type Script, type Stage, stage, whole } from './testing/story.ts';

await mysqlParserReady();

/** Each verdict is told by one exchange, however its message ends (threats R15). */

const WHY: Denial = { policy: 'p', message: 'no', kind: 'policy', closes: false };
const judge = (turn: Turn): Denial | null =>
  turn.facts.some(({ accesses }) => accesses.some(({ name }) => name === 'pay')) ? WHY : null;
const MORE = 0x000a;
const CURSOR = 0x0042;

const told = ({ harness }: Stage): string[] =>
  harness.ended.map(
    ({ kind, text, outcome, code, verdict, policy }) =>
      `${kind} | ${text} | ${OUTCOME_NAMES[outcome]} ${code} | ${VERDICT_NAMES[verdict]} ${policy}`,
  );

const cases: readonly (readonly [name: string, script: Script, want: readonly string[]])[] = [
  [
    'a statement that was allowed and cannot be prepared',
    [
      ['>', client.prepare('select a from t where b = ?')],
      ['<', server.err(1146, '42S02')],
    ],
    ['prepare | select a from t where b = ? | error 1146 | allowed '],
  ],
  [
    'a denied one',
    [
      ['>', client.prepare('select a from pay')],
      ['<', server.ok()],
    ],
    ['prepare | select a from pay | denied 1142 | denied p'],
  ],
  [
    'what a failed statement of a text keeps from running',
    [
      ['>', client.query('delete from t; delete from u')],
      ['<', server.err(1146, '42S02')],
    ],
    ['query | delete from t | error 1146 | allowed ', 'query | delete from u | skipped  | allowed '],
  ],
  [
    'more results than statements',
    [
      ['>', client.query('select 1')],
      ['<', Buffer.concat([server.result(['1'], MORE), server.result(['2'], 2, 5)])],
    ],
    ['query | select ? | ok  | allowed ', 'query | no statement | ok  | allowed '],
  ],
  [
    'a statement that somebody has killed',
    [
      ['>', client.query('select a from t')],
      ['<', server.err(1317, '70100')],
    ],
    ['query | select a from t | cancelled 1317 | allowed '],
  ],
  [
    'one whose answer never comes',
    [['>', client.query('select a from t')]],
    ['query | select a from t | lost  | allowed '],
  ],
  [
    'a denied one whose stand-in is not answered any more',
    [['>', client.query('select a from pay; select 1')]],
    ['query | select a from pay | denied 1142 | denied p', 'query | select ? | denied 1142 | denied p'],
  ],
];

describe('each verdict has its exchange', () => {
  for (const [name, script, want] of cases)
    for (const cut of [whole, byteByByte] as Cut[])
      test(`${name}${cut === whole ? '' : ', byte by byte'}`, () => {
        expect(told(play([...login, ...script], { judge, enforces: true }, cut))).toEqual(want);
      });

  test('a text of more statements than are asked about one by one', () => {
    const count = 1010;
    const results = Array.from({ length: count }, (_, i) => server.ok({ status: i < count - 1 ? MORE : 2 }, i + 1));
    const on = play(
      [
        ...login,
        ['>', client.query(Array.from({ length: count }, () => 'delete from t').join(';'))],
        ['<', Buffer.concat(results)],
      ],
      { judge, enforces: true },
    );
    expect(on.harness.ended.length).toBeGreaterThan(1000);
    expect(new Set(told(on))).toEqual(new Set(['query | delete from t | ok  | allowed ']));
  });

  test('what was prepared, and a cursor that was opened, before policies changed are judged as they are used', () => {
    let strict = false;
    const { harness } = stage({ enforces: true, judge: (turn) => (strict ? judge(turn) : null) });
    for (const [side, bytes] of login) harness.feed(side === '>' ? Side.downstream : Side.upstream, bytes);
    harness.feed(Side.downstream, client.prepare('select a from pay'));
    harness.feed(Side.upstream, server.prepared(4, 0, 1));
    harness.feed(Side.downstream, client.execute(4, 1));
    harness.feed(Side.upstream, Buffer.concat([server.columnCount(1), server.column('a'), server.end(CURSOR, 3)]));
    harness.feed(Side.downstream, client.fetch(4));
    harness.feed(Side.upstream, Buffer.concat([server.binaryRow(['1'], 1), server.end(CURSOR, 2)]));
    const before = harness.sent(Side.upstream).length;
    strict = true;
    for (const command of [client.fetch(4), client.execute(4), client.query("execute immediate 'select a from pay'")]) {
      harness.feed(Side.downstream, command);
      harness.feed(Side.upstream, server.ok());
    }
    expect(harness.sent(Side.upstream).subarray(before)).toEqual(
      Buffer.concat([client.ping(), client.ping(), client.ping()]),
    );
    harness.finish();
    expect(harness.ended.map(({ kind, verdict }) => `${kind} ${VERDICT_NAMES[verdict]}`)).toEqual([
      'execute allowed',
      'fetch allowed',
      'fetch denied',
      'execute denied',
      'query denied',
    ]);
  });
});
