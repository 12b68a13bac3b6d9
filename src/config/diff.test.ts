import { describe, expect, test } from 'vitest';
import type { Changes } from './diff.ts';
import { diff, sameAddresses } from './diff.ts';
import { goodText } from './fixtures/loading.ts';

const three = `proxies:
  - {name: a, upstream: "tcp://127.0.0.1:1"}
  - {name: b, upstream: "tcp://127.0.0.1:2"}
  - {name: c, upstream: "tcp://127.0.0.1:3"}
`;
const names = (changes: Changes<{ readonly name: string }>) =>
  [
    ...changes.added.map((one) => `+${one.name}`),
    ...changes.changed.map((one) => `~${one.after.name}`),
    ...changes.removed.map((one) => `-${one.name}`),
  ].join(' ');

describe('diff', () => {
  const cases: Record<string, [from: string, to: string, listeners: string, clusters: string, other: string[]]> = {
    nothing: ['', '', '', '', []],
    'a comment': ['proxies:', '# hello\nproxies:', '', '', []],
    'the order': ['proxies:\n', 'proxies:\n  - {name: d, upstream: "tcp://127.0.0.1:4"}\n', '+d', '+d', []],
    'a proxy removed': ['  - {name: b, upstream: "tcp://127.0.0.1:2"}\n', '', '-b', '-b', []],
    'a proxy renamed': ['name: b', 'name: bb', '+bb -b', '+bb -b', []],
    'another upstream': ['127.0.0.1:2', '127.0.0.2:2', '', '~b', []],
    'another port, and so another default to listen on': ['127.0.0.1:2', '127.0.0.1:20', '~b', '~b', []],
    'a filter option': ['"tcp://127.0.0.1:2"', '"tcp://127.0.0.1:2", idle_timeout: 1s', '~b', '', []],
    'process-wide': [
      'proxies:',
      'concurrency: 1\nmetrics: 127.0.0.1:9\nproxies:',
      '',
      '',
      ['metrics', 'process.concurrency'],
    ],
    'the admin page': ['proxies:', 'admin: false\nproxies:', '', '', ['admin']],
  };
  for (const [what, [from, to, listeners, clusters, other]] of Object.entries(cases)) {
    test(what, async () => {
      const before = (await goodText(three)).snapshot;
      const after = (await goodText(three.replace(from, to))).snapshot;
      const told = diff(before, after);
      expect(names(told.listeners)).toBe(listeners);
      expect(names(told.clusters)).toBe(clusters);
      expect(told.other).toEqual(other);
      expect(told.same).toBe(listeners === '' && clusters === '' && other.length === 0);
      // Only order may differ between what is the same and has the same version.
      if (before.version === after.version) expect(told.same).toBe(true);
    });
  }

  test('sockets can stay where only what is behind them changed', async () => {
    const [a, , c] = (await goodText(three)).snapshot.listeners;
    const [changed] = (await goodText(three.replace('127.0.0.1:1"', '127.0.0.1:1", idle_timeout: 1s'))).snapshot
      .listeners;
    expect(sameAddresses(a!, changed!)).toBe(true);
    expect(sameAddresses(a!, c!)).toBe(false);
  });
});
