import type { Target } from '../../../src/exchange/digest.ts';
import type { Access } from '../../../src/exchange/operation-facts.ts';
import { APIS } from '../schema/api.ts';
import { needsOf } from './acl.ts';

const BY_NAME = new Map(APIS.map(({ name, key }) => [name, key]));
/** What a digest calls topics that have no name of their own in it. */
const NAMELESS = /^\?$|…$/;

/** What a request does as far as its digest tells: one topic, and the first of its groups. */
export function seen(operation: string, targets: readonly Target[]): readonly Access[] | null {
  const needs = needsOf(BY_NAME.get(operation) ?? -1);
  if (needs === null || targets.some(({ name }) => NAMELESS.test(name))) return null;
  if (needs.isSession) return [{ verb: 'session', type: '', schema: '', name: '' }];
  const named = targets.flatMap(({ schema, name, operations }) => {
    const type = schema === '' ? 'topic' : schema;
    return operations.map((verb): Access => ({ verb, type, schema: '', name: name === '*' ? '' : name }));
  });
  const { cluster, all } = needs;
  return [
    ...named,
    ...(cluster === '' ? [] : [{ verb: cluster, type: 'cluster', schema: '', name: 'kafka-cluster' }]),
    ...(all === '' ? [] : [{ verb: 'describe', type: all, schema: '', name: '' }]),
  ];
}
