import { describe, expect, test } from 'vitest';
import { Exchange, VerdictCode } from '../exchange/exchange.ts';
import type { Judgement, Turn, Verdict } from '../exchange/protocol-filter.ts';
import { SessionFacts } from '../exchange/session-facts.ts';
import type { NetworkFilter } from './filter.ts';
import { LinkJudges, moveMarks } from './link-judges.ts';

const session = new SessionFacts(1, 'test', 'front', '10.0.0.1:1', '10.0.0.2:2', 0);

const link = (says: (judgement: Judgement) => Verdict, more: Partial<NetworkFilter> = {}): NetworkFilter => ({
  name: 'link',
  onTurn: (_turn, _facts, judgement) => says(judgement),
  ...more,
});
const turnAt = (from: number, ops: readonly Exchange[]): Turn => ({
  from,
  to: from + 10,
  complete: true,
  ops,
  facts: [],
});
const marks = ({ verdict, policy, policySnapshot, requestOffset }: Exchange) => ({
  verdict,
  policy,
  policySnapshot,
  requestOffset,
});

describe('marks', () => {
  const denies = (judgement: Judgement): Verdict => {
    judgement.verdict = VerdictCode.denied;
    judgement.policy = 'p';
    judgement.policySnapshot = 'a';
    return 'deny';
  };
  const silent = (): Verdict => 'allow';
  let says: (judgement: Judgement) => Verdict = denies;
  const judges = new LinkJudges([link((judgement) => says(judgement))]);

  test('every operation of a turn says which policies judged it, and where it began', () => {
    const ops = [new Exchange(), new Exchange()];
    says = denies;
    expect(judges.ask(turnAt(70, ops), session)).toBe('deny');
    const want = { verdict: VerdictCode.denied, policy: 'p', policySnapshot: 'a', requestOffset: 70 };
    expect(ops.map(marks)).toEqual([want, want]);
  });

  test('what another turn was told stays with that', () => {
    const x = new Exchange();
    says = silent;
    expect(judges.ask(turnAt(80, [x]), session)).toBe('allow');
    expect(marks(x)).toEqual({ verdict: VerdictCode.none, policy: '', policySnapshot: '', requestOffset: 80 });
  });

  test('they move with the others, and a resting exchange has none', () => {
    const x = new Exchange();
    const other = new Exchange();
    says = denies;
    judges.ask(turnAt(90, [x]), session);
    moveMarks(x, other);
    expect(marks(other)).toEqual(marks(x));
    other.reset();
    expect(marks(other)).toEqual({ verdict: VerdictCode.none, policy: '', policySnapshot: '', requestOffset: 0 });
  });

  test('one that is asked about later has none yet', () => {
    const x = new Exchange();
    says = (judgement) => {
      judgement.policySnapshot = 'a';
      return 'later';
    };
    judges.ask(turnAt(90, [x]), session);
    expect(marks(x)).toEqual({ verdict: VerdictCode.none, policy: '', policySnapshot: '', requestOffset: 0 });
  });
});

describe('what is in force, for a session that denies unasked', () => {
  const silent = (): Verdict => 'allow';
  const cases: readonly (readonly [string, readonly NetworkFilter[], string])[] = [
    ['nothing', [link(silent)], ''],
    ['the one there is', [link(silent, { policySnapshot: 'a' })], 'a'],
    ['the first', [link(silent, { policySnapshot: 'a' }), link(silent, { policySnapshot: 'b' })], 'a'],
    [
      'the first that is enforced',
      [link(silent, { policySnapshot: 'a' }), link(silent, { policySnapshot: 'b', enforces: true })],
      'b',
    ],
    [
      'one that has policies',
      [link(silent, { enforces: true }), link(silent, { policySnapshot: 'b', enforces: true })],
      'b',
    ],
  ];
  for (const [name, links, want] of cases) test(name, () => expect(new LinkJudges(links).policySnapshot).toBe(want));
});
