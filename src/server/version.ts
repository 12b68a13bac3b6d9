import { readFileSync } from 'node:fs';

/** Sluice's own version, from the nearest package.json above: the checkout's, or the installed package's. */
export function sluiceVersion(): string {
  for (let up = '../'; up.length < 30; up += '../') {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(`${up}package.json`, import.meta.url), 'utf8'));
      if (name === 'sluice') return version;
    } catch {
      // not here: further up
    }
  }
  return 'unknown';
}
