import { expect, test } from 'vitest';
import { policyFilters } from '../config/fixtures/policies.ts';
import { fullForm, sampleFilters, shortForm } from '../config/fixtures/samples.ts';
import { type ConfigIo, runCheck } from './check.ts';
import { runExpand } from './expand.ts';

const files: Readonly<Record<string, string>> = {
  'sluice.yaml': shortForm,
  'envoy.yaml': fullForm,
  'bad.yaml': 'proxies:\n  - tcp://127.0.0.1:1\n  - postgres://nowhere.example\nadmn: x\n',
};

const POLICED = `proxies:
  - { name: shop, upstream: "postgres://127.0.0.1:5432", policies: [{ action: deny, operations: drop }] }
  - { name: plain, upstream: "mysql://127.0.0.1:3306" }
policies:
  - { proxies: shop, action: deny, mode: shadow, operations: delete }
`;

function io() {
  const said = { out: '', err: '' };
  const world: ConfigIo = {
    stdout: { write: (text) => (said.out += text) },
    stderr: { write: (text) => (said.err += text) },
    readFile: async (path) => {
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
      return text;
    },
    filters: sampleFilters,
    lookup: async (host) => {
      if (host.startsWith('nowhere')) throw Object.assign(new Error('no'), { code: 'ENOTFOUND' });
    },
  };
  return { said, world };
}

test('check says that a file is fine', async () => {
  const { said, world } = io();
  expect(await runCheck({ config: 'sluice.yaml' }, world)).toBe(0);
  expect(await runCheck({ config: 'envoy.yaml' }, world)).toBe(0);
  expect(said).toEqual({
    out: 'sluice.yaml: fine, 3 listeners, 3 clusters\nenvoy.yaml: fine, 1 listener, 1 cluster\n',
    err: '',
  });
});

test('check names the policies of each listener as its events will', async () => {
  const { said, world } = io();
  const readFile = async () => POLICED;
  expect(await runCheck({ config: 'policed.yaml' }, { ...world, readFile, filters: policyFilters })).toBe(0);
  expect(said.err).toBe('');
  expect(said.out).toMatch(
    /^policed\.yaml: fine, 2 listeners, 2 clusters\n {2}shop: policies [0-9a-f]{12} \(1 enforced, 1 in shadow mode\)\n$/,
  );
  const again = io();
  const changed = async () => POLICED.replace('drop', 'select');
  const world2 = { ...again.world, readFile: changed, filters: policyFilters };
  expect(await runCheck({ config: 'policed.yaml' }, world2)).toBe(0);
  expect(again.said.out).toContain('  shop: policies ');
  expect(again.said.out).not.toBe(said.out);
});

test('check tells every problem, names that do not resolve among them', async () => {
  const { said, world } = io();
  expect(await runCheck({ config: 'bad.yaml' }, world)).toBe(2);
  expect(said).toEqual({
    out: '',
    err: `bad.yaml:3:5 proxies[1]: "nowhere.example" does not resolve (ENOTFOUND)
bad.yaml:4:1 admn: unknown field, did you mean admin?
`,
  });
});

test('a file that is not there', async () => {
  const { said, world } = io();
  expect(await runCheck({ config: 'none.yaml' }, world)).toBe(2);
  expect(await runExpand({ config: 'none.yaml', urls: [] }, world)).toBe(2);
  expect(said).toEqual({ out: '', err: 'none.yaml: no such file\nnone.yaml: no such file\n' });
});

test('expand prints what URLs say, too', async () => {
  const { said, world } = io();
  expect(await runExpand({ config: '', urls: ['postgres://127.0.0.1'] }, world)).toBe(0);
  expect(said.out).toContain('name: envoy.filters.network.postgres_proxy');
  const wrong = io();
  expect(await runExpand({ config: '', urls: ['postgrs://127.0.0.1'] }, wrong.world)).toBe(2);
  expect(wrong.said.err).toMatch(/^command line URL: /);
});

test('expand prints the full form, and nothing of a file that is wrong', async () => {
  const { said, world } = io();
  expect(await runExpand({ config: 'sluice.yaml', urls: [] }, world)).toBe(0);
  expect(said.out).toMatch(/^node:\n {2}metadata:\n {4}sluice:\n {6}concurrency: 2\n/);
  const again = io();
  const twice = { ...again.world, readFile: async () => said.out };
  expect(await runExpand({ config: 'expanded.yaml', urls: [] }, twice)).toBe(0);
  expect(again.said.out).toBe(said.out);
  const wrong = io();
  expect(await runExpand({ config: 'bad.yaml', urls: [] }, wrong.world)).toBe(2);
  expect(wrong.said).toEqual({ out: '', err: 'bad.yaml:4:1 admn: unknown field, did you mean admin?\n' });
});

test('what means something, though hardly what was meant, is told, and the file is fine', async () => {
  const { said, world } = io();
  const warning = { path: ['stat_prefix'], what: 'value', text: 'is an odd name', warning: true } as const;
  const filters = world.filters.map((filter) => (filter.protocol ? { ...filter, explain: () => [warning] } : filter));
  expect(await runCheck({ config: 'envoy.yaml' }, { ...world, filters })).toBe(0);
  expect(said.out).toBe('envoy.yaml: fine, 1 listener, 1 cluster\n');
  expect(said.err).toMatch(
    /^envoy\.yaml:\d+:\d+ static_resources\.listeners\[0\]\.filter_chains\[0\]\.filters\[0\]\.typed_config\.stat_prefix: is an odd name \(warning\)\n$/,
  );
});

test('what a filter says is wrong with its configuration is a problem in its place', async () => {
  const { said, world } = io();
  const fault = { path: ['stat_prefix'], what: 'value', text: 'is wrong here' } as const;
  const filters = world.filters.map((filter) => (filter.protocol ? { ...filter, explain: () => [fault] } : filter));
  expect(await runCheck({ config: 'envoy.yaml' }, { ...world, filters })).toBe(2);
  expect(said.err).toContain('typed_config.stat_prefix: is wrong here\n');
});
