import type { CommandRow, KeySpecRow } from './command-row.ts';

/**
 * Commands that Redis 7.0 does not have, from the documentation of later versions, of Valkey and of Sentinel. Not asked of
 * a server: where a server's own table differs, these are wrong.
 */

const FIRST = (flags: string): { readonly keys: readonly KeySpecRow[] } => ({
  keys: [{ flags, at: 1, keys: { range: [0, 1, 0] } }],
});
const row = (name: string, since: string, arity: number, flags: string, acl: string): CommandRow => ({
  name,
  since,
  arity,
  flags,
  acl,
});
const hashWrite = (name: string, since: string, arity: number, keyFlags = 'RW update'): CommandRow => ({
  ...row(name, since, arity, 'write denyoom fast', 'write hash fast'),
  ...FIRST(keyFlags),
});
const hashRead = (name: string): CommandRow => ({
  ...row(name, '7.4.0', -5, 'readonly fast', 'read hash fast'),
  ...FIRST('RO access'),
});
const vectorRead = (name: string, arity: number): CommandRow => ({
  ...row(name, '8.0.0', arity, 'readonly', 'read slow'),
  ...FIRST('RO access'),
});
const vectorWrite = (name: string, arity: number): CommandRow => ({
  ...row(name, '8.0.0', arity, 'write denyoom', 'write slow'),
  ...FIRST('RW update'),
});
const sub = (name: string, since: string, arity: number): CommandRow =>
  row(name, since, arity, 'admin noscript loading stale', 'admin slow dangerous');
const container = (name: string, since: string, subs: readonly CommandRow[]): CommandRow => ({
  ...row(name, since, -2, '', 'slow'),
  sub: subs,
});

const SENTINEL = {
  ckquorum: 3,
  config: -4,
  debug: -2,
  failover: 3,
  flushconfig: 2,
  'get-master-addr-by-name': 3,
  help: 2,
  'info-cache': 3,
  'is-master-down-by-addr': 6,
  master: 3,
  masters: 2,
  monitor: 6,
  myid: 2,
  'pending-scripts': 2,
  remove: 3,
  replicas: 3,
  reset: 3,
  sentinels: 3,
  set: -5,
  'simulate-failure': -3,
  slaves: 3,
} as const;

/** Containers that Redis 7.0 has too give their new subcommands only. */
export const ADDED_COMMANDS: readonly CommandRow[] = [
  container('client', '2.4.0', [
    row('capa', 'Valkey 8.0.0', -3, 'noscript loading stale', 'connection slow'),
    row('import-source', 'Valkey 8.1.0', 3, 'noscript loading stale', 'admin connection slow dangerous'),
    row('no-touch', '7.2.0', 3, 'noscript loading stale', 'connection slow'),
    row('setinfo', '7.2.0', 4, 'noscript loading stale', 'connection slow'),
  ]),
  container('cluster', '3.0.0', [
    sub('cancelslotmigrations', 'Valkey 9.0.0', 2),
    sub('getslotmigrations', 'Valkey 9.0.0', 2),
    sub('migrateslots', 'Valkey 9.0.0', -7),
    sub('migration', '8.4.0', -3),
    row('myshardid', '7.2.0', 2, 'loading stale', 'slow'),
    row('slot-stats', '8.2.0', -4, 'loading stale', 'slow'),
  ]),
  container('commandlog', 'Valkey 8.1.0', [
    sub('get', 'Valkey 8.1.0', 4),
    sub('help', 'Valkey 8.1.0', 2),
    sub('len', 'Valkey 8.1.0', 3),
    sub('reset', 'Valkey 8.1.0', 3),
  ]),
  { ...row('delex', '8.4.0', -2, 'write fast', 'write keyspace fast'), ...FIRST('RM delete') },
  { ...row('delifeq', 'Valkey 9.0.0', 3, 'write fast', 'write string fast'), ...FIRST('RM delete') },
  { ...row('digest', '8.4.0', 2, 'readonly fast', 'read string fast'), ...FIRST('RO access') },
  hashWrite('hexpire', '7.4.0', -6),
  hashWrite('hexpireat', '7.4.0', -6),
  hashRead('hexpiretime'),
  hashWrite('hgetdel', '8.0.0', -5, 'RW access delete'),
  hashWrite('hgetex', '8.0.0', -5, 'RW access update'),
  hashWrite('hpersist', '7.4.0', -5),
  hashWrite('hpexpire', '7.4.0', -6),
  hashWrite('hpexpireat', '7.4.0', -6),
  hashRead('hpexpiretime'),
  hashRead('hpttl'),
  hashWrite('hsetex', '8.0.0', -6),
  hashRead('httl'),
  {
    ...row('msetex', '8.4.0', -4, 'write denyoom movablekeys', 'write string slow'),
    keys: [{ flags: 'OW update', at: 1, keys: { count: [0, 1, 2] } }],
  },
  container('script', '2.6.0', [row('show', 'Valkey 8.0.0', 3, 'noscript', 'scripting slow')]),
  container(
    'sentinel',
    '2.8.4',
    Object.entries(SENTINEL).map(([name, arity]) => sub(name, '2.8.4', arity)),
  ),
  vectorWrite('vadd', -5),
  vectorRead('vcard', 2),
  vectorRead('vdim', 2),
  vectorRead('vemb', -3),
  vectorRead('vgetattr', 3),
  vectorRead('vinfo', 2),
  vectorRead('vismember', 3),
  vectorRead('vlinks', -3),
  vectorRead('vrandmember', -2),
  vectorRead('vrange', -4),
  vectorWrite('vrem', 3),
  vectorWrite('vsetattr', 4),
  vectorRead('vsim', -4),
  row('waitaof', '7.2.0', 4, 'blocking', 'slow blocking connection'),
  { ...row('xackdel', '8.2.0', -6, 'write fast', 'write stream fast'), ...FIRST('RW update delete') },
  { ...row('xdelex', '8.2.0', -5, 'write fast', 'write stream fast'), ...FIRST('RW delete') },
];
