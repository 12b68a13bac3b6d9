import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { HISTOGRAM_SCALE, MAX_INDEX, MIN_INDEX } from '../../stats/histogram.ts';
import { historyFolder } from './history-folder.ts';
import { schemaSteps } from './schema-steps.ts';
import { quoted, statementsOf } from './schema-template.ts';

const alone = { database: 'shop', cluster: null, ttlDays: 7 };
const root = mkdtempSync(path.join(tmpdir(), 'sluice-schema-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('the template', () => {
  const cases: [text: string, alone: string[], clustered: string[]][] = [
    ['A {{database}}.t{{local}}{{on_cluster}};', ['A `shop`.t'], ['A `shop`.t_local ON CLUSTER `all`']],
    ['A;\n\n-- @cluster\nB {{cluster}};\n', ['A'], ['A', 'B `all`']],
    ['-- a comment;\nA {{ttl_days}};', ['A 7'], ['A 7']],
    ['A\n  -- within\nB', ['A\nB'], ['A\nB']],
    [
      'E {{MergeTree}};',
      ['E MergeTree()'],
      ["E ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')"],
    ],
    ["SELECT {x:UInt8}, '{shard}';", ["SELECT {x:UInt8}, '{shard}'"], ["SELECT {x:UInt8}, '{shard}'"]],
  ];
  for (const [text, one, many] of cases) {
    test(JSON.stringify(text), () => {
      expect(statementsOf(text, alone)).toEqual(one);
      expect(statementsOf(text, { ...alone, cluster: 'all' })).toEqual(many);
    });
  }

  test('what is no name never becomes one', () => {
    for (const name of ['', 'a`b', 'a b', 'a;b', "a'", 'a.b', '1a', 'a\n', 'ä', '{x}', 'a'.repeat(64)]) {
      expect(() => quoted(name), name).toThrow('is no plain name');
      expect(() => statementsOf('{{database}};', { ...alone, database: name })).toThrow();
      expect(() => statementsOf('A;', { ...alone, cluster: name })).toThrow();
    }
    for (const ttlDays of [0, -1, 1.5, Number.NaN, 10_001, 1e9])
      expect(() => statementsOf('A;', { ...alone, ttlDays })).toThrow();
    expect(() => statementsOf('{{nothing}};', alone)).toThrow('{{nothing}} stands for nothing');
  });
});

describe('the steps', () => {
  test('are numbered from 1, each can be repeated, and know the bounds of the histogram', () => {
    const steps = schemaSteps();
    expect(steps.map(({ version }) => version)).toEqual(steps.map((_, i) => i + 1));
    for (const { text } of steps) {
      for (const statement of statementsOf(text, alone))
        expect(statement).toMatch(
          /^CREATE [A-Z ]+ IF NOT EXISTS `shop`\.|^ALTER TABLE `shop`\.\w+\s+(ADD COLUMN IF NOT|RENAME COLUMN IF) EXISTS /,
        );
    }
    expect(HISTOGRAM_SCALE).toBe(4);
    expect(steps[0]!.text).toContain(`greatest(${MIN_INDEX}, least(${MAX_INDEX}, toInt32(ceil(log2(`);
  });

  test('a comment does not change a checksum, a word does; a gap is an error', () => {
    const folder = (name: string, files: Record<string, string>) => {
      const dir = mkdtempSync(path.join(root, name));
      for (const [file, text] of Object.entries(files)) writeFileSync(path.join(dir, file), text);
      return schemaSteps(dir);
    };
    const [one] = folder('a', { '0001_x.sql': 'A\n  B;' });
    expect(folder('b', { '0001_x.sql': '-- why\nA  B;\n' })[0]!.checksum).toBe(one!.checksum);
    expect(folder('c', { '0001_x.sql': 'A C;' })[0]!.checksum).not.toBe(one!.checksum);
    expect(() => folder('d', { '0001_x.sql': 'A;', '0003_y.sql': 'B;' })).toThrow('0003_y.sql');
    expect(folder('e', { '0001_x.sql': 'A;', 'kafka.sql': 'B;' })).toHaveLength(1);
  });
});

describe('the folder of the embedded one', () => {
  const cases: [path: string | null, environment: Record<string, string>, folder: string | null][] = [
    ['/data', { STATE_DIRECTORY: '/s' }, '/data'],
    [null, { STATE_DIRECTORY: '/s:/t', XDG_STATE_HOME: '/x', HOME: '/h' }, '/s/history'],
    [null, { XDG_STATE_HOME: '/x', HOME: '/h' }, '/x/sluice/history'],
    [null, { XDG_STATE_HOME: 'relative', HOME: '/h' }, '/h/.local/state/sluice/history'],
    [null, {}, null],
  ];
  for (const [configured, environment, folder] of cases) {
    test(JSON.stringify([configured, environment]), () => expect(historyFolder(configured, environment)).toBe(folder));
  }
});
