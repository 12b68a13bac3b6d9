import { describe, expect, test } from 'vitest';
import { Exchange } from '../../src/exchange/exchange.ts';
import { filterEnv } from '../../test/support/filter-env.ts';
import { mongodb } from './index.ts';
import { firstProblem } from './testing/config-problems.ts';
import { firstBatch, play, Talk } from './testing/story.ts';
import type { Doc } from './testing/wire-bytes.ts';

const ENVOY = 'envoy.filters.network.mongo_proxy';

/** Metadata of the one command of a session. */
function metadataOf(command: Doc): Record<string, Record<string, unknown>> {
  const { harness } = play(new Talk().say(command, firstBatch(0, 'shop.orders')).script);
  const x = Object.assign(new Exchange(), harness.ended[0], { session: harness.facts });
  return mongodb.metadata([x]);
}

describe('metadata', () => {
  const CASES: readonly (readonly [name: string, command: Doc, want: Record<string, readonly string[]>])[] = [
    ['a query', { find: 'orders' }, { 'shop.orders': ['query'] }],
    ['an insert', { insert: 'orders', documents: [{}] }, { 'shop.orders': ['insert'] }],
    ['an update', { update: 'orders', updates: [{ q: {}, u: { $set: { a: 1 } } }] }, { 'shop.orders': ['update'] }],
    ['a delete', { delete: 'orders', deletes: [{ q: {}, limit: 0 }] }, { 'shop.orders': ['delete'] }],
    ['of another database', { find: 'orders', $db: 'crm' }, { 'crm.orders': ['query'] }],
    ['no collection', { ping: 1 }, {}],
    ['what is no operation of Envoy’s', { drop: 'orders' }, {}],
    [
      'several',
      { aggregate: 'orders', pipeline: [{ $lookup: { from: 'users', as: 'u' } }, { $out: 'report' }], cursor: {} },
      { 'shop.orders': ['query'], 'shop.users': ['query'], 'shop.report': ['insert'] },
    ],
    [
      'MG-08 names out of JavaScript',
      { find: '__proto__', $db: 'constructor' },
      { ['constructor.__proto__']: ['query'] },
    ],
  ];
  for (const [name, command, want] of CASES)
    test(name, () => expect(Object.entries(metadataOf(command)[ENVOY]!)).toEqual(Object.entries(want)));

  test('ours stands beside it', () => {
    expect(metadataOf({ find: 'orders', filter: { a: 1 } })['sluice.query']).toMatchObject({
      protocol: 'mongodb',
      operations: ['find'],
      summary: 'find orders',
      confidence: 'parsed',
      relations: ['shop.orders'],
      kind: 'find',
      database: 'shop',
    });
  });

  test('of nothing there is none', () => {
    expect(mongodb.metadata([])[ENVOY]).toEqual({});
  });
});

describe('the trace of a command', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  test('stands in its comment', () => {
    const on = play(new Talk().say({ find: 'a', comment: { traceparent } }, firstBatch(0, 'shop.a')).script);
    expect(on.harness.ended[0]!.traceparent).toBe(traceparent);
  });
});

describe('configuration', () => {
  const CASES: readonly (readonly [name: string, fields: object, problem: string])[] = [
    ['only what is needed', { stat_prefix: 'm' }, ''],
    ['all of it', { stat_prefix: 'm', commands: ['insert'], emit_dynamic_metadata: true }, ''],
    ['no prefix', {}, 'stat_prefix'],
    ['Envoy’s access log', { stat_prefix: 'm', access_log: '/x' }, 'access_log'],
    ['Envoy’s delay', { stat_prefix: 'm', delay: {} }, 'delay'],
    ['a slip', { stat_prefix: 'm', command: ['x'] }, 'command'],
  ];
  for (const [name, fields, problem] of CASES)
    test(name, () => expect(firstProblem(mongodb.config, fields)).toBe(problem));

  const OPTIONS: readonly (readonly [name: string, options: object, problem: string])[] = [
    ['none', {}, ''],
    ['all', { collections: 5, cursors: 5, addresses: ['a:1', '[::1]:2'], rewrite_hello: { address: 'a.b:27017' } }, ''],
    ['an address without a port', { rewrite_hello: { address: 'proxy' } }, 'rewrite_hello.address'],
    ['a URL', { addresses: ['mongodb://a:1'] }, 'addresses.0'],
    ['no cursor', { cursors: 0 }, 'cursors'],
    ['a slip', { rewrite_helo: {} }, 'rewrite_helo'],
  ];
  for (const [name, options, problem] of OPTIONS)
    test(`options: ${name}`, () => expect(firstProblem(mongodb.options, options)).toBe(problem));

  test('is bound with its defaults', () => {
    expect(mongodb.options.parse(undefined)).toEqual({
      collections: 64,
      cursors: 10_000,
      addresses: [],
      strict_cursors: false,
    });
    expect(() =>
      mongodb.bind(mongodb.config.parse({ stat_prefix: 'm' }), mongodb.options.parse({}), filterEnv()),
    ).not.toThrow();
  });
});
