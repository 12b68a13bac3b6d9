import { opMsg } from '../../protocol-filters/mongodb/testing/wire-bytes.ts';
import { type Answers, caseOf, FINE, held, type MongoRow, no, ok, raw, TOUCHES } from './support/mongodb.ts';

const half = (bytes: Buffer, at: number) => raw('held', bytes.subarray(0, at));
const fine = opMsg({ ...FINE, $db: 'shop' }, { requestId: 9 });
const touches = opMsg({ ...TOUCHES, $db: 'shop' }, { requestId: 9 });
const login = { saslStart: 1, mechanism: 'PLAIN', payload: Buffer.from('\0a\0b'), $db: '$external' };
const never: Answers = (command) => ('saslStart' in command ? null : undefined);
const fin = { ends: 'fin', notReal: 'the strict server answers a half-closed connection no more' } as const;

export const row: MongoRow = {
  id: 'X-09',
  title: 'a client that has said all',
  rules: ['R1'],
  cases: [
    caseOf('behind whole messages', fin, ok(FINE), no(TOUCHES), ok(FINE)),
    caseOf('behind a denied one', fin, ok(FINE), no(TOUCHES)),
    ...[1, 15, 16, 20, 40].map((at) => caseOf(`behind ${at} bytes of a message`, fin, ok(FINE), half(fine, at))),
    ...[16, 40, touches.length - 1].map((at) =>
      caseOf(`behind ${at} bytes of a denied one`, fin, no(TOUCHES), half(touches, at)),
    ),
    caseOf(
      'while messages are held behind a login',
      { ...fin, answers: never },
      ok(login, { replies: 0 }),
      held(TOUCHES),
      held(FINE),
    ),
  ],
};
