import { closes, ok, redisRow } from './support/redis.ts';

const inside = '*2\r\n$3\r\nDEL\r\n$11\r\nforbidden:1\r\n';

/** A browser, or something that speaks like one. */
export const row = redisRow(
  'RD-19',
  'HTTP',
  ['R3'],
  [
    { name: 'POST with a command in its body', sends: [closes(`POST / HTTP/1.1\r\nHost: x\r\n\r\n${inside}`)] },
    { name: 'GET that reads like a command', sends: [closes(`GET / HTTP/1.1\r\nHost: x\r\n\r\n${inside}`)] },
    { name: 'POST behind a command', sends: [ok('PONG', 'ping'), closes(`POST / HTTP/1.1\r\n\r\n${inside}`)] },
    {
      name: 'Host: behind a command',
      options: { inline: 'allow' },
      sends: [ok('PONG', 'ping'), closes(`Host: x\r\n${inside}`)],
    },
    {
      name: 'in lower case',
      options: { inline: 'allow' },
      sends: [ok('PONG', 'ping'), closes(`post / HTTP/1.1\r\n${inside}`)],
    },
  ],
);
