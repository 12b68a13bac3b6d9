/**
 * Writes the tables of docs/policy.md that stand between markers: what policies can be written of, as the protocol filters and
 * the engine have it. `--check` writes nothing and exits 1 when the page is not what would be written.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { PolicyVocabulary } from '../src/exchange/operation-facts.ts';
import { CONDITION_VARIABLES } from '../src/policy/condition-facts.ts';
import { protocols } from '../src/server/catalog.ts';

export const POLICY_PAGE = fileURLToPath(new URL('../docs/policy.md', import.meta.url));

/** The page with its tables as they must be. */
export function withTables(page: string): string {
  const vocabulary = protocols
    .flatMap(({ name, vocabulary: words }) => (words ? [`### ${TITLES[name] ?? name}\n\n${table(words)}`] : []))
    .join('\n\n');
  const variables = Object.entries(CONDITION_VARIABLES).map(([name, { type, what }]) => row(`\`${name}\``, type, what));
  return between(
    between(page, 'vocabulary', vocabulary),
    'variables',
    ['| Variable | Type | |', '| --- | --- | --- |', ...variables].join('\n'),
  );
}

const TITLES: Readonly<Record<string, string>> = {
  postgres: 'Postgres',
  mysql: 'MySQL',
  redis: 'Redis',
  mongodb: 'MongoDB',
  zookeeper: 'ZooKeeper',
  kafka: 'Kafka',
};

function table({ verbs, harmless, guarded = [] }: PolicyVocabulary): string {
  const rows = Object.entries(verbs).map(([verb, what]) =>
    row(`\`${verb}\``, what, harmless.includes(verb) ? 'allowed' : guarded.includes(verb) ? 'denied' : ''),
  );
  return ['| Verb | | Unless named |', '| --- | --- | --- |', ...rows].join('\n');
}

const row = (...cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;

function between(page: string, marker: string, text: string): string {
  const [begin, end] = [`<!-- ${marker} -->\n`, `\n<!-- /${marker} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < 0) throw new Error(`docs/policy.md has no ${marker}`);
  return `${page.slice(0, from + begin.length)}\n${text}\n${page.slice(to)}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const page = readFileSync(POLICY_PAGE, 'utf8');
  const wanted = withTables(page);
  if (!process.argv.includes('--check')) writeFileSync(POLICY_PAGE, wanted);
  else if (page !== wanted) {
    process.stderr.write('docs/policy.md is not what the code says: npm run docs:policy\n');
    process.exitCode = 1;
  }
}
