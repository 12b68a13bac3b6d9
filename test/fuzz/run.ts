/** `npm run fuzz -- [--for 60s] [--seed N]`: a crash becomes a file in corpus/ and exit code 1. */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { protocolFilters } from '../../protocol-filters/registry.ts';
import { fuzz } from './fuzz.ts';

const { values } = parseArgs({ options: { for: { type: 'string', default: '60s' }, seed: { type: 'string' } } });
const time = /^(\d+)(ms|s|m)$/.exec(values.for);
if (time === null) throw new Error(`--for ${values.for}: a number with ms, s or m`);
const forMs = Number(time[1]) * { ms: 1, s: 1000, m: 60_000 }[time[2] as 'ms' | 's' | 'm'];
const seed = Number(values.seed ?? Date.now() % 1_000_000);
process.stdout.write(`seed ${seed}\n`);
const { cases, crashes } = fuzz({
  protocols: protocolFilters,
  seed,
  forMs,
  onCrash: ({ protocol, mode, mutations, session, problem, transcript }) => {
    const what = (problem.split('\n')[0] ?? '')
      .toLowerCase()
      .replace(/[^a-z]+/g, '-')
      .slice(0, 60);
    const file = `${protocol}-${mode}-${what}.transcript`;
    writeFileSync(new URL(`corpus/${file}`, import.meta.url), transcript);
    process.stdout.write(`${mode}, ${mutations} of ${session}: ${problem}\n-> corpus/${file}\n`);
  },
});
process.stdout.write(`${cases} cases, ${crashes.length} kinds of crash\n`);
if (crashes.length > 0) process.exitCode = 1;
