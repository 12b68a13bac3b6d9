import { no, ok, redisRow } from './support/redis.ts';

const get = ok('*', 'get', 'app:1');
const denied = no('get', 'forbidden:1');
const multi = ok('*', 'multi');

/** A server that says more or less than it was asked: an injected error must not attach to another command. */
export const row = redisRow(
  'X-07',
  'replies out of step',
  ['R9', 'R3'],
  [
    { name: 'two replies to one command', sends: [get], says: ['+one\r\n+two\r\n'], serverCloses: true },
    { name: 'a stand-in that succeeds', sends: [multi, denied], says: ['*', '+OK\r\n'], serverCloses: true },
    { name: 'a stand-in answered with data', sends: [multi, denied], says: ['*', '$3\r\none\r\n'], serverCloses: true },
    {
      name: 'a reply before any command',
      sends: [multi, denied, get],
      says: ['+OK\r\n-ERR unknown command\r\n'],
      serverCloses: true,
    },
    {
      name: 'a malformed reply to a stand-in',
      sends: [multi, denied],
      says: ['*', '-ERR unknown\n'],
      serverCloses: true,
    },
  ],
);
