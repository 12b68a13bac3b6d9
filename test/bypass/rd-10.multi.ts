import { many, no, ok, policies, raw, redisRow } from './support/redis.ts';

const multi = ok('OK', 'multi');
const queue = (...words: string[]) => ok('QUEUED', ...words);
const abort = ok('-EXECABORT', 'exec');

/** A denied command spoils its transaction at the server itself: nothing of it runs. */
export const row = redisRow(
  'RD-10',
  'MULTI',
  ['R2', 'R9'],
  [
    {
      name: 'a denied command in the middle',
      sends: [multi, queue('set', 'app:2', 'x'), no('del', 'forbidden:1'), queue('set', 'app:3', 'x'), abort],
      keys: { 'app:2': null, 'app:3': null },
    },
    {
      name: 'the first one',
      sends: [multi, no('del', 'forbidden:1'), queue('set', 'app:2', 'x'), abort],
      keys: { 'app:2': null },
    },
    {
      name: 'the last one',
      sends: [multi, queue('set', 'app:2', 'x'), no('del', 'forbidden:1'), abort],
      keys: { 'app:2': null },
    },
    {
      name: 'several of them',
      sends: [multi, no('get', 'forbidden:1'), queue('set', 'app:2', 'x'), no('del', 'forbidden:1'), abort],
      keys: { 'app:2': null },
    },
    {
      name: 'given up by DISCARD',
      sends: [multi, no('del', 'forbidden:1'), ok('OK', 'discard'), ok('one', 'get', 'app:1')],
    },
    {
      name: 'given up by RESET',
      sends: [multi, no('del', 'forbidden:1'), ok('RESET', 'reset'), ok('one', 'get', 'app:1')],
    },
    {
      name: 'the next one runs',
      sends: [multi, no('del', 'forbidden:1'), abort, multi, queue('set', 'app:2', 'x'), many(['[OK]'], 'exec')],
      keys: { 'app:2': 'x' },
    },
    {
      name: 'nested',
      sends: [multi, ok('-ERR', 'multi'), no('del', 'forbidden:1'), ok('*', 'exec')],
      keys: { 'app:2': null },
    },
    {
      name: 'AUTH, HELLO and SUBSCRIBE within it',
      sends: [
        multi,
        queue('set', 'app:2', 'x'),
        no('auth', 'x', 'y'),
        no('hello', '3'),
        no('subscribe', 'app:c'),
        no('client', 'setname', 'x'),
        abort,
      ],
      keys: { 'app:2': null },
    },
    {
      name: 'a line within it',
      sends: [multi, queue('set', 'app:2', 'x'), raw('denied', 'del forbidden:1\r\n'), abort],
      keys: { 'app:2': null },
    },
    {
      name: 'EXEC itself: the transaction is over, and nothing of it ran',
      policies: policies({ action: 'deny', operations: ['EXEC'] }),
      sends: [
        multi,
        queue('set', 'app:2', 'x'),
        no('exec'),
        ok('one', 'get', 'app:1'),
        multi,
        queue('select', '3'),
        no('exec'),
        ok('one', 'get', 'app:1'),
        no('exec'),
        ok('-ERR', 'discard'),
      ],
      keys: { 'app:2': null },
    },
    {
      name: 'WATCH of a denied key',
      sends: [
        no('watch', 'forbidden:1'),
        ok('OK', 'watch', 'app:1'),
        multi,
        queue('set', 'app:2', 'x'),
        many(['[OK]'], 'exec'),
      ],
      keys: { 'app:2': 'x' },
    },
  ],
);
