import { describe, expect, test } from 'vitest';
import { OUTCOME_NAMES, VERDICT_NAMES } from '../../src/exchange/exchange.ts';
import type { Denial, Turn } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import { filterEnv } from '../../test/support/filter-env.ts';
import { type HarnessOptions, SessionHarness } from '../../test/support/session-harness.ts';
import { boundOf } from '../../test/support/story.ts';
import { redis } from './index.ts';
import { MAX_PARKED, MAX_PARKED_BYTES } from './parked.ts';
import { array, command, error, integer, join, nil, ok, pubsub, queued, raw, say } from './testing/builders.ts';

const DENIAL: Denial = { policy: 'p', message: 'no', kind: 'policy', closes: false };
const REFUSED = '-NOPERM denied by policy "p": no\r\n';
const DISCARD = '*1\r\n$7\r\nDISCARD\r\n';
const [down, up] = [Side.downstream, Side.upstream] as const;

/** A gate whose policies allow everything, until a reload denies what touches the key `no`. */
class Reloaded extends SessionHarness {
  readonly turns: { readonly facts: readonly string[]; readonly parked: number }[];
  readonly #policies: { denies: boolean };

  constructor(more: Partial<Pick<Denial, 'kind' | 'closes'>> & Pick<HarnessOptions, 'enforces' | 'limits'> = {}) {
    const { enforces = true, limits, ...denial } = more;
    const policies = { denies: false };
    const turns: Reloaded['turns'] = [];
    const touches = (turn: Turn): boolean =>
      turn.facts.some(({ accesses }) => accesses.some(({ name }) => name === 'no'));
    super({
      bound: boundOf(redis, { options: redis.options.parse({}) }, filterEnv()),
      enforces,
      ...(limits && { limits }),
      judge: (turn) => {
        turns.push({ facts: turn.facts.map(({ operation }) => operation), parked: turn.parked ?? 0 });
        expect(turn.ops.length).toBe(turn.facts.length);
        return policies.denies && touches(turn) ? { ...DENIAL, ...denial } : null;
      },
    });
    this.turns = turns;
    this.#policies = policies;
  }

  reload(denies: boolean): void {
    this.snapshot++;
    this.#policies.denies = denies;
  }

  /** MULTI, and these queued. */
  queue(...lines: readonly string[]): void {
    this.feed(down, say('MULTI'));
    this.feed(up, ok);
    for (const line of lines) {
      this.feed(down, say(line));
      this.feed(up, queued);
    }
  }

  said(to: Side): string {
    return this.sent(to).toString('latin1');
  }

  get story(): readonly string[] {
    return this.ended.map((x) =>
      [x.kind, OUTCOME_NAMES[x.outcome], VERDICT_NAMES[x.verdict], x.policy, x.code].filter((word) => word).join(' '),
    );
  }
}

describe('policies change between MULTI and EXEC', () => {
  test('what is denied by now is not run: the server discards it, wherever the EXEC is cut', () => {
    const exec = say('EXEC');
    for (let cut = 0; cut < exec.length; cut++) {
      const on = new Reloaded();
      on.queue('SET a 1', 'SET no 1');
      on.feed(down, exec.subarray(0, cut));
      on.reload(true);
      on.feed(down, exec.subarray(cut));
      expect(on.said(up)).toBe(`${say('MULTI', 'SET a 1', 'SET no 1')}${DISCARD}`);
      for (const byte of ok) on.feed(up, Uint8Array.of(byte));
      expect(on.said(down)).toBe(`+OK\r\n+QUEUED\r\n+QUEUED\r\n${REFUSED}`);
      expect(on.facts.transactionState).toBe('idle');
      on.feed(down, say('GET a'));
      on.feed(up, nil);
      on.finish();
      expect(on.story).toEqual([
        'multi ok allowed',
        'set skipped allowed',
        'set skipped allowed',
        'exec denied denied p NOPERM',
        'get ok allowed',
      ]);
    }
  });

  test('what is allowed still runs, and is asked about once more, as what limits have counted', () => {
    const on = new Reloaded();
    on.queue('SET a 1', 'GET b');
    on.reload(true);
    on.feed(down, say('EXEC'));
    on.feed(up, array(ok, nil));
    on.finish();
    expect(on.turns.at(-1)).toEqual({ facts: ['EXEC', 'SET', 'GET'], parked: 2 });
    expect(on.said(up)).toBe(say('MULTI', 'SET a 1', 'GET b', 'EXEC').toString());
    expect(on.story).toEqual(['multi ok allowed', 'set ok allowed', 'get ok allowed', 'exec ok allowed']);
    expect(on.dropped).toBe(2);
  });

  test('nothing is asked again where nothing has changed', () => {
    const on = new Reloaded();
    on.queue('SET no 1');
    on.feed(down, say('EXEC'));
    expect(on.turns.at(-1)).toEqual({ facts: ['EXEC'], parked: 0 });
    on.feed(up, array(ok));
    on.finish();
  });

  test('in the middle of the queue, and from the first snapshot there is', () => {
    const on = new Reloaded();
    on.snapshot = 0;
    on.queue('SET no 1');
    on.reload(true);
    on.feed(down, say('SET a 1'));
    on.feed(up, queued);
    on.feed(down, say('EXEC'));
    on.feed(up, ok);
    expect(on.said(down).endsWith(REFUSED)).toBe(true);
    on.finish();
  });

  test('a MULTI that is refused leaves the queue, and what is judged of it', () => {
    const on = new Reloaded();
    on.queue('SET no 1');
    on.feed(down, say('MULTI'));
    on.feed(up, error('ERR MULTI calls can not be nested'));
    on.reload(true);
    on.feed(down, say('EXEC'));
    expect(on.said(up).endsWith(DISCARD)).toBe(true);
    on.feed(up, ok);
    on.finish();
  });

  const ends: readonly (readonly [how: string, said: Buffer, answer: Buffer])[] = [
    ['EXEC', say('EXEC'), array(ok)],
    ['DISCARD', say('DISCARD'), ok],
    ['RESET', say('RESET'), raw('+RESET\r\n')],
  ];
  test.each(ends)('the next transaction is judged by itself, behind %s', (_, said, answer) => {
    const on = new Reloaded();
    on.queue('SET no 1');
    on.feed(down, said);
    on.feed(up, answer);
    on.reload(true);
    on.queue('GET a');
    on.feed(down, say('EXEC'));
    expect(on.turns.at(-1)).toEqual({ facts: ['EXEC'], parked: 0 });
    on.feed(up, array(nil));
    on.finish();
    expect(on.story.at(-1)).toBe('exec ok allowed');
  });

  test('behind a denied EXEC, too', () => {
    const on = new Reloaded();
    on.queue('SET no 1');
    on.reload(true);
    on.feed(down, say('EXEC'));
    on.feed(up, ok);
    on.reload(false);
    on.queue('INCR no');
    on.feed(down, say('EXEC'));
    expect(on.turns.at(-1)).toEqual({ facts: ['EXEC'], parked: 0 });
    on.feed(up, array(integer(1)));
    on.finish();
  });

  test('a denial that closes ends all there is', () => {
    const on = new Reloaded({ closes: true });
    on.queue('SET no 1');
    on.reload(true);
    on.feed(down, say('EXEC'));
    expect([on.closed, on.said(up).includes('EXEC')]).toEqual(['denied', false]);
    on.finish();
    expect(on.story).toEqual(['multi ok allowed', 'exec denied denied p NOPERM', 'set skipped allowed']);
  });

  test('a limit says no in its own words, and the server discards as well', () => {
    const on = new Reloaded({ kind: 'limit' });
    on.queue('SET no 1');
    on.reload(true);
    on.feed(down, say('EXEC'));
    on.feed(up, ok);
    expect(on.said(up).endsWith(DISCARD)).toBe(true);
    expect(on.said(down).endsWith('-ERR denied by policy "p": no\r\n')).toBe(true);
    on.finish();
  });

  test('where replies may be cut, each command is asked how much it may return by now', () => {
    const on = new Reloaded({ limits: { rows: 2 } });
    on.queue('LRANGE a 0 -1', 'GET b');
    on.reload(true);
    on.feed(down, say('EXEC'));
    expect(on.turns.slice(-3)).toEqual([
      { facts: ['EXEC', 'LRANGE', 'GET'], parked: 2 },
      { facts: ['LRANGE'], parked: 1 },
      { facts: ['GET'], parked: 1 },
    ]);
    on.feed(up, array(array(nil, nil, nil), nil));
    expect(on.closed).toBe('denied:limit');
    on.finish();
  });

  test('in shadow mode it is only said', () => {
    const on = new Reloaded({ enforces: false });
    on.queue('SET no 1');
    on.reload(true);
    on.feed(down, say('EXEC'));
    on.feed(up, array(ok));
    on.finish();
    expect(on.asked.at(-1)!.verdict).toBe('deny');
    expect(on.said(up).endsWith(say('EXEC').toString())).toBe(true);
  });
});

test('a subscription goes on as it was allowed, and another one is judged by what is in force', () => {
  const on = new Reloaded();
  on.feed(down, say('SUBSCRIBE no'));
  on.feed(up, pubsub(2, 'subscribe', 'no', 1));
  on.reload(true);
  const message = pubsub(2, 'message', 'no', 'x');
  on.feed(up, message);
  on.feed(down, say('UNSUBSCRIBE no', 'SUBSCRIBE no'));
  on.feed(up, join(pubsub(2, 'unsubscribe', 'no', 0), error("ERR unknown command 'sluice.denied'")));
  expect(on.said(down)).toBe(
    `${pubsub(2, 'subscribe', 'no', 1)}${message}${pubsub(2, 'unsubscribe', 'no', 0)}${REFUSED}`,
  );
  on.finish();
});

describe('a transaction that is too long to be kept', () => {
  const cases: readonly (readonly [what: string, lines: readonly Buffer[]])[] = [
    ['in commands', Array.from({ length: MAX_PARKED + 1 }, () => say('PING'))],
    ['in bytes', Array.from({ length: 17 }, (_, i) => command('GET', `${i}`.padEnd(MAX_PARKED_BYTES / 16, 'k')))],
  ];
  for (const [what, lines] of cases)
    test(`${what}: EXEC is denied where policies have changed, and else runs`, () => {
      for (const isReloaded of [false, true]) {
        const on = new Reloaded();
        on.queue();
        on.feed(down, join(...lines));
        on.feed(up, join(...lines.map(() => queued)));
        if (isReloaded) on.reload(false);
        on.feed(down, say('EXEC'));
        on.feed(up, isReloaded ? ok : array(...lines.map(() => nil)));
        const last = on.said(down).slice(-200);
        if (isReloaded) expect(last).toMatch(/-NOPERM denied by policy "sluice.unreadable": policies have changed/);
        else expect(last.endsWith('$-1\r\n')).toBe(true);
        on.queue('GET a'); // nothing of it is left
        on.reload(true);
        on.feed(down, say('EXEC'));
        expect(on.turns.at(-1)).toEqual({ facts: ['EXEC', 'GET'], parked: 1 });
        on.feed(up, array(nil));
        on.finish();
      }
    });
});
