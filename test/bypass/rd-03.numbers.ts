import { closes, no, ok, redisRow } from './support/redis.ts';

const ODD = ['+2', '02', ' 2', '2 ', '2e0', '-0', '9223372036854775808', '', '0x2', '2.0', '\u0662'];
const show = (text: string): string => JSON.stringify(text);

/** Digits and nothing else. */
export const row = redisRow(
  'RD-03',
  'numbers',
  ['R6', 'R12'],
  [
    ...ODD.map((text) => ({
      name: `${show(text)} arguments`,
      sends: [ok('PONG', 'ping'), closes(Buffer.from(`*${text}\r\n$3\r\nDEL\r\n$11\r\nforbidden:1\r\n`))],
    })),
    ...ODD.map((text) => ({
      name: `a bulk of ${show(text)} bytes`,
      sends: [ok('PONG', 'ping'), closes(Buffer.from(`*2\r\n$3\r\nDEL\r\n$${text}\r\nforbidden:1\r\n`))],
    })),
    ...['+1', '01', ' 1', '1 ', '1e0', '-1', '4294967297', '', '0x1'].map((text) => ({
      name: `${show(text)} keys`,
      sends: [ok('PONG', 'ping'), no('zunion', text, 'forbidden:z'), no('lmpop', text, 'forbidden:l', 'left')],
    })),
  ],
);
