import { afterEach, describe, expect, test } from 'vitest';
import { type Script, type ScriptedSession, scriptedProtocol } from '../../test/support/scripted-protocol.ts';
import { SimulatedPlane } from '../../test/support/simulated-plane.ts';
import { type Exchange, OUTCOME_NAMES, Outcome } from '../exchange/exchange.ts';
import type { Denial, ProtocolFilter } from '../exchange/protocol-filter.ts';
import { Side } from '../exchange/side.ts';
import type { FilterBuilder } from '../net/filter.ts';
import { op, policySet, VOCABULARY, type Wish } from '../policy/policy.fixture.ts';
import { policyLink } from './policy.ts';

const { downstream, upstream } = Side;

/** What ended: `select pay ok`, and what policies said of it. */
const line = (x: Exchange): string =>
  [
    `${x.kind} ${OUTCOME_NAMES[x.outcome]}`,
    x.verdict ? `${['', 'allowed', 'denied'][x.verdict]} ${x.policy}`.trim() : '',
    x.shadowVerdict ? `shadow ${['', 'allowed', 'denied'][x.shadowVerdict]} ${x.shadowPolicy}`.trim() : '',
  ]
    .filter((part) => part !== '')
    .join(', ');

/**
 * One request a chunk, `select pay` or `begin`, answered by `3` (rows) or `3 in_transaction`. A denied request is answered
 * by its denial; a reply that is cut too. `prepare X` is asked about with another exchange than is begun.
 */
class Talk {
  readonly ended: string[] = [];
  readonly open: Exchange[] = [];
  readonly script: Script = {
    downstream: (session, text, at) => this.#request(session, text, at),
    upstream: (session, text, at) => this.#reply(session, text, at),
    refuse: (_session, _turn, why) => ({ kind: 'answer', bytes: Buffer.from(`!${why.message}`) }),
    end: ({ host }) => {
      for (const x of this.open.splice(0)) this.#end(host, x, Outcome.lost);
    },
    quiet: () => this.open.length === 0,
  };

  #request(session: ScriptedSession, text: string, at: number): undefined {
    const { host } = session;
    host.clear(downstream, at);
    const x = host.take();
    x.kind = text;
    const [verb = ''] = text.split(' ');
    const facts = verb === 'begin' ? [op('BEGIN', ['transaction'])] : [op(verb.toUpperCase(), [text])];
    const verdict = host.judges
      ? host.ask({ from: at, to: at + text.length, complete: true, ops: [x], facts })
      : 'allow';
    if (verdict === 'deny') {
      host.begin(x);
      this.#end(host, x, Outcome.denied);
    } else if (verb === 'move') {
      const other = host.take();
      other.kind = text;
      host.marked(x, other);
      host.drop(x);
      this.#begin(session, other);
    } else this.#begin(session, x);
    if (verdict === 'allow') host.clear(downstream, at + text.length);
  }

  #begin({ host }: ScriptedSession, x: Exchange): void {
    host.begin(x);
    this.open.push(x);
    if (host.cuts) host.setGear(upstream, 'gate');
  }

  #reply({ host }: ScriptedSession, text: string, at: number): undefined {
    const [rows, state] = text.split(' ');
    const x = this.open.shift()!;
    x.rowsReturned = Number(rows);
    x.replyBytes = text.length;
    const why = host.cuts && x.maxRows > 0 && x.rowsReturned > x.maxRows ? host.exceeded(x, 'rows') : null;
    if (why !== null) host.replace(upstream, at, at + text.length, Buffer.from(`!${why.message}`));
    host.clear(upstream, at + text.length);
    host.facts.transactionState = (state ?? '') as 'in_transaction';
    this.#end(host, x, why === null ? Outcome.ok : Outcome.error);
  }

  #end(host: ScriptedSession['host'], x: Exchange, outcome: Outcome): void {
    x.outcome = outcome;
    x.replyLastByteAt = host.now();
    host.end(x);
    this.ended.push(line(x)); // the plane's observer here keeps exchanges: what links noted at the end stands in them
  }
}

const stages: Stage[] = [];
afterEach(() => {
  for (const stage of stages.splice(0)) stage.expectNoBugs();
});

class Stage {
  readonly talk = new Talk();
  readonly sessions: ScriptedSession[] = [];
  builder!: FilterBuilder;
  simulated!: SimulatedPlane;

  static async start(wishes: readonly Wish[], workers = 1): Promise<Stage> {
    const stage = new Stage();
    stages.push(stage);
    const scripted = scriptedProtocol(stage.talk.script, stage.sessions, 'server');
    const protocol: ProtocolFilter = {
      ...scripted,
      vocabulary: VOCABULARY,
      bind: (config, options, env) => {
        const bound = scripted.bind(config, options, env);
        return {
          open: (host) => {
            const session = bound.open(host);
            return Object.assign(session, { expel: (why: Denial) => Buffer.from(`bye: ${why.message}`) });
          },
        };
      },
    };
    stage.simulated = await SimulatedPlane.start({
      protocol,
      link: (_config, env) => {
        stage.builder = policyLink(policySet(wishes), { ...env, workers });
        return stage.builder;
      },
    });
    return stage;
  }

  update(wishes: readonly Wish[]): boolean {
    return this.builder.update!(policySet(wishes) as unknown as Record<string, unknown>);
  }

  verdicts(policy: string, verdict: string, mode = 'enforce'): number {
    return this.simulated.stat(`sluice.policy.front.${policy}.${mode}.${verdict}.verdicts`);
  }

  /** Errors of our own would only end connections. */
  expectNoBugs(): void {
    expect(this.simulated.parts.errors).toEqual([]);
  }

  set(name: string): number {
    return this.simulated.stat(`sluice.policies.front.${name}`);
  }
}

const DENY_PAY: Wish = { action: 'deny', targets: ['pay'] };
const limit = (bounds: Wish['limit'], wish: Partial<Wish> = {}): Wish => ({ ...wish, action: 'limit', limit: bounds! });

test('a denied request never leaves, and the verdict is marked, counted and told', async () => {
  const stage = await Stage.start([DENY_PAY, { action: 'allow', targets: ['log'] }]);
  const { client, server } = stage.simulated.pair();
  for (const request of ['select pay', 'select log', 'select other']) {
    client.send(request);
    stage.simulated.run(5);
  }
  server.send('1');
  stage.simulated.run(5);
  expect(server.text).toBe('select log');
  expect(client.text).toBe('!this operation is denied by policy!no policy allows select on other1');
  expect(stage.talk.ended).toEqual([
    'select pay denied, denied p1',
    'select other denied, denied sluice.not_allowed',
    'select log ok, allowed p2',
  ]);
  expect([stage.verdicts('p1', 'denied'), stage.verdicts('p2', 'allowed')]).toEqual([1, 1]);
  expect(stage.verdicts('sluice.not_allowed', 'denied')).toBe(1);
  expect([stage.set('snapshot'), stage.set('enforced'), stage.set('shadow')]).toEqual([1, 2, 0]);
});

test('in shadow mode everything passes as it came, and is told of', async () => {
  const stage = await Stage.start([{ ...DENY_PAY, mode: 'shadow' }]);
  const { client, server } = stage.simulated.pair();
  client.send('select pay');
  stage.simulated.run(5);
  expect(stage.sessions[0]!.host.enforces).toBe(false);
  expect(stage.sessions[0]!.host.gear(downstream)).toBe('tap');
  server.send('1');
  stage.simulated.run(5);
  expect([server.text, client.text]).toEqual(['select pay', '1']);
  expect(stage.talk.ended).toEqual(['select pay ok, shadow denied p1']);
  expect([stage.verdicts('p1', 'denied', 'shadow'), stage.verdicts('p1', 'denied')]).toEqual([1, Number.NaN]);
});

describe('a new configuration', () => {
  test('is what live connections are judged by from the next message on', async () => {
    const stage = await Stage.start([{ action: 'deny', targets: ['x'] }]);
    const { client, server } = stage.simulated.pair();
    client.send('select pay');
    stage.simulated.run(5);
    expect(stage.update([DENY_PAY])).toBe(true);
    client.send('select pay');
    stage.simulated.run(5);
    expect(server.text).toBe('select pay');
    expect(client.text).toBe('!this operation is denied by policy');
    expect(stage.set('snapshot')).toBe(2);
    expect(stage.builder.enforces!()).toBe(true);
    expect(stage.builder.update!(null)).toBe(true);
    expect(stage.builder.enforces!()).toBe(false);
    client.send('select pay');
    stage.simulated.run(5);
    expect(server.text).toBe('select payselect pay');
  });

  test('that enforces where nothing was: live connections are stale, and judged in shadow', async () => {
    const stage = await Stage.start([{ ...DENY_PAY, mode: 'shadow' }]);
    const { client, server } = stage.simulated.pair();
    stage.update([DENY_PAY]);
    expect(stage.set('stale_connections')).toBe(1);
    client.send('select pay');
    stage.simulated.run(5);
    expect(server.text).toBe('select pay');
    server.send('1');
    stage.simulated.run(5);
    expect(stage.talk.ended).toEqual(['select pay ok, shadow denied p1']);
    const { client: later } = stage.simulated.pair();
    later.send('select pay');
    stage.simulated.run(5);
    expect(later.text).toBe('!this operation is denied by policy');
    client.end();
    server.end();
    stage.simulated.run(50);
    expect(stage.set('stale_connections')).toBe(0);
  });

  test('that cuts replies where nothing did: live connections are stale', async () => {
    const stage = await Stage.start([DENY_PAY]);
    stage.simulated.pair();
    stage.update([DENY_PAY, limit({ rows: 1 })]);
    expect(stage.set('stale_connections')).toBe(1);
    stage.update([DENY_PAY]);
    expect(stage.set('stale_connections')).toBe(0);
  });
});

describe('limits', () => {
  test('concurrent ones are free when their exchange has ended, also where another was begun in its place', async () => {
    const stage = await Stage.start([limit({ concurrent: 1 })]);
    const first = stage.simulated.pair();
    const second = stage.simulated.pair();
    const BUSY = '!too many operations at once: at most 1 for each user';
    for (const request of ['select pay', 'move pay']) {
      second.client.chunks.length = 0;
      first.client.send(request);
      stage.simulated.run(5);
      second.client.send('select log');
      stage.simulated.run(5);
      expect(second.client.text).toBe(BUSY);
      first.server.send('1');
      stage.simulated.run(5);
      second.client.send('select log');
      stage.simulated.run(5);
      expect(second.client.text).toBe(BUSY);
      second.server.send('1');
      stage.simulated.run(5);
      expect(second.client.text).toBe(`${BUSY}1`);
    }
    expect(stage.verdicts('p1', 'concurrent')).toBe(2);
  });

  test('a connection that goes gives its places back', async () => {
    const stage = await Stage.start([limit({ concurrent: 1 })]);
    const first = stage.simulated.pair();
    first.client.send('select pay');
    stage.simulated.run(5);
    first.client.reset();
    stage.simulated.run(5);
    const second = stage.simulated.pair();
    second.client.send('select pay');
    stage.simulated.run(5);
    expect(second.server.text).toBe('select pay');
  });

  test('replies with more rows than allowed are cut, and marked', async () => {
    const stage = await Stage.start([limit({ rows: 10 }, { name: 'few' })]);
    const { client, server } = stage.simulated.pair();
    for (const rows of ['10', '11']) {
      client.send('move pay');
      stage.simulated.run(5);
      server.send(rows);
      stage.simulated.run(5);
    }
    expect(client.text).toBe('10!the result has more than 10 rows');
    expect(stage.talk.ended).toEqual(['move pay ok, allowed', 'move pay error, denied few']);
    expect(stage.verdicts('few', 'rows')).toBe(1);
  });

  test('in shadow mode they pass, and are marked and counted at their end', async () => {
    const stage = await Stage.start([limit({ rows: 10 }, { name: 'few', mode: 'shadow' }), DENY_PAY]);
    const { client, server } = stage.simulated.pair();
    for (const rows of ['10', '11']) {
      client.send('select log');
      stage.simulated.run(5);
      server.send(rows);
      stage.simulated.run(5);
    }
    expect(client.text).toBe('1011');
    expect(stage.talk.ended).toEqual([
      'select log ok, allowed, shadow allowed',
      'select log ok, allowed, shadow denied few',
    ]);
    expect(stage.verdicts('few', 'rows', 'shadow')).toBe(1);
  });

  describe('idle in transaction', () => {
    const IDLE = limit({ idleInTransactionMs: 1000 }, { name: 'idle' });

    /** A client in a transaction whose last operation has just ended. */
    async function inTransaction(wishes: readonly Wish[]) {
      const stage = await Stage.start(wishes);
      const pair = stage.simulated.pair();
      pair.client.send('begin');
      stage.simulated.run(5);
      pair.server.send('0 in_transaction');
      stage.simulated.run(5);
      return { stage, ...pair };
    }

    test('the connection ends with the native words', async () => {
      const { stage, client, server } = await inTransaction([IDLE]);
      stage.simulated.run(900);
      expect(client.closed).toBeNull();
      stage.simulated.run(400);
      expect(client.text).toBe('0 in_transactionbye: the transaction was idle for more than 1 s');
      expect([client.ended, server.ended || server.closed !== null]).toEqual([true, true]);
      expect(stage.verdicts('idle', 'idle')).toBe(1);
    });

    test('not while an operation is under way, however long', async () => {
      const { stage, client, server } = await inTransaction([IDLE]);
      client.send('select pay');
      stage.simulated.run(10_000);
      server.send('1 in_transaction');
      stage.simulated.run(900);
      expect(client.closed).toBeNull();
      expect(client.ended).toBe(false);
    });

    test('operations between start it anew', async () => {
      const { stage, client, server } = await inTransaction([IDLE]);
      for (let i = 0; i < 5; i++) {
        stage.simulated.run(700);
        client.send('select pay');
        stage.simulated.run(5);
        server.send('1 in_transaction');
        stage.simulated.run(5);
      }
      expect(client.ended).toBe(false);
    });

    test('not outside of a transaction', async () => {
      const { stage, client, server } = await inTransaction([IDLE]);
      client.send('select pay');
      stage.simulated.run(5);
      server.send('1 idle');
      stage.simulated.run(5000);
      expect(client.ended).toBe(false);
    });

    test('of another user', async () => {
      const { stage, client } = await inTransaction([{ ...IDLE, users: ['bob'] }]);
      stage.simulated.run(5000);
      expect(client.ended).toBe(false);
    });

    test('in shadow mode it is counted once', async () => {
      const { stage, client } = await inTransaction([{ ...IDLE, mode: 'shadow' }]);
      stage.simulated.run(5000);
      expect(client.ended).toBe(false);
      expect(stage.verdicts('idle', 'idle', 'shadow')).toBe(1);
    });

    test('a limit that comes with a reload is kept too', async () => {
      const { stage, client } = await inTransaction([DENY_PAY]);
      stage.simulated.run(5000);
      stage.update([IDLE]);
      stage.simulated.run(1500);
      expect(client.ended).toBe(true);
    });
  });
});

test('every counter has its time', async () => {
  const stage = await Stage.start([{ ...DENY_PAY, when: 'targets[5] == ""' }]);
  const { client } = stage.simulated.pair();
  client.send('select log');
  stage.simulated.run(5);
  expect(stage.set('condition_failures')).toBe(0); // not asked: it is about pay
  client.send('select pay');
  stage.simulated.run(5);
  expect(stage.set('condition_failures')).toBe(1);
  expect(stage.set('unresolved')).toBe(0);
});
