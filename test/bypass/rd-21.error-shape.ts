import { no, ok, policies, raw, redisRow } from './support/redis.ts';

const told = (message: string) => policies({ name: 'canary', action: 'deny', targets: ['forbidden:*'], message });

/** One line, whatever is in it. */
export const row = redisRow(
  'RD-21',
  'the shape of errors',
  ['R9'],
  [
    { name: 'CRLF in the key', sends: [no('get', 'forbidden:\r\n+OK\r\n'), ok('one', 'get', 'app:1')] },
    {
      name: 'CRLF in the message',
      policies: told('a\r\n+OK\r\n:1'),
      sends: [
        { ...no('get', 'forbidden:1'), replies: ['-NOPERM denied by policy "canary": a??+OK??:1'] },
        ok('one', 'get', 'app:1'),
      ],
    },
    {
      name: 'a message that is too long',
      policies: told('\u20ac'.repeat(300)),
      sends: [no('get', 'forbidden:1'), ok('one', 'get', 'app:1')],
    },
    {
      name: 'CRLF in the name',
      sends: [no('get\r\n+OK', 'forbidden:1'), raw('denied', '*1\r\n$5\r\n\r\n+OK\r\n'), ok('one', 'get', 'app:1')],
    },
  ],
);
