import { many, no, ok, policies, raw, redisRow } from './support/redis.ts';

const multi = ok('OK', 'multi');
const queue = (...words: string[]) => ok('QUEUED', ...words);
const abort = ok('-EXECABORT', 'exec');
const noTwo = policies({ name: 'no two', action: 'deny', operations: ['write'], targets: ['app:2'] });
const noThree = policies({ name: 'no three', action: 'deny', operations: ['write'], targets: ['app:3'] });

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
    {
      name: 'policies change before EXEC: nothing of it runs, and the connection is of use',
      sends: [
        multi,
        queue('set', 'app:3', 'x'),
        queue('set', 'app:2', 'x'),
        no('exec'),
        ok('one', 'get', 'app:1'),
        multi,
        queue('set', 'app:3', 'y'),
        many(['[OK]'], 'exec'),
      ],
      reload: { after: 3, policies: noTwo },
      keys: { 'app:2': null, 'app:3': 'y' },
      unseen: /app:2/,
    },
    {
      name: 'policies change in the middle of the queue',
      sends: [multi, queue('set', 'app:2', 'x'), queue('set', 'app:3', 'x'), no('exec'), ok('-ERR', 'exec')],
      reload: { after: 2, policies: noTwo },
      keys: { 'app:2': null, 'app:3': null },
      unseen: /app:[23]/,
    },
    {
      name: 'policies change, and what was queued is still allowed',
      sends: [multi, queue('set', 'app:2', 'x'), queue('get', 'app:1'), many(['[OK one]'], 'exec')],
      reload: { after: 3, policies: noThree },
      keys: { 'app:2': 'x' },
    },
    {
      name: 'policies change, and what was queued before is denied at once and for the next transaction too',
      sends: [
        multi,
        queue('set', 'app:2', 'x'),
        no('set', 'app:2', 'y'),
        no('exec'),
        multi,
        no('set', 'app:2', 'z'),
        abort,
      ],
      reload: { after: 2, policies: noTwo },
      keys: { 'app:2': null },
    },
    {
      name: 'policies change: the EXEC that is denied has given up what was watched',
      sends: [
        ok('OK', 'watch', 'app:1'),
        multi,
        queue('set', 'app:2', 'x'),
        no('exec'),
        ok('OK', 'set', 'app:1', 'another'),
        multi,
        queue('set', 'app:3', 'x'),
        many(['[OK]'], 'exec'),
      ],
      reload: { after: 3, policies: noTwo },
      keys: { 'app:2': null, 'app:3': 'x' },
    },
    {
      name: 'policies change, and the transaction is given up by the client',
      sends: [multi, queue('set', 'app:2', 'x'), ok('OK', 'discard'), ok('-ERR', 'exec'), no('set', 'app:2', 'x')],
      reload: { after: 2, policies: noTwo },
      keys: { 'app:2': null },
    },
  ],
);
