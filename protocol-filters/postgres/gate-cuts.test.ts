import { describe, expect, test } from 'vitest';
import { OUTCOME_NAMES, VERDICT_NAMES } from '../../src/exchange/exchange.ts';
import type { Denial } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import { policySet } from '../../src/policy/policy.fixture.ts';
import { judgeOf } from '../../test/bypass/support/harness-engine.ts';
import { filterEnv } from '../../test/support/filter-env.ts';
import { type Judge, SessionHarness } from '../../test/support/session-harness.ts';
import { boundOf } from '../../test/support/story.ts';
import { postgres } from './index.ts';
import { cutResponse, failingParse, failingQuery, lastWords } from './refuse.ts';
import { client, cstr, i32, server } from './testing/builders.ts';
import { byteByByte, type Cut, pieces, type Script, whole } from './testing/story.ts';

const batch = (...parts: Uint8Array[]): Buffer => Buffer.concat(parts);
const env = filterEnv();
const bound = boundOf(postgres, {}, env);

interface Wish {
  readonly judge?: Judge;
  readonly limits?: { rows?: number; bytes?: number };
  readonly startup?: Buffer;
  readonly cut?: Cut;
}

function opened({ judge = () => null, limits, startup = client.startup(), cut = whole }: Wish = {}): SessionHarness {
  const harness = new SessionHarness({ bound, judge, enforces: true, ...(limits && { limits }) });
  for (const piece of cut(startup, 0)) harness.feed(Side.downstream, piece);
  for (const piece of cut(server.welcome(), 0)) harness.feed(Side.upstream, piece);
  return harness;
}

function play(harness: SessionHarness, script: Script, cut: Cut): void {
  script.forEach(([who, bytes], line) => {
    for (const piece of cut(bytes, line)) harness.feed(who === '>' ? Side.downstream : Side.upstream, piece);
  });
}

const told = (harness: SessionHarness): string[] =>
  harness.ended.map((x) =>
    [x.kind, x.text, OUTCOME_NAMES[x.outcome], x.code, x.rowsReturned, VERDICT_NAMES[x.verdict], x.policy].join(' | '),
  );
const sent = (harness: SessionHarness, to: Side): string =>
  harness
    .sent(to)
    .subarray(to === Side.downstream ? server.welcome().length : client.startup().length)
    .toString('latin1');
const text = (...parts: Uint8Array[]): string => batch(...parts).toString('latin1');

const ROWS: Denial = { policy: 'limit', message: 'too many rows', kind: 'limit', closes: false };
const BYTES: Denial = { ...ROWS, message: 'too many bytes' };
const rows = (n: number): Buffer => batch(...Array.from({ length: n }, () => server.row()));
const cuts: [string, Cut][] = [
  ['whole', whole],
  ['byte by byte', byteByByte],
  ['in sevens', pieces([7])],
];

interface Case {
  readonly name: string;
  readonly limits: { rows?: number; bytes?: number };
  readonly script: Script;
  readonly toServer: Uint8Array;
  readonly toClient: Uint8Array;
  readonly told: string[];
  readonly closed?: string;
}

const cases: Case[] = [
  {
    name: 'a reply within its bounds',
    limits: { rows: 2, bytes: 1000 },
    script: [
      ['>', client.query('select a from t')],
      ['<', batch(server.rowDescription(), rows(2), server.complete('SELECT 2'), server.ready())],
    ],
    toServer: client.query('select a from t'),
    toClient: batch(server.rowDescription(), rows(2), server.complete('SELECT 2'), server.ready()),
    told: ['query | select a from t | ok |  | 2 | allowed | '],
  },
  {
    name: 'rows: the error stands in the place of the third',
    limits: { rows: 2 },
    script: [
      ['>', client.query('select a from t')],
      ['<', batch(server.rowDescription(), rows(5), server.notice(), server.complete('SELECT 5'), server.ready())],
      ['>', client.query('select 1')],
      ['<', batch(server.rowDescription(), rows(1), server.complete('SELECT 1'), server.ready())],
    ],
    toServer: batch(client.query('select a from t'), client.query('select 1')),
    toClient: batch(
      batch(server.rowDescription(), rows(2), cutResponse(ROWS), server.notice(), server.ready()),
      batch(server.rowDescription(), rows(1), server.complete('SELECT 1'), server.ready()),
    ),
    told: [
      'query | select a from t | denied | 53400 | 2 | denied | limit',
      'query | select ? | ok |  | 1 | allowed | ',
    ],
  },
  {
    name: 'bytes, extended',
    limits: { bytes: 60 },
    script: [
      ['>', batch(client.extended('select a from t'), client.sync())],
      ['<', batch(server.extended('SELECT 9', 9), server.ready())],
    ],
    toServer: batch(client.extended('select a from t'), client.sync()),
    toClient: batch(
      server.parseComplete(),
      server.bindComplete(),
      server.rowDescription(),
      rows(3),
      cutResponse(BYTES),
      server.ready(),
    ),
    told: ['execute | select a from t | denied | 53400 | 3 | denied | limit'],
  },
  {
    name: 'what the client sends behind, before its Sync, is discarded as after any error',
    limits: { rows: 1 },
    script: [
      ['>', batch(client.extended('select a from t'), client.flush())],
      ['<', batch(server.extended('SELECT 3', 3))],
      ['>', batch(client.extended('insert into t values (1)'), client.sync())],
      ['<', server.ready()],
    ],
    toServer: batch(client.extended('select a from t'), client.flush(), client.sync()),
    toClient: batch(
      server.parseComplete(),
      server.bindComplete(),
      server.rowDescription(),
      rows(1),
      cutResponse(ROWS),
      server.ready(),
    ),
    told: [
      'execute | select a from t | denied | 53400 | 1 | denied | limit',
      'execute | insert into t values (?+) | skipped |  | 0 | none | '.replace('none', ''),
    ],
  },
  {
    name: 'in a transaction: it really fails',
    limits: { rows: 1 },
    script: [
      ['>', client.query('begin')],
      ['<', batch(server.complete('BEGIN'), server.ready('T'))],
      ['>', client.query('select a from t')],
      ['<', batch(server.rowDescription(), rows(3), server.complete('SELECT 3'), server.ready('T'))],
      ['<', batch(server.error('42601'), server.ready('E'))],
      ['>', client.query('commit')],
      ['<', batch(server.complete('ROLLBACK'), server.ready())],
    ],
    toServer: batch(client.query('begin'), client.query('select a from t'), failingQuery(), client.query('commit')),
    toClient: batch(
      batch(server.complete('BEGIN'), server.ready('T')),
      batch(server.rowDescription(), rows(1), cutResponse(ROWS), server.ready('E')),
      batch(server.complete('ROLLBACK'), server.ready()),
    ),
    told: [
      'query | begin | ok |  | 0 | allowed | ',
      'query | select a from t | denied | 53400 | 1 | denied | limit',
      'query | commit | ok |  | 0 | allowed | ',
    ],
  },
  {
    name: 'an error of the server behind the cut: it is the same error to the client',
    limits: { rows: 1 },
    script: [
      ['>', client.query('select a from t')],
      ['<', batch(server.rowDescription(), rows(3), server.error('22012'), server.ready())],
    ],
    toServer: client.query('select a from t'),
    toClient: batch(server.rowDescription(), rows(1), cutResponse(ROWS), server.ready()),
    told: ['query | select a from t | denied | 53400 | 1 | denied | limit'],
  },
  {
    name: 'COPY out',
    limits: { rows: 1 },
    script: [
      ['>', client.query('copy t to stdout')],
      ['<', batch(server.copyOut(), server.copyData('1\n'), server.copyData('2\n'), server.copyData('3\n'))],
      ['<', batch(server.copyDone(), server.complete('COPY 3'), server.ready())],
    ],
    toServer: client.query('copy t to stdout'),
    toClient: batch(server.copyOut(), server.copyData('1\n'), cutResponse(ROWS), server.ready()),
    told: ['query | copy t to stdout | denied | 53400 | 1 | denied | limit'],
  },
  {
    name: 'a statement that changes something: the connection closes',
    limits: { rows: 1 },
    script: [
      ['>', client.query('delete from t returning a')],
      ['<', batch(server.rowDescription(), rows(3))],
    ],
    toServer: client.query('delete from t returning a'),
    toClient: batch(server.rowDescription(), rows(1), lastWords(ROWS, false)),
    told: ['query | delete from t returning a | denied | 53400 | 1 | denied | limit'],
    closed: 'denied:limit',
  },
  {
    name: 'others behind it in the same batch that would run: the connection closes',
    limits: { rows: 1 },
    script: [
      ['>', client.query('select a from t; delete from t')],
      ['<', batch(server.rowDescription(), rows(3))],
    ],
    toServer: client.query('select a from t; delete from t'),
    toClient: batch(server.rowDescription(), rows(1), lastWords(ROWS, false)),
    told: [
      'query | select a from t | denied | 53400 | 1 | denied | limit',
      'query | delete from t | lost |  | 0 | allowed | ',
    ],
    closed: 'denied:limit',
  },
];

describe('replies that are cut', () => {
  for (const { name, limits, script, toServer, toClient, told: want, closed = '' } of cases)
    for (const [how, cut] of cuts)
      test(`${name}, ${how}`, () => {
        const harness = opened({ limits, cut });
        play(harness, script, cut);
        expect(harness.closed).toBe(closed);
        expect(sent(harness, Side.downstream)).toBe(text(toClient));
        expect(sent(harness, Side.upstream)).toBe(text(toServer));
        harness.finish();
        expect(told(harness)).toEqual(want);
      });

  test('a row of any size does not have to be there whole', () => {
    const harness = opened({ limits: { rows: 1 } });
    harness.feed(Side.downstream, client.query('select a from t'));
    const large = server.row('x'.repeat(100_000));
    harness.feed(Side.upstream, batch(server.rowDescription(), large.subarray(0, 50_000)));
    expect(sent(harness, Side.downstream).length).toBe(server.rowDescription().length + 50_000);
    harness.feed(Side.upstream, batch(large.subarray(50_000), large.subarray(0, 7)));
    expect(sent(harness, Side.downstream)).toBe(text(server.rowDescription(), large, cutResponse(ROWS)));
    harness.feed(Side.upstream, batch(large.subarray(7), server.complete('SELECT 2'), server.ready()));
    expect(sent(harness, Side.downstream)).toBe(
      text(server.rowDescription(), large, cutResponse(ROWS), server.ready()),
    );
  });
});

const WHY: Denial = { policy: 'p', message: 'too long', kind: 'limit', closes: false };

describe('last words', () => {
  const words = (harness: SessionHarness, why = WHY): string =>
    Buffer.from(harness.session.expel?.(why) ?? '').toString('latin1');

  test('of a session at rest, in a transaction, and before it is let in', () => {
    const harness = opened();
    expect(words(harness, { ...WHY, kind: 'policy' })).toContain('C42501');
    expect(words(harness)).toContain('C53400');
    harness.feed(Side.downstream, client.query('begin'));
    harness.feed(Side.upstream, batch(server.complete('BEGIN'), server.ready('T')));
    expect(words(harness)).toMatch(/SFATAL.*C25P03.*too long/s);
    const fresh = new SessionHarness({ bound, judge: () => null, enforces: true });
    expect(words(fresh)).toContain('SFATAL');
  });

  test('none behind an open request, or in the middle of a message', () => {
    const harness = opened();
    harness.feed(Side.downstream, client.query('select 1'));
    expect(words(harness)).toBe('');
    const half = opened();
    half.feed(Side.upstream, server.notice().subarray(0, 9));
    expect(words(half)).toBe('');
  });

  test('a denial that closes: one exchange, the native error, nothing of the message', () => {
    const harness = opened({ judge: () => ({ ...WHY, kind: 'policy', closes: true }) });
    harness.feed(Side.downstream, client.query('select 1'));
    expect(harness.closed).toBe('denied');
    expect(sent(harness, Side.downstream)).toBe(text(lastWords({ ...WHY, kind: 'policy' }, false)));
    expect(sent(harness, Side.upstream)).toBe('');
    harness.finish();
    expect(told(harness)).toEqual(['query | select ? | denied | 42501 | 0 | denied | p']);
  });

  test('a limit of statements has its own code', () => {
    const harness = opened({ judge: (turn) => (turn.prepares === true ? null : WHY) });
    harness.feed(Side.downstream, batch(client.extended('select 1'), client.sync()));
    harness.feed(Side.upstream, batch(server.parseComplete(), server.bindComplete(), server.noData()));
    harness.feed(Side.upstream, batch(server.error('42601'), server.ready()));
    const step = failingParse(Buffer.from('sluice.denied'));
    expect(sent(harness, Side.upstream)).toBe(
      text(client.parse('select 1'), client.bind(), client.describe(), step, client.sync()),
    );
    expect(sent(harness, Side.downstream)).toContain('C53400');
    harness.finish();
    expect(told(harness)).toEqual(['execute | select ? | denied | 53400 | 0 | denied | p']);
  });
});

describe('startup', () => {
  const policies = policySet([{ action: 'deny', operations: ['setting', 'role'], message: 'no' }]);
  const startup = (more: Record<string, string>): Buffer => client.startup({ user: 'ann', database: 'shop', ...more });
  const start = (more: Record<string, string>, cut: Cut = whole): SessionHarness =>
    opened({ judge: judgeOf(policies, postgres), startup: startup(more), cut });

  const fine: Record<string, string>[] = [
    {},
    { application_name: 'x', client_encoding: 'UTF8', TimeZone: 'UTC' },
    { options: '-c statement_timeout=5 --work-mem=4MB -cdatestyle=ISO,\\ MDY' },
    { options: '' },
    { replication: 'off' },
  ];
  for (const more of fine)
    test(`lets in ${JSON.stringify(more)}`, () => {
      const harness = start(more);
      expect(harness.closed).toBe('');
      expect(harness.asked).toEqual([]);
      expect(harness.sent(Side.downstream)).toEqual(server.welcome());
    });

  const denied: Record<string, string>[] = [
    { options: '-c search_path=secret' },
    { options: '-csearch_path=secret' },
    { options: '--search-path=secret' },
    { options: '-c statement_timeout=1 -c  role=admin' },
    { options: '-c se\\arch_path=x' },
    { options: '-O' },
    { options: '-c' },
    { search_path: 'secret' },
    { SEARCH_PATH: 'secret' },
    { role: 'admin' },
    { 'app.tenant': '7' },
    { row_security: 'off' },
    { replication: 'database' },
    { replication: 'TR' },
    { replication: '1' },
  ];
  for (const more of denied)
    for (const [how, cut] of cuts)
      test(`closes ${JSON.stringify(more)}, ${how}`, () => {
        const harness = start(more, cut);
        expect(harness.closed).toBe('denied');
        const heard = harness.sent(Side.downstream).toString('latin1');
        expect(heard).toMatch(/SFATAL.*C42501/s);
        expect(heard).not.toContain('server_version');
        harness.finish();
        expect(told(harness)).toEqual([expect.stringMatching(/^startup \| startup \| denied \| 42501 \| 0 \| denied/)]);
      });

  test('the user that policies see is the one that the server has accepted', () => {
    const judge = judgeOf(policySet([{ action: 'allow', users: ['ann'], operations: ['replication'] }]), postgres);
    expect(opened({ judge, startup: startup({ replication: 'database' }) }).closed).toBe('');
    const other = client.startup({ user: 'bob', replication: 'database' });
    expect(opened({ judge, startup: other }).closed).toBe('denied');
  });

  test('protocol 3.2, and what nobody knows', () => {
    const version = (minor: number, answer: Uint8Array, more: Record<string, string> = {}): string => {
      const harness = new SessionHarness({ bound, judge: () => null, enforces: true });
      harness.feed(Side.downstream, client.startup({ user: 'ann', ...more }, 0x30000 + minor));
      harness.feed(Side.upstream, batch(answer, server.welcome()));
      return harness.closed;
    };
    const negotiate = (minor: number, ...names: string[]): Buffer => {
      const body = batch(i32(0x30000 + minor), i32(names.length), ...names.map(cstr));
      return batch(Buffer.from('v'), i32(body.length + 4), body);
    };
    const NONE = Buffer.alloc(0);
    expect(version(2, NONE)).toBe('');
    expect(version(9999, NONE)).toBe('opaque:unsupported_version');
    expect(version(9999, negotiate(2))).toBe('');
    expect(version(0, NONE, { '_pq_.x': '1' })).toBe('opaque:unsupported_version');
    expect(version(0, negotiate(0, '_pq_.x'), { '_pq_.x': '1' })).toBe('');
    expect(version(0, negotiate(0, '_pq_.y'), { '_pq_.x': '1' })).toBe('opaque:unsupported_version');
  });
});
