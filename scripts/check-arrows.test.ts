import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { check, importsOf, judge } from './check-arrows.ts';

const allowed: [file: string, specifier: string][] = [
  ['src/net/chain.ts', '../exchange/side.ts'],
  ['src/net/chain.ts', './filter.ts'],
  ['src/net/chain.ts', 'node:net'],
  ['src/exchange/protocol-filter.ts', '../stats/registry.ts'],
  ['src/filters/tcp-proxy.ts', '../upstream/cluster.ts'],
  ['src/server/worker.ts', '../../protocol-filters/registry.ts'],
  ['src/cli/main.ts', '../server/primary.ts'],
  ['src/cli/main.ts', '../index.ts'],
  ['src/index.ts', './server/primary.ts'],
  ['protocol-filters/postgres/session.ts', './wire.ts'],
  ['protocol-filters/postgres/session.ts', '../../src/bytes/cursor.ts'],
  ['protocol-filters/postgres/config.ts', 'zod'],
  ['protocol-filters/registry.ts', './postgres/index.ts'],
  ['protocol-filters/registry.ts', '../src/exchange/protocol-filter.ts'],
  ['test/support/poll.ts', '../../protocol-filters/postgres/session.ts'],
];
for (const [file, specifier] of allowed) {
  test(`${file} may import ${specifier}`, () => expect(judge(file, specifier)).toBeNull());
}

const forbidden: [file: string, specifier: string, why: RegExp][] = [
  ['src/bytes/cursor.ts', '../stats/registry.ts', /right of/],
  ['src/stats/registry.ts', '../exchange/side.ts', /right of/],
  ['src/net/chain.ts', '../upstream/cluster.ts', /right of/],
  ['src/admin/http.ts', '../server/primary.ts', /right of/],
  ['src/config/load.ts', '../../protocol-filters/registry.ts', /only src\/server/],
  ['src/cli/main.ts', '../../protocol-filters/registry.ts', /only src\/server/],
  ['src/server/worker.ts', '../../protocol-filters/postgres/index.ts', /through the registry/],
  ['protocol-filters/postgres/session.ts', '../../src/net/transport.ts', /sees bytes/],
  ['protocol-filters/postgres/session.ts', '../../src/policy/verdict.ts', /sees bytes/],
  ['protocol-filters/postgres/session.ts', '../mysql/wire.ts', /another/],
  ['protocol-filters/postgres/session.ts', '../registry.ts', /another/],
  ['protocol-filters/postgres/session.ts', 'node:net', /sockets/],
  ['protocol-filters/postgres/session.ts', 'pg-protocol', /packages/],
  ['protocol-filters/registry.ts', './postgres/session.ts', /index\.ts/],
  ['src/cli/demo.ts', '../../test/support/poll.ts', /no part of the product/],
  ['src/digest/rows/rows.ts', './rows.fixture.ts', /for tests/],
  ['protocol-filters/postgres/session.ts', './testing/builders.ts', /for tests/],
  ['src/leftovers/a.ts', '../bytes/cursor.ts', /no place/],
];
for (const [file, specifier, why] of forbidden) {
  test(`${file} may not import ${specifier}`, () => expect(judge(file, specifier)).toMatch(why));
}

test('every way to write an import is seen, comments are not', () => {
  const source = `
    import a from './a.ts';
    import { b,
      type B } from "./b.ts";
    import type { C } from './c.ts';
    import './d.ts';
    export * from './e.ts';
    export { f } from './f.ts';
    const g = await import('./g.ts');
    type H = import('./h.ts').H;
    // import x from './no.ts';
    /* import y from './no.ts'; */
    const text = 'import';
  `;
  expect(importsOf(source)).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name) => `./${name}.ts`));
});

test('check reads a tree, and leaves tests alone', () => {
  const root = mkdtempSync(path.join(tmpdir(), 'arrows-'));
  try {
    mkdirSync(path.join(root, 'src/bytes/testing'), { recursive: true });
    writeFileSync(path.join(root, 'src/bytes/a.ts'), `import { b } from '../net/b.ts';`);
    for (const name of ['a.test.ts', 'a.fixture.ts', 'testing/a.ts']) {
      writeFileSync(path.join(root, 'src/bytes', name), `import { b } from '../net/b.ts';`);
    }
    expect(check(root)).toEqual(['src/bytes/a.ts: ../net/b.ts: net stands to the right of bytes']);
  } finally {
    rmSync(root, { recursive: true });
  }
});
