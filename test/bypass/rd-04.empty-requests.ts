import { closes, no, ok, raw, redisRow } from './support/redis.ts';

/** No command and no reply: they do not leave, and nothing takes their place. */
export const row = redisRow(
  'RD-04',
  'empty requests',
  ['R6', 'R9'],
  [
    {
      name: '*0 between commands',
      sends: [ok('one', 'get', 'app:1'), raw('nothing', '*0\r\n'), no('del', 'forbidden:1'), ok('PONG', 'ping')],
    },
    {
      name: '*-1 between commands',
      sends: [
        raw('nothing', '*-1\r\n'),
        ok('one', 'get', 'app:1'),
        raw('nothing', '*-1\r\n'),
        no('del', 'forbidden:1'),
      ],
    },
    {
      name: 'thousands of them',
      sends: [raw('nothing', '*0\r\n'.repeat(900)), no('get', 'forbidden:1'), ok('one', 'get', 'app:1')],
    },
    {
      name: 'a line behind one',
      sends: [raw('nothing', '*0\r\n'), raw('denied', 'DEL forbidden:1\r\n'), ok('one', 'get', 'app:1')],
    },
    { name: 'a null argument', sends: [ok('PONG', 'ping'), closes('*2\r\n$3\r\nGET\r\n$-1\r\n')] },
    { name: 'a null for a name', sends: [ok('PONG', 'ping'), closes('*1\r\n$-1\r\n')] },
    { name: 'an empty name', sends: [ok('PONG', 'ping'), no('', 'forbidden:1'), ok('one', 'get', 'app:1')] },
  ],
);
