import { no, ok, redisRow } from './support/redis.ts';

const sends = [
  ok('one', 'get', 'app:1'),
  no('del', 'forbidden:1'),
  ok('OK', 'multi'),
  ok('QUEUED', 'set', 'app:2', 'x'),
  no('get', 'forbidden:1'),
  ok('-EXECABORT', 'exec'),
];

/** A peer that is gone, at every offset: every exchange has ended once, and nothing that was held has left. */
export const row = redisRow(
  'X-10',
  'resets',
  ['R1'],
  [
    { name: 'of the client', sends, breaks: ['client', 'reset'] },
    { name: 'of the server', sends, breaks: ['server', 'reset'] },
    { name: 'an error of the client', sends, breaks: ['client', 'error'] },
    { name: 'an error of the server', sends, breaks: ['server', 'error'] },
  ],
);
