import { opMsg } from '../../protocol-filters/mongodb/testing/wire-bytes.ts';
import { caseOf, closes, ends, FINE, type MongoRow, no, ok, TOUCHES } from './support/mongodb.ts';

const fatal = { ok: 0, code: 17808, codeName: 'ProtocolError', errmsg: 'no' };
const scripted = { notReal: 'scripted' };

export const row: MongoRow = {
  id: 'X-08',
  title: 'errors of the server in the middle',
  rules: ['R1', 'R3'],
  cases: [
    caseOf(
      'an error to what came before, and the rest of a message is held',
      { answers: () => fatal, ...scripted },
      ok(FINE),
      no(TOUCHES),
      ok(FINE),
    ),
    caseOf(
      'an error before half of a denied message has come',
      { answers: (_, id) => [opMsg(fatal, { requestId: 5, responseTo: id })], ...scripted },
      ok(FINE),
      no({ insert: 'secret', documents: [{ text: 'x'.repeat(500) }] }),
    ),
    caseOf(
      'nothing is sent behind what cannot be read',
      {},
      closes({ ...FINE, a: 1 }, { flags: 8 }),
      ok(FINE),
      ok(FINE),
    ),
    caseOf(
      'nor behind half a message that is none',
      {},
      ok(FINE),
      ends(Buffer.from('POST / HTTP/1.1\r\nHost: a\r\n\r\n')),
    ),
  ],
};
