import { describe, expect, test } from 'vitest';
import { protocolFilters } from '../../protocol-filters/registry.ts';
import type { Access, OperationFacts } from '../exchange/operation-facts.ts';
import { SessionFacts } from '../exchange/session-facts.ts';
import { operationMetadata, whyUnresolved } from './rbac-metadata.ts';

const access = (verb: string, type: string, schema: string, name: string): Access => ({ verb, type, schema, name });
const factsOf = (operation: string, accesses: Access[], more: Partial<OperationFacts> = {}): OperationFacts => ({
  operation,
  accesses,
  unresolved: '',
  hasWhere: true,
  limit: -1,
  stages: [],
  categories: [],
  ...more,
});
function metadataOf(protocol: string, facts: OperationFacts, kind = '') {
  const filter = protocolFilters.find(({ name }) => name === protocol)!;
  const session = new SessionFacts(1, protocol, 'l', '10.0.0.1:1', '10.0.0.2:2', 0);
  session.user = 'ann';
  session.database = 'shop';
  return operationMetadata(filter, facts, session, kind);
}

describe("Envoy's namespaces, from the facts that policies judge", () => {
  const CASES: readonly (readonly [string, OperationFacts, string, Record<string, unknown>, string?])[] = [
    [
      'postgres',
      factsOf('SELECT', [
        access('select', 'table', 'public', 'orders'),
        access('insert', 'table', '', 'orders'),
        access('call', 'function', '', 'f'),
      ]),
      'envoy.filters.network.postgres_proxy',
      { 'orders.shop': ['select', 'insert'] },
    ],
    [
      'postgres',
      factsOf('SELECT', [access('select', 'table', '', '__proto__')]),
      'envoy.filters.network.postgres_proxy',
      JSON.parse('{"__proto__.shop": ["select"]}') as Record<string, unknown>,
    ],
    [
      'mysql',
      factsOf('UPDATE', [access('update', 'table', 'other', 'orders')]),
      'envoy.filters.network.mysql_proxy',
      { 'orders.other': ['update'] },
    ],
    [
      'mongodb',
      factsOf('find', [access('read', 'collection', 'shop', 'orders')]),
      'envoy.filters.network.mongo_proxy',
      { 'shop.orders': ['query'] },
    ],
    [
      'zookeeper',
      factsOf('getData', [access('read', 'path', '', '/app/config')]),
      'envoy.filters.network.zookeeper_proxy',
      { opname: 'getdata', path: '/app/config' },
      'getData',
    ],
    [
      'redis',
      factsOf('GET', [access('read', 'key', '0', 'app:1')], { categories: ['read'] }),
      'sluice.filters.network.redis',
      { commands: ['GET'], keys: { 'app:1': ['read'] } },
      'GET',
    ],
    [
      'kafka',
      factsOf('Fetch', [access('read', 'topic', '', 'orders'), access('read', 'group', '', 'billing')]),
      'sluice.filters.network.kafka',
      { api: 'Fetch', topics: { orders: ['read'] }, group: 'billing' },
    ],
  ];
  for (const [protocol, facts, namespace, want, kind] of CASES)
    test(`${protocol}: ${facts.operation}`, () => expect(metadataOf(protocol, facts, kind)[namespace]).toEqual(want));
});

test('`sluice.operation` has all of it, and names that are no UTF-8 stay apart', () => {
  const facts = factsOf(
    'DELETE',
    [
      access('delete', 'table', 'public', 'a\xff'),
      access('delete', 'table', '', 'a\xfe'),
      access('session', '', '', ''),
    ],
    {
      hasWhere: false,
      limit: 5,
      unresolved: 'runs text',
    },
  );
  expect(metadataOf('postgres', facts)['sluice.operation']).toEqual({
    protocol: 'postgres',
    operation: 'DELETE',
    verbs: ['delete', 'session'],
    targets: ['public.a\\xff', 'a\\xfe'],
    types: ['table'],
    unresolved: 'runs text',
    has_where: false,
    limit: 5,
    stages: [],
    categories: [],
    user: 'ann',
    database: 'shop',
    application: '',
  });
});

describe('what names cannot tell', () => {
  const CASES: readonly (readonly [string, OperationFacts, string])[] = [
    ['all is named', factsOf('SELECT', [access('select', 'table', '', 'a')]), ''],
    ['nothing is touched', factsOf('SELECT', []), ''],
    ['no resource', factsOf('SHUTDOWN', [access('admin', '', '', '')]), ''],
    ['unresolved', factsOf('DO', [], { unresolved: 'runs text' }), 'runs text'],
    ['all keys', factsOf('FLUSHALL', [access('flush', 'key', '', '')]), 'access to all of a kind'],
    [
      'all that begin so',
      factsOf('PSUBSCRIBE', [{ ...access('subscribe', 'channel', '', 'news.'), open: true }]),
      'access to all of a kind',
    ],
    [
      'a guarded verb',
      factsOf('COPY', [access('select', 'table', '', 'a'), access('program', '', '', '')]),
      'may program',
    ],
  ];
  for (const [name, facts, want] of CASES) test(name, () => expect(whyUnresolved(facts, ['program'])).toBe(want));
});
