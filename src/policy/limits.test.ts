import { describe, expect, test } from 'vitest';
import type { SessionFacts } from '../exchange/session-facts.ts';
import { compilePolicies, type PolicyEngine } from './engine.ts';
import { LimitTable } from './limit-table.ts';
import { exceededLimit, giveBack, replyDenial } from './limits.ts';
import {
  noJudgement,
  op,
  policySet,
  RecordingObserver,
  sessionOf,
  turnOf,
  VOCABULARY,
  type Wish,
} from './policy.fixture.ts';
import type { LimitConfig, PolicyConfig } from './policy-config.ts';

const SELECT = op('SELECT', ['select pay']);
const INSERT = op('INSERT', ['insert log']);

class Asker {
  readonly engine: PolicyEngine;
  readonly observer = new RecordingObserver();
  now = 1000;

  constructor(wishes: readonly Wish[], { workers = 1, before = null as PolicyEngine | null } = {}) {
    const env = { protocol: 'test', listener: 'front', workers, now: () => 0 };
    this.engine = compilePolicies(policySet(wishes), VOCABULARY, env, before);
  }

  /** What is said: `ok`, or the message; and what a limit in shadow mode would have said. */
  ask(facts = [SELECT], session: SessionFacts = sessionOf(), prepares = false) {
    const { engine, now, observer } = this;
    const turn = { ...turnOf(facts, session), prepares };
    const judgement = noJudgement();
    const denial = engine.ask(engine.standing(session), turn, session, judgement, observer, now, true);
    return { said: denial?.message ?? 'ok', denial, judgement, lease: engine.lease, turn };
  }

  said(times: number, ...rest: Parameters<Asker['ask']>): string {
    return Array.from({ length: times }, () => (this.ask(...rest).said === 'ok' ? 'y' : 'n')).join('');
  }
}

const limit = (bounds: Partial<LimitConfig>, wish: Partial<PolicyConfig> = {}): Wish => ({
  ...wish,
  action: 'limit',
  limit: bounds,
});
const rate = (count: number, perMs = 1000, burst = count) => ({ rate: { count, perMs, burst } });

describe('rate', () => {
  test('a bucket that fills with time', () => {
    const asker = new Asker([limit(rate(10, 1000, 3))]);
    expect(asker.said(5)).toBe('yyynn');
    asker.now += 100;
    expect(asker.said(2)).toBe('yn');
    asker.now += 10_000;
    expect(asker.said(5)).toBe('yyynn');
    expect(asker.observer.log).toContain('p1 rate');
  });

  test('the client is told of it', () => {
    const asker = new Asker([limit(rate(1, 60_000), { name: 'slow' })]);
    asker.ask();
    expect(asker.ask().denial).toMatchObject({
      policy: 'slow',
      kind: 'limit',
      closes: false,
      message: 'too many operations: at most 1 in 60 s for each user',
    });
  });

  test('what was counted when it came is judged again, and counts no more', () => {
    const asker = new Asker([limit(rate(10, 1000, 2), { operations: ['select', 'insert'] })]);
    expect(asker.said(2)).toBe('yy');
    const session = sessionOf();
    const again = { ...turnOf([op('BEGIN', []), SELECT, INSERT], session), parked: 2 };
    const ask = (turn: typeof again): string | null => {
      const { engine, observer, now } = asker;
      return engine.ask(engine.standing(session), turn, session, noJudgement(), observer, now, true)?.message ?? null;
    };
    expect(ask(again)).toBeNull();
    expect(ask({ ...again, parked: 1 })).toMatch(/too many operations/);
  });

  test('of what was counted when it came only the bound of its reply is looked up anew', () => {
    const asker = new Asker([
      limit({ ...rate(1, 60_000), rows: 10 }, { operations: ['select'] }),
      limit({ concurrent: 1, bytes: 99 }, { operations: ['insert'] }),
    ]);
    const bounds = (facts: typeof SELECT) => {
      const { engine, observer, now } = asker;
      const session = sessionOf();
      const judgement = noJudgement();
      const turn = { ...turnOf([facts], session), parked: 1 };
      const denial = engine.ask(engine.standing(session), turn, session, judgement, observer, now, true);
      return [denial, engine.lease, judgement.maxRows, judgement.maxReplyBytes];
    };
    for (let i = 0; i < 3; i++) {
      expect(bounds(SELECT)).toEqual([null, null, 10, 0]);
      expect(bounds(INSERT)).toEqual([null, null, 0, 99]);
    }
    expect(asker.said(2)).toBe('yn');
  });

  test('each operation of a message counts, and a long one is paid for later', () => {
    const asker = new Asker([limit(rate(10, 1000, 4))]);
    expect(asker.said(1, [SELECT, SELECT, SELECT])).toBe('y');
    expect(asker.said(1, [SELECT, SELECT])).toBe('n');
    asker.now += 1000;
    expect(asker.said(1, new Array(14).fill(SELECT))).toBe('y');
    asker.now += 900;
    expect(asker.said(1)).toBe('n');
    asker.now += 300;
    expect(asker.said(1)).toBe('y');
  });

  test('what is denied takes nothing, neither of this limit nor of another', () => {
    const asker = new Asker([
      limit(rate(2), { targets: ['pay'] }),
      limit(rate(1), { targets: ['log'] }),
      { action: 'deny', targets: ['secret'] },
    ]);
    expect(asker.ask([op('SELECT', ['select secret', 'select pay'])]).denial?.policy).toBe('p3');
    expect(asker.said(1, [INSERT])).toBe('y');
    expect(asker.said(1, [SELECT, INSERT])).toBe('n');
    expect(asker.said(3)).toBe('yyn');
  });

  test('messages that only prepare, and operations that it is not about, are free', () => {
    const asker = new Asker([limit(rate(1), { targets: ['pay'] })]);
    expect(asker.said(5, [SELECT], sessionOf(), true)).toBe('yyyyy');
    expect(asker.said(5, [INSERT])).toBe('yyyyy');
    expect(asker.said(2)).toBe('yn');
    expect(asker.said(1, [op('DO', [], { unresolved: 'x' })])).toBe('n'); // it may be about pay
  });

  test('workers share it', () => {
    const asker = new Asker([limit(rate(8, 1000, 8))], { workers: 4 });
    expect(asker.said(3)).toBe('yyn');
    asker.now += 500;
    expect(asker.said(2)).toBe('yn');
    expect(new Asker([limit(rate(2))], { workers: 8 }).said(2)).toBe('yn'); // at least one
  });

  const keys: [per: LimitConfig['per'], other: SessionFacts, isOther: boolean][] = [
    ['user', sessionOf({ user: 'bob' }), true],
    ['user', sessionOf({ application: 'x' }), false],
    ['application', sessionOf({ application: 'x' }), true],
    ['database', sessionOf({ database: 'x' }), true],
    ['client', sessionOf({}, '10.9.9.9:1'), true],
    ['client', sessionOf({}, '10.1.2.3:2'), false],
    ['connection', Object.assign(sessionOf(), { id: 2 }), true],
    ['all', sessionOf({ user: 'bob', application: 'x' }, '10.9.9.9:1'), false],
  ];
  for (const [per, other, isOther] of keys)
    test(`per ${per}: ${isOther ? 'an account of its own' : 'the same account'}`, () => {
      const asker = new Asker([limit({ ...rate(1), per })]);
      expect(asker.said(2)).toBe('yn');
      expect(asker.said(1, [SELECT], other)).toBe(isOther ? 'y' : 'n');
    });

  test('in shadow mode it is told of and lets everything pass', () => {
    const asker = new Asker([limit(rate(1), { mode: 'shadow' })]);
    expect(asker.ask().judgement).toMatchObject({ verdict: 0, shadowVerdict: 1 });
    expect(asker.ask()).toMatchObject({ said: 'ok', judgement: { verdict: 0, shadowVerdict: 2, shadowPolicy: 'p1' } });
    asker.now += 1000;
    expect(asker.ask().judgement.shadowVerdict).toBe(1);
  });
});

describe('concurrent', () => {
  test('places are taken by messages and free when their last exchange has ended', () => {
    const asker = new Asker([limit({ concurrent: 2 })]);
    const first = asker.ask([SELECT, SELECT]);
    const second = asker.ask();
    expect([first.said, second.said, asker.ask().said]).toEqual([
      'ok',
      'ok',
      'too many operations at once: at most 2 for each user',
    ]);
    giveBack(first.lease!);
    expect(asker.ask().said).not.toBe('ok');
    giveBack(first.lease!);
    expect(asker.ask().said).toBe('ok');
    expect(asker.ask().said).not.toBe('ok');
  });

  test('workers share them', () => {
    const asker = new Asker([limit({ concurrent: 5 })], { workers: 2 });
    expect(asker.said(3)).toBe('yyn');
  });

  test('in shadow mode they are counted and not denied', () => {
    const asker = new Asker([limit({ concurrent: 1 }, { mode: 'shadow' })]);
    const first = asker.ask();
    const second = asker.ask();
    expect(second).toMatchObject({ said: 'ok', judgement: { shadowVerdict: 2 } });
    giveBack(second.lease!);
    giveBack(first.lease!);
    expect(asker.ask().judgement.shadowVerdict).toBe(1);
  });
});

describe('replies', () => {
  test('the narrowest limit that is enforced is set, and found again', () => {
    const asker = new Asker([
      limit({ rows: 100, bytes: 5000 }),
      limit({ rows: 10 }, { name: 'few', targets: ['pay'] }),
      limit({ rows: 1 }, { mode: 'shadow' }),
    ]);
    const { judgement, lease } = asker.ask();
    expect(judgement).toMatchObject({ maxRows: 10, maxReplyBytes: 5000 });
    expect(exceededLimit(lease!.replies, 'rows', 10)).toBeNull();
    const reached = exceededLimit(lease!.replies, 'rows', 11)!;
    expect(replyDenial(reached, 'rows')).toMatchObject({
      policy: 'few',
      kind: 'limit',
      message: 'the result has more than 10 rows',
    });
    expect(replyDenial(exceededLimit(lease!.replies, 'bytes', 5001)!, 'bytes').message).toBe(
      'the reply has more than 5000 bytes',
    );
    expect(asker.ask([INSERT]).judgement.maxRows).toBe(100);
  });
});

describe('reload', () => {
  test('who has used up a limit does not get it anew', () => {
    const asker = new Asker([limit(rate(1))]);
    expect(asker.said(2)).toBe('yn');
    const again = new Asker([limit(rate(1)), { action: 'deny', targets: ['x'] }], { before: asker.engine });
    expect(again.said(1)).toBe('n');
    const other = new Asker([limit(rate(2))], { before: asker.engine });
    expect(other.said(3)).toBe('yyn');
  });
});

test('accounts are bounded: whoever invents names gets no more by it', () => {
  const table = new LimitTable(
    {
      rate: { count: 1, perMs: 1000, burst: 1 },
      concurrent: 0,
      rows: 0,
      bytes: 0,
      idleInTransactionMs: 0,
      per: 'user',
    },
    1,
  );
  let passed = 0;
  for (let i = 0; i < 20_000; i++) {
    const account = table.account(sessionOf({ user: `u${i}` }), '', 0);
    if (!table.affords(account, 1)) continue;
    account.tokens--;
    passed++;
  }
  expect(passed).toBe(10_001);
  expect(table.size).toBe(10_000);
  // Those that are as good as new are given up for others.
  const later = table.account(sessionOf({ user: 'late' }), '', 5000);
  expect(table.affords(later, 1)).toBe(true);
  expect(table.size).toBe(10_000);
});
