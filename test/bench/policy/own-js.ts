/**
 * What policies cost a known Postgres query in our own JavaScript, all in: the gate, the facts, ten policies, their counters.
 * `node test/bench/policy/own-js.ts` prints the same queries without policies, with ten in shadow mode, and enforced; pairs
 * run in turn, so that what else the machine does meets all of them.
 */

import { policySet } from '../../../src/policy/policy.fixture.ts';
import { ownJs } from '../postgres/own-js.ts';
import { BENCH_POLICIES } from './policies.ts';

const shadow = policySet(BENCH_POLICIES.policies.map(({ limit: _, ...policy }) => ({ ...policy, mode: 'shadow' })));

if (import.meta.main) {
  const quick = process.argv.includes('--quick');
  for (let round = 0; round < (quick ? 1 : 3); round++)
    for (const [name, policies] of [
      ['no policy', null],
      ['shadow', shadow],
      ['enforced', BENCH_POLICIES],
    ] as const) {
      const { simpleUs, preparedUs } = await ownJs(true, policies);
      const least = (values: readonly number[]) => Math.min(...values).toFixed(2);
      process.stdout.write(`${name.padEnd(10)} simple ${least(simpleUs)}  prepared ${least(preparedUs)} µs a query\n`);
    }
}
