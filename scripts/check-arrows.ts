/**
 * Holds the import arrows of ARCHITECTURE.md: a module imports only what stands to its left, a protocol filter is seen
 * from outside through its index.ts only, and by the registry only. Prints every wrong import; exit 1 if there is one.
 * Tests, what stands beside them (*.fixture.ts, fixtures/, testing/) and test/ may import what they like; the product
 * imports none of them.
 */
import { globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import path from 'node:path';

/** The order: each may import only those to its left, and itself. */
const ORDER = [
  'bytes',
  'stats',
  'exchange',
  'digest',
  'policy',
  'config',
  'protocol-filters',
  'net',
  'upstream',
  'filters',
  'events',
  'access-log',
  'sinks',
  'dashboards',
  'admin',
  'server',
  'index', // src/index.ts: the embedding API
  'cli',
];

/** What a protocol filter may see beside its own folder: no sockets, no clock, no files, no other protocol. */
const PROTOCOL_MODULES = new Set(['bytes', 'stats', 'exchange', 'digest']);
const PROTOCOL_PACKAGES = new Set(['zod', 'node:buffer', 'node:zlib']);
const REGISTRY = 'protocol-filters/registry.ts';

/** Files of tests. tsconfig.build.json leaves out the same. */
const isForTests = (file: string): boolean => /\.(test|fixture)\.ts$|\/(fixtures|testing)\//.test(file);

/** Static, dynamic and type imports, and re-exports, of one source text. */
export function importsOf(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const pattern = /(?:\b(?:import|export)\b[^'"`;]*?\bfrom\s*|\bimport\s*\(?\s*)(['"])([^'"\n]+)\1/g;
  return [...code.matchAll(pattern)].map((match) => match[2]!);
}

/** Module of a file by its path from the root: `net`, `protocol-filters` …; null for what is outside the order. */
export function moduleOf(file: string): string | null {
  const [top, second] = file.split('/');
  if (top === 'protocol-filters' || top === 'dashboards') return top;
  if (top !== 'src' || !second) return null;
  return second === 'index.ts' ? 'index' : second;
}

/** Why `file` may not import `specifier`; null if it may. Paths are relative to the root, with slashes. */
export function judge(file: string, specifier: string): string | null {
  const from = moduleOf(file);
  if (from === null) return null;
  if (!specifier.startsWith('.')) return judgePackage(file, specifier);
  const target = path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier));
  const to = moduleOf(target);
  if (isForTests(target)) return `${target} is there for tests`;
  if (to === null) return `${target} is no part of the product`;
  if (!ORDER.includes(from)) return `src/${from} has no place in the order`;
  if (!ORDER.includes(to)) return `src/${to} has no place in the order`;
  if (from === 'protocol-filters') return judgeProtocol(file, target, to);
  if (to === 'protocol-filters') {
    if (target !== REGISTRY) return 'protocol filters are reached through the registry only';
    return from === 'server' ? null : 'only src/server imports the registry';
  }
  return ORDER.indexOf(to) <= ORDER.indexOf(from) ? null : `${to} stands to the right of ${from}`;
}

function judgePackage(file: string, specifier: string): string | null {
  if (moduleOf(file) !== 'protocol-filters' || PROTOCOL_PACKAGES.has(specifier)) return null;
  const what = isBuiltin(specifier) ? 'sockets, clocks and files are not' : 'packages are not';
  return `a protocol filter runs from its bytes alone: ${what} its own`;
}

function judgeProtocol(file: string, target: string, to: string): string | null {
  const own = path.posix.dirname(file);
  if (file === REGISTRY) {
    const isIndex = /^protocol-filters\/[^/]+\/index\.ts$/.test(target);
    return isIndex || PROTOCOL_MODULES.has(to) ? null : 'the registry sees the index.ts of each protocol only';
  }
  if (to === 'protocol-filters') {
    const folder = file.split('/').slice(0, 2).join('/');
    return target.startsWith(`${folder}/`) && own !== 'protocol-filters' ? null : 'one protocol does not see another';
  }
  return PROTOCOL_MODULES.has(to) ? null : `a protocol filter sees ${[...PROTOCOL_MODULES].join(', ')} only`;
}

/** Every wrong import under `root`, as `file: specifier: why`. */
export function check(root: string): string[] {
  const wrong: string[] = [];
  for (const found of globSync(['src/**/*.ts', 'protocol-filters/**/*.ts', 'dashboards/**/*.ts'], { cwd: root })) {
    const file = found.replaceAll(path.sep, '/');
    if (isForTests(file)) continue;
    for (const specifier of importsOf(readFileSync(path.join(root, file), 'utf8'))) {
      const why = judge(file, specifier);
      if (why !== null) wrong.push(`${file}: ${specifier}: ${why}`);
    }
  }
  return wrong.sort();
}

if (import.meta.main) {
  const wrong = check(path.resolve(import.meta.dirname, '..'));
  for (const line of wrong) process.stdout.write(`${line}\n`);
  process.exitCode = wrong.length > 0 ? 1 : 0;
}
