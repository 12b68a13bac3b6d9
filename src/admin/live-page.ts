import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Reply } from './http-server.ts';

const SCRIPTS = [
  'live.js',
  'chart.js',
  'history.js',
  'codes.js',
  'keys.js',
  'policies.js',
  'queries.js',
  'sinks.js',
  'table.js',
  'tiles.js',
  'words.js',
];
const FILES = [
  ['/', 'index.html', 'text/html; charset=utf-8'],
  ...['live.css', 'narrow.css', 'history.css', 'policies.css'].map(
    (file) => [`/${file}`, file, 'text/css; charset=utf-8'] as const,
  ),
  ...SCRIPTS.map((file) => [`/${file}`, file, 'text/javascript; charset=utf-8'] as const),
] as const;

/** Folder of the page, from here, in the source tree and in the package. */
export const LIVE_PAGE = fileURLToPath(new URL('../../dashboards/live/', import.meta.url));

/** The page's files by path, read once: what is asked for never becomes a file name. */
export function livePage(folder = LIVE_PAGE): ReadonlyMap<string, Reply> {
  const page = new Map<string, Reply>();
  for (const [path, file, type] of FILES)
    page.set(path, { status: 200, type, body: readFileSync(`${folder}/${file}`) });
  return page;
}
