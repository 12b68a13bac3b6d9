import { no, ok, policies, redisRow } from './support/redis.ts';

const noAdmin = policies({ action: 'deny', operations: ['admin'] }, { action: 'deny', targets: ['forbidden:*'] });

/** Names fold as the server folds them, subcommands count, and what is not known is denied. */
export const row = redisRow(
  'RD-06',
  'command names',
  ['R4', 'R11'],
  [
    { name: 'mixed case', sends: [no('dEl', 'forbidden:1'), ok('one', 'gEt', 'app:1')] },
    {
      name: 'a long s is no s',
      sends: [no('\u017fet', 'forbidden:1', 'x'), no('\u017fet', 'app:1', 'x'), ok('one', 'get', 'app:1')],
    },
    { name: 'the Kelvin sign is no K', sends: [no('\u212aeys', '*'), no('\u212aEYS', '*')] },
    { name: 'a NUL behind the name', sends: [no('get\0', 'forbidden:1'), no('del\0x', 'forbidden:1')] },
    { name: 'a blank behind the name', sends: [no('del ', 'forbidden:1')] },
    {
      name: 'deprecated names',
      sends: [
        no('substr', 'forbidden:1', '0', '1'),
        no('hmset', 'forbidden:h', 'f', 'x'),
        no('getset', 'forbidden:1', 'x'),
        no('rpoplpush', 'forbidden:l', 'app:l'),
      ],
    },
    { name: 'REPLICAOF by its old name', sends: [no('slaveof', '127.0.0.1', '1'), no('replicaof', '127.0.0.1', '1')] },
    {
      name: 'subcommands in any case',
      policies: noAdmin,
      sends: [
        no('CONFIG', 'sEt', 'maxmemory', '1'),
        no('config', 'resetstat'),
        no('acl', 'setuser', 'x'),
        no('client', 'KILL', 'id', '1'),
        no('client', 'pause', '1'),
      ],
    },
    { name: 'a container without subcommand', sends: [no('config'), no('acl'), no('xgroup'), ok('PONG', 'ping')] },
    {
      name: 'a subcommand that nobody knows',
      sends: [no('config', 'forge', 'forbidden:1'), no('object', 'forbidden:1'), no('memory', 'usage '), no('debug')],
    },
    {
      name: 'commands of modules, and of later versions',
      sends: [
        no('json.get', 'forbidden:1'),
        no('FT.SEARCH', 'i', '*'),
        no('nosuch', 'forbidden:1'),
        no('sluice.denied', 'forbidden:1'),
      ],
    },
    {
      name: 'a command of the documentation',
      sends: [
        no('hgetex', 'forbidden:h', 'fields', '1', 'f'),
        no('delex', 'forbidden:1'),
        no('msetex', '1', 'forbidden:1', 'x'),
      ],
    },
  ],
);
