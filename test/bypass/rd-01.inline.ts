import { closes, forbidden, ok, raw, redisRow } from './support/redis.ts';

const inline = { inline: 'allow' } as const;

/** Lines without lengths: no one reads them in by default; where that is allowed, as the server takes them apart. */
export const row = redisRow(
  'RD-01',
  'inline commands',
  ['R4', 'R6'],
  [
    {
      name: 'a line by default',
      sends: [ok('one', 'get', 'app:1'), raw('denied', 'GET app:1\r\n'), ok('one', 'get', 'app:1')],
    },
    { name: 'a denied one by default', sends: [ok('PONG', 'ping'), raw('denied', 'DEL forbidden:1\r\n')] },
    { name: 'first of all, as telnet does', sends: [raw('denied', 'PING\r\n'), raw('denied', 'get forbidden:1\n')] },
    {
      name: 'escapes in the name',
      options: inline,
      sends: [raw('denied', '"d\\x65l" forbidden:1\r\n'), ok('PONG', 'ping')],
    },
    {
      name: 'escapes in the key',
      options: inline,
      sends: [raw('denied', 'del "forb\\x69dden:1"\r\n'), ok('PONG', 'ping')],
    },
    {
      name: 'single quotes',
      options: inline,
      sends: [raw('denied', "'del' 'forbidden:1'\r\n"), raw('allowed', 'get app:1\r\n', 'one')],
    },
    {
      name: 'a bare line feed',
      options: inline,
      sends: [raw('denied', 'del forbidden:1\n'), raw('allowed', 'get app:1\n', 'one')],
    },
    {
      name: 'empty lines between',
      options: inline,
      sends: [raw('nothing', '\r\n\r\n'), raw('denied', 'get  forbidden:1\r\n'), ok('PONG', 'ping')],
    },
    { name: 'quotes that do not end', options: inline, sends: [ok('PONG', 'ping'), closes('get "forbidden:1\r\n')] },
    { name: 'a quote that ends in a word', options: inline, sends: [ok('PONG', 'ping'), closes('get "app:1"x\r\n')] },
    { name: 'a NUL in the line', options: inline, sends: [ok('PONG', 'ping'), closes('get app:1\0 forbidden:1\r\n')] },
    {
      name: 'longer than a line may be',
      policies: forbidden,
      options: inline,
      sends: [ok('PONG', 'ping'), closes(`get ${'x'.repeat(65_536)}\r\n`)],
    },
  ],
);
