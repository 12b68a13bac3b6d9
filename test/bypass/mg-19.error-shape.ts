import { opQuery } from '../../protocol-filters/mongodb/testing/wire-bytes.ts';
import { policySet } from '../../src/policy/policy.fixture.ts';
import { COMPRESSORS, caseOf, FINE, type MongoRow, no, ok, on, raw, TOUCHES } from './support/mongodb.ts';

const limited = policySet([
  {
    action: 'limit',
    name: 'slowly',
    operations: ['read'],
    limit: { rate: { count: 1, perMs: 3_600_000, burst: 2 }, per: 'connection' },
  },
]);
const shy = policySet([
  { action: 'deny', name: 'no "hello"', operations: ['isMaster', 'hello'], message: 'not\0now\n' },
]);

export const row: MongoRow = {
  id: 'MG-19',
  title: 'the shape of a refusal',
  rules: ['R9'],
  cases: [
    on('between two others', ok(FINE), no(TOUCHES), ok(FINE)),
    on('as the first and as the last', no(TOUCHES), ok(FINE), no({ find: 'secret' })),
    on('nothing else', no(TOUCHES)),
    on('with a checksum', no(TOUCHES, { checksum: true }), ok(FINE)),
    ...COMPRESSORS.map((by) => on(`in ${by}`, no(TOUCHES, { by }), ok(FINE, { by }))),
    caseOf(
      'a limit has a code of its own',
      { policies: limited, fresh: true, notReal: 'the rate is of the whole plane' },
      ok(FINE),
      ok(FINE),
      no(FINE, { code: 462, policy: 'slowly' }),
      no({ count: 'orders' }, { code: 462, policy: 'slowly' }),
      ok({ ping: 1 }),
    ),
    caseOf(
      'to an OP_QUERY',
      { policies: shy },
      raw('denied', opQuery('admin.$cmd', { isMaster: 1 }, { requestId: 1 }), { policy: 'no "hello"' }),
      no({ hello: 1 }, { policy: 'no "hello"' }),
    ),
  ],
};
