import { no, ok, type Part, redisRow } from './support/redis.ts';

const mixed = (count: number, every: number): Part[] =>
  Array.from({ length: count }, (_, i) =>
    i % every === every - 1 ? no('del', 'forbidden:1') : ok('one', 'get', 'app:1'),
  );

/** The unit is the command, not the segment. */
export const row = redisRow(
  'X-05',
  'many commands in one segment',
  ['R1', 'R2', 'R9'],
  [
    { name: 'a thousand, each tenth denied', sends: mixed(1000, 10) },
    { name: 'two, the second denied', sends: mixed(2, 2) },
    { name: 'two, the first denied', sends: [no('del', 'forbidden:1'), ok('one', 'get', 'app:1')] },
    { name: 'every second one', sends: mixed(40, 2) },
    { name: 'all denied', sends: Array.from({ length: 30 }, () => no('get', 'forbidden:1')) },
  ],
);
