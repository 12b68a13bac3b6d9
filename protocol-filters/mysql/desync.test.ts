import { describe, expect, test } from 'vitest';
import { FAULTS } from '../../src/exchange/fault.ts';
import { Side } from '../../src/exchange/side.ts';
import { CAPABILITIES, client, packet, payloadOf, server, u8, zeros } from './testing/builders.ts';
import { expectFault, expectTold } from './testing/checks.ts';
import { login, own, pieces, play, type Script, said, stage, told } from './testing/story.ts';
import { Capability as C } from './wire.ts';

/** Threats §2: where two sides could come to disagree about what belongs to what. */
const batch = (...parts: Uint8Array[]): Buffer => Buffer.concat(parts);

describe('X-04: bytes behind the last field are stepped over', () => {
  /** The same packet, its payload longer by so many bytes. */
  const longer = (message: Buffer, extra: number): Buffer =>
    packet(message[3]!, payloadOf(message), Buffer.alloc(extra, 0xee));
  for (const extra of [1, 8])
    test(`${extra} of them in commands and replies`, () =>
      expectTold(
        [
          ...login.slice(0, 1),
          ['>', longer(client.login41(), extra)],
          ['<', longer(server.ok({}, 2), extra)],
          ['>', longer(client.ping(), extra)],
          ['<', longer(server.ok(), extra)],
          ['>', longer(client.close(1), extra)],
          ['>', client.query('selec')],
          ['<', longer(server.err(), extra)],
          ['>', client.prepare('select 1')],
          ['<', longer(server.prepared(7), extra)],
          ['>', longer(client.execute(7), extra)],
          ['<', longer(server.ok({ affectedRows: 2 }), extra)],
        ],
        ['ping | ping | ok', 'query | selec | error | 1064', 'execute | select ? | ok | affected 2 | prepared'],
      ));
});

describe('X-05: many messages in one segment, one message in many', () => {
  const texts = Array.from({ length: 1000 }, (_, i) => (i % 3 === 0 ? 'select 1' : i % 3 === 1 ? 'selec' : 'do 1'));
  const replies = texts.map((_, i) => (i % 3 === 0 ? server.result(['1']) : i % 3 === 1 ? server.err() : server.ok()));
  const script: Script = [...login, ['>', batch(...texts.map((text) => client.query(text)))], ['<', batch(...replies)]];
  for (const [name, cut] of [
    ['whole', undefined],
    ['in pieces', pieces([1, 700, 3, 65_000])],
  ] as const)
    test(name, () => {
      const on = play(script, {}, cut);
      expect(told(on).map((line) => line.split(' | ').slice(1, 3).join(' '))).toEqual(
        texts.map((_, i) => (i % 3 === 0 ? 'select ? ok' : i % 3 === 1 ? 'selec error' : 'do ? ok')),
      );
      expect(on.harness.opaqueReasons).toEqual([]);
      expect(own(on, 'rows')).toBe(334);
    });
});

describe('X-06: what is sent behind a message that changes how the rest reads', () => {
  test('a command behind the login, before the server has said OK', () =>
    expectFault(
      [
        ['<', server.greeting()],
        ['>', batch(client.login41(), client.query('drop table t'))],
      ],
      'out_of_order',
      'protocol_errors',
    ));
  test('a command in clear where compression was agreed on', () => {
    const capabilities = CAPABILITIES | C.compress;
    expectFault(
      [
        ['<', server.greeting({ capabilities })],
        ['>', client.login41({ capabilities })],
        ['<', server.ok({}, 2)],
        ['>', client.query('select 1 from a_table_with_a_long_name')],
        ['<', server.result(['1'])],
      ],
      'truncated',
    );
  });
});

describe('X-07: a server that answers too much, too little, or too early', () => {
  const ask = (...lines: Script): Script => [...login, ...lines];
  test('two replies to one request', () =>
    expectFault(ask(['>', client.ping()], ['<', batch(server.ok(), server.ok())]), 'unexpected_reply'));
  test('a result set behind the reply', () =>
    expectFault(ask(['>', client.ping()], ['<', batch(server.ok(), server.result(['1']))]), 'unexpected_reply'));
  test('a reply before its request', () =>
    expectFault(ask(['<', server.ok()], ['>', client.ping()]), 'unexpected_reply'));
  test('a missing reply: its request is lost when the connection ends, the next is not taken for it', () => {
    const on = play(ask(['>', client.query('select 1')], ['<', server.columns(1)], ['>', client.ping()]));
    expect(told(on)).toEqual(['query | select ? | lost', 'ping | ping | lost | pipelined']);
    expect(own(on, 'lost')).toBe(2);
  });
});

describe('X-09: one side has said all it wants', () => {
  test('the client: its answers still count', () => {
    const { harness } = stage();
    for (const [who, bytes] of login) harness.feed(who === '>' ? Side.downstream : Side.upstream, bytes);
    harness.feed(Side.downstream, batch(client.query('select 1'), client.query('select 2, 2').subarray(0, 9)));
    harness.hangUp(Side.downstream);
    harness.feed(Side.upstream, server.result(['1']));
    harness.hangUp(Side.upstream);
    expect(harness.ended.map((x) => `${x.text} ${x.outcome} ${x.rowsReturned}`)).toEqual(['select ? 0 1']);
    expect(harness.openExchanges).toBe(0);
  });
  test('the server, in the middle of rows: lost, with what came', () => {
    const { harness } = stage();
    for (const [who, bytes] of login) harness.feed(who === '>' ? Side.downstream : Side.upstream, bytes);
    harness.feed(Side.downstream, client.query('select 1'));
    harness.feed(Side.upstream, batch(server.columns(1), server.row(['1']), server.row(['2'], 4)));
    harness.hangUp(Side.upstream);
    expect(harness.ended).toMatchObject([{ outcome: 4, rowsReturned: 2 }]);
  });
});

describe('X-12: every first byte of either side in every state', () => {
  const states: [name: string, script: Script][] = [
    ['before the greeting', []],
    ['before the login', login.slice(0, 1)],
    ['before the final OK', login.slice(0, 2)],
    ['asked to authenticate otherwise', [...login.slice(0, 2), ['<', server.authSwitch('caching_sha2_password', 2)]]],
    ['refused', [...login.slice(0, 2), ['<', server.err(1045, '28000', 'no', 2)]]],
    ['idle', login],
    ['a query', [...login, ['>', client.query('select 1')]]],
    ['definitions', [...login, ['>', client.query('select 1')], ['<', server.columnCount(2)]]],
    ['rows', [...login, ['>', client.query('select 1')], ['<', server.columns(1)]]],
    ['a file', [...login, ['>', client.query("load data local infile 'x' into table t")], ['<', server.infile('x')]]],
    ['a prepare', [...login, ['>', client.prepare('select ?')]]],
    ['a change of the user', [...login, ['>', client.changeUser()]]],
    ['a stream', [...login, ['>', client.command(0x12, zeros(10))], ['<', packet(1, u8(0), zeros(20))]]],
  ];
  for (const [name, script] of states)
    test(name, () => {
      for (const who of ['>', '<'] as const)
        for (let first = 0; first < 256; first++)
          for (const sequence of [0, 1, 3]) {
            const odd: Script = [...script, [who, packet(sequence, u8(first), Buffer.alloc(9, first))]];
            const on = play(odd);
            const reasons = on.harness.opaqueReasons;
            expect(reasons.length).toBeLessThanOrEqual(1);
            for (const reason of reasons) expect(FAULTS).toContain(reason);
            expect(on.harness.openExchanges).toBe(0);
            expect(on.harness.sent(Side.upstream).equals(said(odd, '>'))).toBe(true);
            expect(on.harness.sent(Side.downstream).equals(said(odd, '<'))).toBe(true);
          }
    });
});
