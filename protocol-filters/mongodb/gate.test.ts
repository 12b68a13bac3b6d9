import { Long, UUID } from 'bson';
import { describe, expect, test } from 'vitest';
import { Flag, Outcome, VerdictCode } from '../../src/exchange/exchange.ts';
import type { Denial } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import { filterEnv } from '../../test/support/filter-env.ts';
import { type HarnessOptions, type Judge, SessionHarness } from '../../test/support/session-harness.ts';
import { boundOf } from '../../test/support/story.ts';
import { MAX_OPEN } from './downstream.ts';
import { mongodb } from './index.ts';
import { opMsg } from './testing/wire-bytes.ts';

const NO: Denial = { policy: 'p', message: 'no', kind: 'policy', closes: false };
/** What touches the collection `secret` is denied. */
const judge: Judge = (turn) =>
  turn.facts.some(({ accesses }) => accesses.some(({ name }) => name === 'secret')) ? NO : null;

function gate(options: Partial<HarnessOptions> = {}) {
  const env = filterEnv();
  const harness = new SessionHarness({ bound: boundOf(mongodb, {}, env), judge, enforces: true, ...options });
  const stat = (name: string): number => env.stats.value(`sluice.mongodb.p.${name}`) ?? Number.NaN;
  return { harness, stat };
}
const ask = (collection: string, requestId: number, flags = 0): Buffer =>
  opMsg({ find: collection, $db: 'shop' }, { requestId, flags });
const reply = (responseTo: number, documents = 0): Buffer =>
  opMsg(
    { cursor: { firstBatch: Array.from({ length: documents }, (_, a) => ({ a })), id: 0, ns: 'shop.a' }, ok: 1 },
    { requestId: 900, responseTo },
  );

describe('the gate of a session', () => {
  test('above the cap an observer tells of each command what judged it, and where it stood', () => {
    const { harness } = gate({ enforces: false }); // enforced, nothing goes on above the cap
    const count = MAX_OPEN + 3;
    const asks = Array.from({ length: count }, (_, i) => ask('a', i + 1));
    const [{ length }] = asks as [Buffer];
    harness.feed(Side.downstream, Buffer.concat(asks));
    harness.snapshot++;
    harness.feed(Side.upstream, Buffer.concat(asks.map((_, i) => reply(i + 1))));
    expect(harness.places).toEqual(asks.map((_, i) => `snapshot 1 at ${i * length} + ${length}`));
    expect(harness.ended.at(-1)!.flags & Flag.untimed).not.toBe(0);
    harness.finish();
  });

  test('a denied command is a ping to the server, and an error to the client', () => {
    const { harness, stat } = gate();
    harness.feed(Side.downstream, Buffer.concat([ask('a', 1), ask('secret', 2)]));
    harness.feed(Side.upstream, Buffer.concat([reply(1), opMsg({ ok: 1 }, { requestId: 901, responseTo: 2 })]));
    expect(harness.sent(Side.upstream).subarray(0, ask('a', 1).length)).toEqual(ask('a', 1));
    expect(harness.sent(Side.upstream).includes('secret')).toBe(false);
    expect(harness.sent(Side.downstream).toString('latin1')).toContain('no (denied by policy "p")');
    expect([stat('denied'), stat('stand_ins'), stat('replies_cut')]).toEqual([1, 1, 0]);
    expect(harness.ended[1]).toMatchObject({
      outcome: Outcome.denied,
      verdict: VerdictCode.denied,
      policy: 'p',
      code: '13',
      severity: 'Unauthorized',
    });
    harness.finish();
  });

  test('a stand-in says the API version of what it stands for: servers ask for it, and transactions for the same', () => {
    const api = { apiVersion: '1', apiStrict: true, apiDeprecationErrors: false };
    const inside = { lsid: { id: new UUID() }, txnNumber: Long.fromNumber(1), autocommit: false };
    const { harness } = gate();
    harness.feed(Side.downstream, opMsg({ find: 'secret', ...api, $db: 'shop' }, { requestId: 1 }));
    harness.feed(Side.downstream, opMsg({ find: 'secret', ...api, ...inside, $db: 'shop' }, { requestId: 2 }));
    expect(harness.sent(Side.upstream)).toEqual(
      Buffer.concat([
        opMsg({ ping: 1, ...api, $db: 'admin' }, { requestId: 1 }),
        opMsg({ abortTransaction: 1, ...inside, ...api, $db: 'admin' }, { requestId: 2 }),
      ]),
    );
    harness.finish();
  });

  test('of a command that names very much no cursor keeps it: reading on cannot be judged', () => {
    for (const [count, unresolved] of [
      [100, ''],
      [200, 'a cursor of unknown origin'],
    ] as const) {
      const asked: string[] = [];
      const { harness } = gate({
        judge: ({ facts: [facts] }) => {
          asked.push(`${facts?.operation} ${facts?.unresolved}`);
          return null;
        },
      });
      const pipeline = Array.from({ length: count }, (_, i) => ({ $unionWith: `c${i}` }));
      harness.feed(Side.downstream, opMsg({ aggregate: 'a', pipeline, cursor: {}, $db: 'shop' }, { requestId: 1 }));
      const cursor = { firstBatch: [{}], id: Long.fromNumber(77), ns: 'shop.a' };
      harness.feed(Side.upstream, opMsg({ cursor, ok: 1 }, { responseTo: 1 }));
      harness.feed(
        Side.downstream,
        opMsg({ getMore: Long.fromNumber(77), collection: 'a', $db: 'shop' }, { requestId: 2 }),
      );
      expect(asked).toEqual(['aggregate ', `getMore ${unresolved}`]);
      harness.finish();
    }
  });

  test('a verdict that is not known yet: nothing leaves, and it is asked again', () => {
    let later = true;
    const { harness } = gate({ judge: () => (later ? 'later' : null) });
    for (const byte of ask('a', 1)) harness.feed(Side.downstream, Buffer.of(byte));
    expect(harness.sent(Side.upstream).length).toBe(0);
    later = false;
    harness.decide();
    expect(harness.sent(Side.upstream)).toEqual(ask('a', 1));
    harness.feed(Side.upstream, reply(1));
    harness.finish();
  });

  test('a policy that closes: the error is the last word where nothing else is awaited', () => {
    for (const before of [[], [ask('a', 1)]]) {
      const { harness } = gate({ judge: (turn) => (judge(turn) === null ? null : { ...NO, closes: true }) });
      harness.feed(Side.downstream, Buffer.concat([...before, ask('secret', 2)]));
      expect(harness.closed).toBe('denied');
      expect(harness.ended.at(-1)).toBeDefined();
      harness.finish();
    }
    const { harness } = gate();
    expect(harness.session.expel?.(NO)).toBeNull(); // nobody has asked anything
  });

  for (const [name, limits, documents] of [
    ['documents', { rows: 3 }, 5],
    ['bytes', { bytes: 100 }, 20],
  ] as const)
    test(`a reply of too many ${name} is replaced, however it is cut`, () => {
      const bytes = reply(1, documents);
      for (const cut of [0, 5, 16, 20, 60, bytes.length - 1]) {
        const { harness, stat } = gate({ limits });
        harness.feed(Side.downstream, ask('a', 1));
        for (const piece of [bytes.subarray(0, cut), bytes.subarray(cut)])
          if (piece.length > 0) harness.feed(Side.upstream, piece);
        const sent = harness.sent(Side.downstream);
        expect(sent.readInt32LE(0)).toBe(sent.length); // one message
        expect(sent.readInt32LE(8)).toBe(1);
        expect(sent.toString('latin1')).toContain('IngressRequestRateLimitExceeded');
        expect(stat('replies_cut')).toBe(1);
        expect(harness.ended).toMatchObject([{ outcome: Outcome.denied, code: '462', verdict: VerdictCode.denied }]);
        harness.feed(Side.downstream, ask('a', 2));
        harness.feed(Side.upstream, reply(2));
        expect(harness.sent(Side.downstream).subarray(sent.length)).toEqual(reply(2));
        harness.finish();
      }
    });

  test('in shadow nothing is held, and all is asked', () => {
    const { harness } = gate({ enforces: false });
    const both = Buffer.concat([ask('secret', 1), ask('a', 2)]);
    for (const byte of both) harness.feed(Side.downstream, Buffer.of(byte));
    expect(harness.sent(Side.upstream)).toEqual(both);
    expect(harness.asked.map(({ verdict }) => verdict)).toEqual(['deny', 'allow']);
    harness.feed(Side.upstream, Buffer.concat([reply(1), reply(2)]));
    expect(harness.ended.map(({ outcome }) => outcome)).toEqual([Outcome.ok, Outcome.ok]);
    harness.finish();
  });
});
