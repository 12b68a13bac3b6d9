import { beforeAll, expect, test } from 'vitest';
import { mysql } from '../../protocol-filters/mysql/index.ts';
import { client as C, server as M } from '../../protocol-filters/mysql/testing/builders.ts';
import { postgres } from '../../protocol-filters/postgres/index.ts';
import { server as S } from '../../protocol-filters/postgres/testing/builders.ts';
import { redis } from '../../protocol-filters/redis/index.ts';
import { zookeeper } from '../../protocol-filters/zookeeper/index.ts';
import type { BoundFilter, ProtocolFilter } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import { seeded } from '../../src/net/simulated.ts';
import { filterEnv } from '../support/filter-env.ts';
import { mysqlParserReady } from '../support/mysql-gated.ts';
import { command } from '../support/redis-wire.ts';
import { SessionHarness } from '../support/session-harness.ts';
import { boundOf } from '../support/story.ts';
import { ask } from '../support/zookeeper-requests.ts';
import { connectRequest, request } from '../support/zookeeper-wire.ts';
import { judgeOf } from './support/harness-engine.ts';
import { GUARD } from './support/mysql.ts';
import * as pg from './support/postgres.ts';
import { forbidden as redisForbidden } from './support/redis.ts';
import { frame, forbidden as zooKeeperForbidden } from './support/zookeeper.ts';

const CONVERSATIONS = 400;
const MOST_MESSAGES = 14;

interface Mix {
  readonly protocol: Pick<ProtocolFilter, 'name' | 'vocabulary'>;
  readonly bound: () => BoundFilter;
  readonly policies: typeof GUARD;
  /** Who begins, and with what, until the session stands. */
  readonly opening: readonly (readonly ['>' | '<', Buffer])[];
  readonly client: readonly Buffer[];
  readonly server: readonly Buffer[];
  readonly never: RegExp;
}

const words = (...lines: readonly string[]): Buffer[] => lines.map((line) => command(...line.split(' ')));
const reply = (xid: number, error: number, more: number): Buffer => {
  const bytes = Buffer.alloc(16 + more);
  bytes.writeInt32BE(xid, 0);
  bytes.writeInt32BE(error, 12);
  return frame(bytes);
};
const connected = frame(Buffer.alloc(16), Buffer.from('00000010', 'hex'), Buffer.alloc(17));

const MIXES: Readonly<Record<string, Mix>> = {
  postgres: {
    protocol: postgres,
    bound: () => boundOf(postgres, {}, filterEnv()),
    policies: pg.handsOff,
    opening: [
      ['>', pg.startup()],
      ['<', S.welcome()],
    ],
    client: [
      ...['delete from pay', 'select 1', 'begin', 'rollback', 'execute s', 'copy log from stdin'].map((text) =>
        pg.query(text),
      ),
      ...[
        pg.parse('delete from pay', 's'),
        pg.parse('select 1', 's'),
        pg.parse('delete from pay'),
        pg.parse('select 1'),
      ],
      ...[pg.bind('s'), pg.bind(), pg.execute(), pg.sync(), pg.close('s'), pg.flush(), pg.extended('delete from pay')],
      ...[pg.client.copyData('pay'), pg.client.copyDone(), pg.client.functionCall()],
    ],
    server: [
      ...[S.error(), S.error('57P01', 'FATAL'), S.ready(), S.ready('T'), S.ready('E'), S.complete('SELECT 1')],
      ...[S.parseComplete(), S.bindComplete(), S.closeComplete(), S.noData(), S.empty(), S.notice(), S.notification()],
      ...[S.parameter('client_encoding', 'SJIS'), S.copyIn(), S.copyBoth(), S.row(), S.authenticationOk(), S.key()],
    ],
    never: /delete from pay/,
  },
  mysql: {
    protocol: mysql,
    bound: () => boundOf(mysql, { options: mysql.options.parse({}) }, filterEnv()),
    policies: GUARD,
    opening: [
      ['<', M.greeting()],
      ['>', C.login41({ user: 'open' })],
      ['<', M.ok({}, 2)],
    ],
    client: [
      ...['delete from forbidden', 'select 1', 'use vault', "set sql_mode='ansi_quotes'"].map((text) => C.query(text)),
      ...[C.prepare('delete from forbidden'), C.prepare('select 1'), C.execute(1), C.execute(0xffff_ffff), C.close(1)],
      ...[C.ping(), C.initDb('vault'), C.resetConnection(), C.changeUser(), C.auth(Buffer.from('forbidden'))],
    ],
    server: [
      ...[M.ok(), M.err(), M.err(1927, '70100', 'killed', 0), M.eof(), M.result(), M.prepared(1), M.prepared(2, 1, 1)],
      ...[M.infile('x'), M.authSwitch('mysql_native_password', 1), M.columns(1), M.row(['1'], 3), M.ok({ status: 10 })],
    ],
    never: /forbidden/,
  },
  redis: {
    protocol: redis,
    bound: () => boundOf(redis, { options: redis.options.parse({}) }, filterEnv()),
    policies: redisForbidden,
    opening: [],
    client: words(
      ...['get app:1', 'del forbidden:1', 'mget app:1 forbidden:1', 'multi', 'exec', 'discard', 'select 1', 'auth u p'],
      ...[
        'hello 3',
        'reset',
        'subscribe app:c',
        'unsubscribe',
        'client reply skip',
        'blpop app:l 0',
        'watch forbidden:1',
      ],
    ),
    server: [
      ...['+OK', '-ERR x', '+QUEUED', '$-1', '*-1', ':1', '*0', '*1', '-EXECABORT x', '_', '+RESET', '-NOAUTH x'],
      ...['>2\r\n+invalidate\r\n*0', '*3\r\n$9\r\nsubscribe\r\n$5\r\napp:c\r\n:1', '%1\r\n+a\r\n+b', '$5\r\nhel'],
    ].map((line) => Buffer.from(`${line}\r\n`)),
    never: /forbidden/,
  },
  zookeeper: {
    protocol: zookeeper,
    bound: () => boundOf(zookeeper, { options: zookeeper.options.parse({}) }, filterEnv()),
    policies: zooKeeperForbidden,
    opening: [
      ['>', connectRequest()],
      ['<', connected],
    ],
    client: [ask.getData('/app/a'), ask.delete('/forbidden/x'), ask.exists('/app'), ask.getData('/forbidden')].flatMap(
      (asked) => [request(1, asked), request(2, asked)],
    ),
    server: [1, 2, -1, -2, -4, 7].flatMap((xid) => [reply(xid, 0, 0), reply(xid, 0, 68), reply(xid, -101, 0)]),
    never: /forbidden/,
  },
};

beforeAll(mysqlParserReady);

// whatever a server says, at whatever moment, within whichever message, nothing of what is denied leaves, and nothing throws.
for (const [name, mix] of Object.entries(MIXES))
  test(`${name}: messages of both sides in any order and cut anywhere`, () => {
    const random = seeded(7);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
    const bound = mix.bound();
    const judge = judgeOf(mix.policies, mix.protocol);
    for (let i = 0; i < CONVERSATIONS; i++) {
      const harness = new SessionHarness({ bound, judge, enforces: true });
      const story: string[] = [];
      const say = (who: '>' | '<', bytes: Buffer): void => {
        if (harness.closed !== '') return;
        story.push(`${who} ${bytes.toString('latin1')}`);
        harness.feed(who === '>' ? Side.downstream : Side.upstream, bytes);
      };
      try {
        for (const [who, bytes] of mix.opening) say(who, bytes);
        for (let n = 0; n < MOST_MESSAGES && harness.closed === ''; n++) {
          const bytes = pick(mix.client);
          const cut = random() < 0.5 ? bytes.length : Math.floor(random() * bytes.length);
          say('>', bytes.subarray(0, cut));
          if (random() < 0.5) say('<', pick(mix.server));
          if (cut < bytes.length) say('>', bytes.subarray(cut));
        }
        harness.finish();
      } catch (error) {
        throw new Error(JSON.stringify(story), { cause: error });
      }
      if (mix.never.test(harness.sent(Side.upstream).toString('latin1')))
        expect(story).toEqual('nothing denied leaves');
    }
  });
