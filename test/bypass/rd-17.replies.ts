import { no, ok, redisRow } from './support/redis.ts';

const get = ok('*', 'get', 'app:1');
const denied = no('get', 'forbidden:1');
const deep = `${'*1\r\n'.repeat(33)}:1\r\n`;

/** Replies are read as strictly as commands: a server that speaks otherwise is not believed. */
export const row = redisRow(
  'RD-17',
  'hostile replies',
  ['R3', 'R9'],
  [
    { name: 'nested too deeply', sends: [get, denied], says: [deep], serverCloses: true },
    { name: 'no RESP', sends: [get, denied], says: ['HTTP/1.1 200 OK\r\n'], serverCloses: true },
    { name: 'a length that is none', sends: [get, denied], says: ['$+3\r\none\r\n'], serverCloses: true },
    { name: 'a bare LF', sends: [get, denied], says: ['+OK\n:1\r\n'], serverCloses: true },
    { name: 'a bulk that ends otherwise', sends: [get, denied], says: ['$3\r\nonexx'], serverCloses: true },
    { name: 'an error that holds a CR', sends: [get, denied], says: ['-ERR a\rb\r\n'], serverCloses: true },
  ],
);
