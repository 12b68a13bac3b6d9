import { describe, expect, test } from 'vitest';
import { Flag, Outcome, VerdictCode } from '../../src/exchange/exchange.ts';
import type { OperationFacts } from '../../src/exchange/operation-facts.ts';
import type { Denial, Turn } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import { filterEnv } from '../../test/support/filter-env.ts';
import { type HarnessOptions, SessionHarness } from '../../test/support/session-harness.ts';
import { boundOf } from '../../test/support/story.ts';
import { MAX_OPEN } from './downstream.ts';
import { type RedisOptions, redis } from './index.ts';
import {
  array,
  bulk,
  command,
  error,
  integer,
  join,
  map,
  nil,
  ok,
  pubsub,
  push,
  queued,
  raw,
  say,
} from './testing/builders.ts';

const DENIAL: Denial = { policy: 'p', message: 'no', kind: 'policy', closes: false };
const STAND_IN = '*1\r\n$13\r\nsluice.denied\r\n';
const UNKNOWN = error("ERR unknown command 'sluice.denied'");
const REFUSED = '-NOPERM denied by policy "p": no\r\n';

/** Denies what touches a key `no`. */
const noNo = (turn: Turn): Denial | null =>
  turn.facts.some(({ accesses }) => accesses.some(({ name }) => name === 'no')) ? DENIAL : null;

function gated(more: Partial<HarnessOptions> & { readonly options?: Partial<RedisOptions> } = {}): SessionHarness {
  const options = { ...redis.options.parse({}), ...more.options };
  const bound = boundOf(redis, { options }, filterEnv());
  return new SessionHarness({ bound, judge: noNo, enforces: true, ...more });
}
const [down, up] = [Side.downstream, Side.upstream] as const;
const text = (harness: SessionHarness, to: Side): string => harness.sent(to).toString('latin1');

describe('a denial', () => {
  test('with nothing in flight is answered here, and the server hears nothing', () => {
    const on = gated();
    on.feed(down, say('GET no', 'GET a'));
    expect(text(on, up)).toBe(say('GET a').toString());
    on.feed(up, nil);
    expect(text(on, down)).toBe(`${REFUSED}$-1\r\n`);
    on.finish();
    expect(on.ended.map(({ text, verdict, outcome, code, policy }) => [text, verdict, outcome, code, policy])).toEqual([
      ['GET no', VerdictCode.denied, Outcome.denied, 'NOPERM', 'p'],
      ['GET a', VerdictCode.allowed, Outcome.ok, '', ''],
    ]);
    expect(on.ended[0]!.flags & Flag.denied).toBe(Flag.denied);
    expect(on.ended[0]!.replyBytes).toBe(REFUSED.length);
  });

  test('behind others takes its place among their replies', () => {
    const on = gated();
    on.feed(down, say('GET a', 'GET no', 'GET b'));
    expect(text(on, up)).toBe(`${say('GET a')}${STAND_IN}${say('GET b')}`);
    for (const byte of join(bulk('1'), UNKNOWN, bulk('2'))) on.feed(up, Uint8Array.of(byte));
    expect(text(on, down)).toBe(`$1\r\n1\r\n${REFUSED}$1\r\n2\r\n`);
    expect(on.gear(up)).toBe('tap');
    on.finish();
  });

  test('between messages, in RESP2 and RESP3', () => {
    for (const proto of [2, 3] as const) {
      const on = gated();
      on.feed(down, say('SUBSCRIBE c'));
      on.feed(up, pubsub(proto, 'subscribe', 'c', 1));
      on.feed(down, say('GET no'));
      const message = pubsub(proto, 'message', 'c', 'hello');
      on.feed(up, join(message, UNKNOWN, message));
      expect(text(on, down)).toBe(`${pubsub(proto, 'subscribe', 'c', 1)}${message}${REFUSED}${message}`);
      on.finish();
    }
  });

  test('that is not answered stays denied, and is not lost', () => {
    const on = gated();
    on.feed(down, say('GET a', 'GET no'));
    on.finish();
    expect(on.ended.map(({ outcome }) => outcome)).toEqual([Outcome.lost, Outcome.denied]);
  });

  test('that closes ends the connection with its words', () => {
    const on = gated({ judge: () => ({ ...DENIAL, closes: true }) });
    on.feed(down, say('GET a', 'GET b'));
    expect([on.closed, text(on, down), text(on, up)]).toEqual(['denied', REFUSED, '']);
    expect(on.ended.map(({ outcome }) => outcome)).toEqual([Outcome.denied]);
  });

  test('by a limit has its own code', () => {
    const on = gated({ judge: () => ({ ...DENIAL, kind: 'limit', message: 'too many' }) });
    on.feed(down, say('GET a'));
    expect(text(on, down)).toBe('-ERR denied by policy "p": too many\r\n');
    expect(on.ended[0]!.code).toBe('ERR');
  });

  test('a reply that came before the stand-in is no answer to it', () => {
    const on = gated();
    on.feed(down, say('MULTI'));
    on.feed(up, ok);
    on.feed(down, say('SET a 1'));
    on.feed(up, raw('+QUEUED\r\n-ERR'));
    on.feed(down, say('GET no'));
    on.feed(up, raw(' early\r\n'));
    expect(on.closed).toBe('opaque:unexpected_reply');
  });
});

describe('verdicts that come later', () => {
  test('the command is read again from its first byte, and nothing behind it before', () => {
    let decided = false;
    const on = gated({ judge: (turn) => (decided ? noNo(turn) : 'later') });
    for (const byte of say('GET a', 'GET no')) on.feed(down, Uint8Array.of(byte));
    expect(text(on, up)).toBe('');
    decided = true;
    on.decide();
    expect(text(on, up)).toBe(`${say('GET a')}${STAND_IN}`);
    on.feed(up, join(nil, UNKNOWN));
    on.finish();
    expect(on.ended.length).toBe(2);
  });

  test('of a command that is judged by its first bytes', () => {
    let decided = false;
    const on = gated({ judge: () => (decided ? null : 'later'), options: { max_held_bytes: 1024 } });
    const set = command('SET', 'a', 'x'.repeat(5000));
    on.feed(down, set.subarray(0, 3000));
    on.feed(down, set.subarray(3000));
    expect(text(on, up)).toBe('');
    decided = true;
    on.decide();
    expect(on.sent(up).equals(set)).toBe(true);
    on.feed(up, ok);
    on.finish();
    expect(on.ended.map(({ requestBytes }) => requestBytes)).toEqual([set.length]);
  });
});

describe('shadow', () => {
  test('nothing changes on the wire, everything is asked', () => {
    const on = gated({ enforces: false });
    const said = join(say('MULTI', 'GET no', 'EXEC'), raw('*0\r\n'), raw('PING\r\n'));
    on.feed(down, said);
    on.feed(up, join(ok, queued, array(nil), raw('+PONG\r\n')));
    on.finish();
    expect(on.sent(up).equals(said)).toBe(true);
    expect(on.asked.map(({ kind, verdict }) => [kind, verdict])).toEqual([
      ['multi', 'allow'],
      ['get', 'deny'],
      ['exec', 'allow'],
      ['ping', 'allow'],
    ]);
    expect(on.ended.every(({ outcome, verdict }) => outcome === Outcome.ok && verdict === VerdictCode.none)).toBe(true);
  });
});

describe('limits of replies', () => {
  const get = say('GET a');
  const cases: readonly (readonly [
    name: string,
    limits: NonNullable<HarnessOptions['limits']>,
    reply: Buffer,
    cut: boolean,
  ])[] = [
    ['a string that is longer', { bytes: 10 }, bulk('x'.repeat(50)), true],
    ['a string that is as long', { bytes: 60 }, bulk('x'.repeat(50)), false],
    ['an array of more', { rows: 2 }, array(bulk('1'), bulk('2'), bulk('3')), true],
    ['an array of as many', { rows: 3 }, array(bulk('1'), bulk('2'), bulk('3')), false],
    ['a map of more pairs', { rows: 1 }, map(bulk('1'), bulk('2'), bulk('3'), bulk('4')), true],
    ['a map of as many', { rows: 2 }, map(bulk('1'), bulk('2'), bulk('3'), bulk('4')), false],
    ['an array whose elements are longer', { bytes: 40 }, array(bulk('x'.repeat(30)), bulk('y'.repeat(30))), true],
    ['nested', { bytes: 40 }, array(array(bulk('x'.repeat(30))), bulk('y'.repeat(30))), true],
    ['an error', { rows: 1, bytes: 1 }, error('ERR something that is longer'), false],
    ['a number', { rows: 1, bytes: 1 }, integer(1234), false],
    ['an empty array', { rows: 1, bytes: 50 }, array(), false],
  ];
  for (const [name, limits, reply, isCut] of cases)
    for (const how of ['whole', 'byte by byte'])
      test(`${name}, ${how}`, () => {
        const on = gated({ limits });
        on.feed(down, join(get, get));
        const said = join(reply, nil);
        if (how === 'whole') on.feed(up, said);
        else for (const byte of said) on.feed(up, Uint8Array.of(byte));
        const what = limits.rows !== undefined && /more/.test(name) ? 'rows' : 'bytes';
        const want = isCut ? `-ERR denied by policy "limit": too many ${what}\r\n` : reply.toString('latin1');
        expect(text(on, down)).toBe(`${want}$-1\r\n`);
        expect(on.ended.map(({ outcome }) => outcome)).toEqual([
          isCut ? Outcome.denied : reply[0] === 0x2d ? Outcome.error : Outcome.ok,
          Outcome.ok,
        ]);
        on.finish();
      });

  test('a push between leaves', () => {
    const on = gated({ limits: { bytes: 20 } });
    const note = push(bulk('invalidate'), array(bulk('k'.repeat(40))));
    on.feed(down, get);
    on.feed(up, join(note, bulk('x')));
    expect(text(on, down)).toBe(`${note}$1\r\nx\r\n`);
  });

  test('an element of EXEC that is longer ends the connection', () => {
    const on = gated({ limits: { bytes: 20 } });
    on.feed(down, say('MULTI'));
    on.feed(up, ok);
    on.feed(down, say('GET a', 'EXEC'));
    on.feed(up, join(queued, array(bulk('x'.repeat(50)))));
    expect(on.closed).toBe('denied:limit');
  });
});

describe('the rest', () => {
  test('all of it is counted', () => {
    const env = filterEnv();
    const bound = boundOf(redis, {}, env);
    const on = new SessionHarness({ bound, judge: noNo, enforces: true, limits: { bytes: 10 } });
    on.feed(down, say('SELECT 3', 'GET a', 'GET no'));
    on.feed(up, ok);
    on.feed(up, join(bulk('x'.repeat(20)), UNKNOWN));
    on.feed(down, say('GET no'));
    on.finish();
    const counts = ['denied', 'stand_ins', 'held', 'cut'].map((name) => env.stats.value(`sluice.redis.p.${name}`));
    expect(counts).toEqual([2, 1, 1, 1]);
    expect(env.stats.value('redis.p.downstream_rq_active')).toBe(0);
    expect(env.stats.value('redis.p.command.get.error')).toBe(2);
  });

  test('expelled: words where no reply is on its way', () => {
    const on = gated();
    expect(on.session.expel!(DENIAL)?.toString()).toBe(REFUSED);
    on.feed(down, say('MULTI'));
    expect(on.session.expel!(DENIAL)).toBeNull();
    on.feed(up, ok);
    expect(on.session.expel!(DENIAL)?.toString()).toBe(REFUSED); // an idle transaction
  });

  test('what is held when the client ends never leaves', () => {
    const on = gated();
    on.feed(down, join(say('GET a'), raw('*2\r\n$3\r\nGET\r\n$1')));
    on.hangUp(down);
    expect(text(on, up)).toBe(say('GET a').toString());
    on.feed(up, nil);
    on.finish();
  });

  test('a stream of a large value holds none of it', () => {
    const on = gated({ options: { max_held_bytes: 1024 } });
    const head = raw('*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1000000\r\n');
    on.feed(down, head);
    expect(on.sent(up).equals(head)).toBe(true);
    for (let i = 0; i < 10; i++) on.feed(down, Buffer.alloc(100_000, 0x78));
    expect(on.sent(up).length).toBe(head.length + 1_000_000);
    on.feed(down, raw('\r\n'));
    on.feed(up, ok);
    on.finish();
    expect(on.ended[0]).toMatchObject({ requestBytes: head.length + 1_000_002, verdict: VerdictCode.allowed });
  });

  test('above the cap of timed ones commands are allowed and denied all the same', () => {
    const on = gated();
    on.feed(down, join(...Array.from({ length: MAX_OPEN + 5 }, () => say('PING')), say('GET no')));
    on.feed(up, join(...Array.from({ length: MAX_OPEN + 5 }, () => raw('+PONG\r\n')), UNKNOWN));
    on.finish();
    expect(on.ended.filter(({ verdict }) => verdict === VerdictCode.allowed).length).toBe(MAX_OPEN + 5);
    expect(on.ended.at(-1)!.verdict).toBe(VerdictCode.denied);
  });

  test('who has not logged in is the default user', () => {
    expect(gated().facts.user).toBe('default');
    expect(new SessionHarness({ bound: boundOf(redis, {}, filterEnv()) }).facts.user).toBe('');
  });
});

describe('facts', () => {
  const factsOf = (...words: readonly string[]): OperationFacts => {
    let facts: OperationFacts | null = null;
    const on = gated({
      judge: (turn) => {
        facts = turn.facts[0]!;
        return null;
      },
    });
    on.feed(down, command(...words));
    return facts!;
  };
  const tell = (...words: readonly string[]): string => {
    const { operation, accesses, unresolved } = factsOf(...words);
    const all = accesses.map(
      ({ verb, type, schema, name, open }) => `${verb} ${type} ${schema}/${name}${open ? '…' : ''}`,
    );
    return [operation, ...all, unresolved].filter((part) => part !== '').join('; ');
  };
  const cases: readonly (readonly [words: string, want: string])[] = [
    ['get a', 'GET; read key 0/a'],
    ['set a b get', 'SET; read key 0/a; write key 0/a'],
    ['set a b', 'SET; write key 0/a'],
    ['del a b', 'DEL; write key 0/a; delete key 0/a; write key 0/b; delete key 0/b'],
    ['hdel a f', 'HDEL; write key 0/a; delete key 0/a'],
    ['copy a b db 3', 'COPY; read key 0/a; write key 3/b'],
    ['copy a b db 3 db 4', 'COPY; read key 0/a; the database it copies to is not told for certain'],
    ['move a 5', 'MOVE; read key 0/a; write key 0/a; write key 5/a; delete key 0/a'],
    ['keys app:*', 'KEYS; keyspace key 0/'],
    ['flushall', 'FLUSHALL; flush key /'],
    ['swapdb 0 1', 'SWAPDB; read key /; write key /'],
    ['replicaof no one', 'REPLICAOF; admin  /; read key /; write key /'],
    ['publish c m', 'PUBLISH; publish channel /c'],
    ['psubscribe news.* a?b *', 'PSUBSCRIBE; subscribe channel /'],
    [
      'psubscribe news.* a?b plain',
      'PSUBSCRIBE; subscribe channel /news.…; subscribe channel /a…; subscribe channel /plain',
    ],
    ['eval x 1 k', 'EVAL; script script /; read key 0/k; write key 0/k'],
    ['fcall f 0', 'FCALL; script script /f'],
    ['config set a b', 'CONFIG SET; admin  /'],
    ['config forge', 'CONFIG; admin  /; it has a subcommand that is not known'],
    ['json.get k', 'JSON.GET; the command is not known'],
    ['get', 'GET; its keys cannot be told for certain'],
    ['client tracking on bcast', 'CLIENT TRACKING; keyspace key /'],
    ['client tracking on', 'CLIENT TRACKING; session  /'],
    ['monitor', 'MONITOR; replication  /; read key /; write key /'],
    ['ping', 'PING; session  /'],
    ['migrate h 1 k 0 5', 'MIGRATE; admin  /; read key 0/k; write key 0/k; delete key 0/k'],
    ['sort a by w_* get #', 'SORT; read key 0/a; it reads keys that data names'],
    ['sort a by nosort get # store d', 'SORT; read key 0/a; write key 0/d'],
  ];
  test.each(cases)('%s', (words, want) => expect(tell(...words.split(' '))).toBe(want));

  test('what has no argument of its own is the same object each time', () => {
    expect(redis.vocabulary!.verbs).toHaveProperty('read');
    const seen = new Set<OperationFacts>();
    const remember = (turn: Turn): null => {
      seen.add(turn.facts[0]!);
      return null;
    };
    const on = gated({ judge: remember });
    on.feed(down, say('PING', 'PING', 'INFO', 'PING'));
    expect(seen.size).toBe(2);
  });
});

describe('targets', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['app:*', 'key */app:*'],
    ['3/app:*', 'key 3/app:*'],
    ['*/x', 'key */x'],
    ['channel=news.*', 'channel */news.*'],
    ['script=*', 'script */*'],
    ['key=a=b', 'key */a=b'],
    ['a=b', 'key */a=b'],
    ['*', ' */*'],
    ['\u00e9', 'key */\u00c3\u00a9'],
  ];
  test.each(cases)('%s', (target, want) => {
    const read = redis.vocabulary!.target(target);
    expect('fault' in read ? read.fault : `${read.type} ${read.schema}/${read.name}`).toBe(want);
  });
  test.each(['', 'channel=', '3/', '03/a', 'key='])('%j can match nothing', (target) => {
    expect(redis.vocabulary!.target(target)).toHaveProperty('fault');
  });
  test.each(['GET', 'config set', 'JSON.GET'])('%s is an operation', (name) => {
    expect(redis.vocabulary!.operations!.has(name)).toBe(true);
  });
  test.each(['CONFG SET', 'GETT', 'x'])('%s is none', (name) => {
    expect(redis.vocabulary!.operations!.has(name)).toBe(false);
  });
});
