import { opMsg } from '../../protocol-filters/mongodb/testing/wire-bytes.ts';
import { type Answers, caseOf, FINE, held, type MongoRow, no, ok, raw, TOUCHES } from './support/mongodb.ts';

const touches = opMsg({ ...TOUCHES, $db: 'shop' }, { requestId: 9 });
const never: Answers = () => null;
const login = { saslStart: 1, mechanism: 'PLAIN', payload: Buffer.from('\0a\0b'), $db: '$external' };
const reset = { ends: 'reset', notReal: 'upstream-faults and mongodb-sessions reset real connections' } as const;

export const row: MongoRow = {
  id: 'X-10',
  title: 'resets',
  rules: ['R1', 'R15'],
  cases: [
    caseOf('with nothing open', reset, ok(FINE), no(TOUCHES)),
    caseOf('with a request open', { ...reset, answers: never }, ok(FINE, { replies: 0 })),
    caseOf('with a stand-in open', { ...reset, answers: never }, no(TOUCHES, { replies: 0 })),
    caseOf('in the middle of a denied message', reset, ok(FINE), raw('held', touches.subarray(0, 50))),
    caseOf('with messages held', { ...reset, answers: never }, ok(login, { replies: 0 }), held(TOUCHES)),
  ],
};
