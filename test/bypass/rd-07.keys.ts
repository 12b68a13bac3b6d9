import { appOnly, no, ok, policies, type RedisCase, redisRow } from './support/redis.ts';

type Named = Pick<RedisCase, 'name' | 'sends'>;
/** One command each: the forbidden key stands where somebody might not look. */
const LISTS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  'one of many': [
    ['mget', 'app:1', 'forbidden:1'],
    ['del', 'app:9', 'forbidden:1'],
    ['exists', 'app:1', 'forbidden:1'],
    ['unlink', 'x', 'y', 'forbidden:1'],
    ['touch', 'app:1', 'forbidden:1'],
    ['watch', 'app:1', 'forbidden:1'],
    ['pfcount', 'app:p', 'forbidden:p'],
  ],
  'every second argument': [
    ['mset', 'app:2', 'x', 'forbidden:1', 'y'],
    ['msetnx', 'app:2', 'x', 'forbidden:9', 'y'],
  ],
  'a destination': [
    ['rename', 'app:1', 'forbidden:9'],
    ['renamenx', 'app:1', 'forbidden:9'],
    ['copy', 'app:1', 'forbidden:9'],
    ['sinterstore', 'forbidden:9', 'app:s'],
    ['sunionstore', 'forbidden:9', 'app:s'],
    ['bitop', 'and', 'forbidden:9', 'app:1'],
    ['pfmerge', 'forbidden:9', 'app:p'],
    ['zrangestore', 'forbidden:9', 'app:z', '0', '1'],
    ['geosearchstore', 'forbidden:9', 'app:g', 'frommember', 'm', 'byradius', '1', 'm'],
    ['lmove', 'app:l', 'forbidden:l', 'left', 'left'],
    ['smove', 'app:s', 'forbidden:s', 'x'],
    ['restore', 'forbidden:9', '0', 'x'],
  ],
  'a source': [
    ['rename', 'forbidden:1', 'app:9'],
    ['copy', 'forbidden:1', 'app:9'],
    ['bitop', 'and', 'app:9', 'app:1', 'forbidden:1'],
    ['sdiffstore', 'app:9', 'app:s', 'forbidden:s'],
    ['pfmerge', 'app:9', 'forbidden:1'],
    ['lcs', 'app:1', 'forbidden:1'],
    ['brpoplpush', 'forbidden:l', 'app:l', '1'],
    ['blmove', 'forbidden:l', 'app:l', 'left', 'left', '1'],
  ],
  'behind a number of keys': [
    ['zunion', '2', 'app:z', 'forbidden:z'],
    ['zunionstore', 'app:9', '1', 'forbidden:z'],
    ['zunionstore', 'forbidden:9', '1', 'app:z'],
    ['zinter', '2', 'app:z', 'forbidden:z'],
    ['zdiff', '1', 'forbidden:z'],
    ['zintercard', '1', 'forbidden:z'],
    ['sintercard', '2', 'app:s', 'forbidden:s'],
    ['lmpop', '1', 'forbidden:l', 'left'],
    ['blmpop', '0.01', '1', 'forbidden:l', 'left'],
    ['zmpop', '1', 'forbidden:z', 'min'],
    ['bzmpop', '0.01', '2', 'app:z', 'forbidden:z', 'min'],
  ],
  'a number of keys that is wrong': [
    ['zunion', '1', 'app:z', 'forbidden:z'],
    ['zunion', '9', 'app:z', 'forbidden:z'],
    ['zunion', '0', 'forbidden:z'],
    ['lmpop', '3', 'app:l', 'left'],
  ].filter(([, count]) => count !== '1'),
  'behind STREAMS': [
    ['xread', 'streams', 'forbidden:x', '0'],
    ['xread', 'count', '1', 'streams', 'app:x', 'forbidden:x', '0', '0'],
    ['xread', 'block', '1', 'STREAMS', 'forbidden:x', '0'],
    ['xreadgroup', 'group', 'streams', 'c', 'streams', 'forbidden:x', '>'],
    ['xreadgroup', 'count', '1', 'group', 'streams', 'c', 'streams', 'forbidden:x', '>'],
    ['xreadgroup', 'noack', 'group', 'g', 'streams', 'streams', 'forbidden:x', '>'],
  ],
  'behind STORE': [
    ['sort', 'app:l', 'store', 'forbidden:9'],
    ['sort', 'app:l', 'store', 'app:9', 'STORE', 'forbidden:9'],
    ['sort', 'app:l', 'store', 'limit', 'store', 'forbidden:9'],
    ['sort', 'app:l', 'store', 'get', 'store', 'forbidden:9'],
    ['sort', 'app:l', 'store', 'by', 'store', 'forbidden:9'],
    ['georadius', 'app:g', '0', '0', '1', 'm', 'store', 'forbidden:9'],
    ['georadius', 'app:g', '0', '0', '1', 'm', 'STOREDIST', 'forbidden:9'],
    ['georadiusbymember', 'app:g', 'x', '1', 'm', 'store', 'forbidden:9'],
  ],
  'named by data': [
    ['sort', 'app:l', 'by', 'forbidden:*'],
    ['sort', 'app:l', 'get', 'forbidden:*'],
    ['sort', 'app:l', 'by', 'nosort', 'get', '#', 'get', 'forbidden:*'],
    ['sort_ro', 'app:l', 'by', 'forbidden:*->f'],
    ['sort_ro', 'app:l', 'GET', '*'],
  ],
  'the last but one': [
    ['blpop', 'app:l', 'forbidden:l', '0.01'],
    ['brpop', 'forbidden:l', '0.01'],
    ['bzpopmin', 'app:z', 'forbidden:z', '0.01'],
  ],
  'of a subcommand': [
    ['object', 'encoding', 'forbidden:1'],
    ['memory', 'usage', 'forbidden:1'],
    ['xinfo', 'stream', 'forbidden:x'],
    ['xgroup', 'create', 'forbidden:x', 'g', '$'],
    ['xgroup', 'destroy', 'forbidden:x', 'g'],
  ],
  MIGRATE: [
    ['migrate', '127.0.0.1', '1', 'forbidden:1', '0', '1'],
    ['migrate', '127.0.0.1', '1', '', '0', '1', 'keys', 'app:1', 'forbidden:1'],
    ['migrate', '127.0.0.1', '1', '', '0', '1', 'auth', 'keys', 'KEYS', 'forbidden:1'],
    ['migrate', '127.0.0.1', '1', 'app:1', '0', '1', 'keys', 'forbidden:1'],
  ],
  'an empty key': [
    ['get', ''],
    ['mget', 'app:1', ''],
  ],
  'too few arguments': [['get'], ['set', 'app:1'], ['del'], ['mset', 'app:1', 'x', 'app:2']].filter(
    ([name]) => name !== 'mset',
  ),
};

const cases: Named[] = Object.entries(LISTS).map(([name, lists]) => ({
  name,
  sends: [...lists.map((words) => no(...words)), ok('one', 'get', 'app:1')],
}));

/** Every key of a command counts, wherever it stands. */
export const row = redisRow(
  'RD-07',
  'keys',
  ['R2', 'R7', 'R11'],
  [
    ...cases,
    ...cases.slice(0, 6).map((each) => ({ ...each, name: `${each.name}, by an allow list`, policies: appOnly })),
    {
      name: 'what the specifications do not say of streams',
      policies: policies(
        { action: 'deny', operations: ['write'], targets: ['app:read'] },
        { action: 'deny', operations: ['read'], targets: ['app:blind'] },
      ),
      sends: [
        no('xreadgroup', 'group', 'g', 'c', 'streams', 'app:read', '>'),
        no('xclaim', 'app:blind', 'g', 'c', '0', '1-1'),
        no('xautoclaim', 'app:blind', 'g', 'c', '0', '0'),
        ok('(nil)', 'xread', 'streams', 'app:read', '0'),
      ],
    },
    {
      name: 'names are bytes',
      policies: appOnly,
      sends: [
        no('get', Buffer.from('app\xff:1', 'latin1')),
        no('get', Buffer.from('\xc0app:1', 'latin1')),
        no('get', 'APP:1'),
        no('get', '\uff41pp:1'),
        ok('(nil)', 'get', Buffer.from('app:\xff', 'latin1')),
      ],
    },
    {
      name: 'a denied name beyond ASCII',
      policies: policies({ action: 'deny', targets: ['größe:*'] }),
      sends: [no('get', 'größe:1'), ok('(nil)', 'get', 'gr\u00f6\u00dfer:1'), ok('(nil)', 'get', 'groesse:1')],
    },
    {
      name: 'a name with blanks, CRLF and NUL',
      policies: appOnly,
      sends: [no('get', ' app:1'), no('get', '\r\napp:1'), no('get', '\0app:1'), ok('(nil)', 'get', 'app:\r\n\0 x')],
    },
  ],
);
