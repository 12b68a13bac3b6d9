import { expect, test } from 'vitest';
import { listenerConfig } from '../../test/support/plane-parts.ts';
import type { FilterConfig } from '../config/snapshot.ts';
import type { FilterBuilder } from '../net/filter.ts';
import { LiveLinks } from './live-links.ts';

/** Builders that say what they were told; `stubborn` takes nothing over, `plain` has no update. */
function maker() {
  const log: string[] = [];
  let made = 0;
  const make = ({ typeUrl, config }: FilterConfig): FilterBuilder => {
    const id = `${typeUrl}${++made}`;
    log.push(`make ${id} ${JSON.stringify(config)}`);
    const build = Object.assign(() => ({ name: id }), { id });
    if (typeUrl === 'plain') return build;
    const update = (next: unknown): boolean => {
      log.push(`update ${id} ${JSON.stringify(next)}`);
      return typeUrl !== 'stubborn';
    };
    return Object.assign(build, { update });
  };
  return { log, make };
}
const chain = (...filters: [typeUrl: string, config: object][]): FilterConfig[] =>
  filters.map(([typeUrl, config]) => ({ name: typeUrl, typeUrl, config: { ...config } }));
const listener = (filters: FilterConfig[], more = {}) =>
  listenerConfig({ listener: { filterChains: [{ name: '', filters }], ...more } });

test('a link that takes a new configuration over stays, and makes the links of now as well', () => {
  const { log, make } = maker();
  const links = new LiveLinks();
  const before = chain(['policy', { a: 1 }], ['plain', {}]);
  links.update(before, 'pg');
  const first = links.build(before, make);
  const after = chain(['policy', { a: 2 }], ['plain', { b: 1 }]);
  links.update(after, 'pg');
  const second = links.build(after, make);
  expect(second[0]).toBe(first[0]);
  expect(second[1]).not.toBe(first[1]);
  expect(log.slice(2)).toEqual(['update policy1 {"a":2}', 'make plain3 {"b":1}']);
});

test('one that is taken out decides nothing from then on, and is the same when it comes back', () => {
  const { log, make } = maker();
  const links = new LiveLinks();
  const first = links.build(chain(['policy', { a: 1 }]), make);
  links.update([], '');
  links.update(chain(['policy', { a: 3 }]), '');
  expect(links.build(chain(['policy', { a: 3 }]), make)).toEqual(first);
  expect(log).toEqual(['make policy1 {"a":1}', 'update policy1 null', 'update policy1 {"a":3}']);
});

test('one that cannot take it over is made anew; so is all of another protocol', () => {
  const { make } = maker();
  const links = new LiveLinks();
  links.update([], 'pg');
  const filters = chain(['stubborn', {}], ['policy', {}], ['policy', {}]);
  const first = links.build(filters, make);
  links.update(filters, 'pg');
  const second = links.build(filters, make);
  expect(second.map((builder, i) => builder === first[i])).toEqual([false, true, true]);
  expect(second[1]).not.toBe(second[2]);
  links.update(filters, 'mysql');
  expect(links.build(filters, make).some((builder) => second.includes(builder))).toBe(false);
});

test('what suffices: nothing but what links have taken over differs', () => {
  const { make } = maker();
  const links = new LiveLinks();
  const before = listener(chain(['policy', { a: 1 }], ['plain', { b: 1 }]));
  links.build(before.filterChains[0]!.filters, make);
  const cases: [string, ReturnType<typeof listener>, boolean][] = [
    ['a new policy', listener(chain(['policy', { a: 2 }], ['plain', { b: 1 }])), true],
    ['another filter differs', listener(chain(['policy', { a: 1 }], ['plain', { b: 2 }])), false],
    ['a filter more', listener(chain(['policy', { a: 1 }], ['policy', { a: 1 }], ['plain', { b: 1 }])), false],
    ['a filter less', listener(chain(['plain', { b: 1 }])), false],
    ['another order', listener(chain(['plain', { b: 1 }], ['policy', { a: 1 }])), false],
    ['the listener differs', listener(chain(['policy', { a: 1 }], ['plain', { b: 1 }]), { tcpBacklogSize: 5 }), false],
  ];
  for (const [what, after, want] of cases) expect(links.suffices(before, after), what).toBe(want);
});
