import { MsgFlag } from '../../protocol-filters/mongodb/message.ts';
import {
  bodySection,
  doc,
  frame,
  i32,
  opCompressed,
  opMsg,
  opMsgOf,
  opReply,
} from '../../protocol-filters/mongodb/testing/wire-bytes.ts';
import {
  type Answers,
  caseOf,
  FINE,
  type MongoCase,
  type MongoRow,
  no,
  ok,
  type Part,
  TOUCHES,
} from './support/mongodb.ts';

const good = (id: number) => opMsg({ ok: 1 }, { requestId: 900, responseTo: id });
const broken = (name: string, answers: Answers, ...steps: ((id: number) => Part)[]): MongoCase =>
  caseOf(name, { answers, breaks: true }, ...steps);
const only =
  (...make: ((id: number) => Buffer)[]): Answers =>
  (_, id) =>
    make.map((one) => one(id));
const to = (id: number, body: Buffer): Buffer => frame(2013, body, { requestId: 901, responseTo: id });

export const row: MongoRow = {
  id: 'X-07',
  title: 'a server that says what nobody asked',
  rules: ['R3', 'R9'],
  cases: [
    broken('an answer too many', only(good, good), ok(FINE, { replies: 2 })),
    broken(
      'an answer to another id',
      only((id) => good(id + 40)),
      ok(FINE),
    ),
    broken('an answer to a stand-in, twice', only(good, good), no(TOUCHES)),
    broken('an answer too many, then a denied one', only(good, good), ok(FINE, { replies: 2 }), no(TOUCHES)),
    broken(
      'an answer whose body is no BSON',
      only((id) => to(id, Buffer.concat([i32(0), Buffer.of(0), i32(6), Buffer.of(1, 0)]))),
      ok(FINE),
    ),
    broken(
      'an answer of two bodies',
      only((id) => opMsgOf([bodySection({ ok: 1 }), bodySection({ ok: 1 })], { requestId: 9, responseTo: id })),
      ok(FINE),
    ),
    broken(
      'an answer with unknown flags',
      only((id) => to(id, Buffer.concat([i32(8), Buffer.of(0), doc({ ok: 1 })]))),
      ok(FINE),
    ),
    broken(
      'a request',
      only((id) =>
        frame(2004, Buffer.concat([i32(0), Buffer.from('a.b\0'), i32(0), i32(1), doc({})]), {
          requestId: 4,
          responseTo: id,
        }),
      ),
      ok(FINE),
    ),
    broken(
      'an opcode that there is not',
      only((id) => frame(4711, Buffer.alloc(20), { requestId: 4, responseTo: id })),
      ok(FINE),
    ),
    broken(
      'a length below the header',
      only(() => Buffer.concat([i32(4), i32(1), i32(1), i32(2013)])),
      ok(FINE),
    ),
    broken(
      'what does not decompress',
      only((id) => opCompressed(good(id), 'zlib', { compressed: Buffer.from('no') })),
      ok(FINE),
    ),
    broken(
      'a stand-in that is answered by a stream',
      only((id) => opMsg({ ok: 1 }, { requestId: 5, responseTo: id, flags: MsgFlag.moreToCome })),
      no(TOUCHES),
    ),
    caseOf(
      'errors of its own keep their places',
      {
        answers: (command) => ('find' in command ? { ok: 0, code: 2, codeName: 'BadValue', errmsg: 'no' } : undefined),
        notReal: 'scripted',
      },
      ok(FINE),
      no(TOUCHES),
      ok(FINE),
      no(TOUCHES),
    ),
    caseOf(
      'an OP_REPLY to a stand-in',
      {
        answers: (command, id) =>
          'ping' in command ? [opReply([{ ok: 1 }], { requestId: 3, responseTo: id })] : undefined,
        notReal: 'scripted',
      },
      no(TOUCHES),
      ok(FINE),
    ),
    caseOf(
      'a stand-in that fails',
      {
        answers: (command) =>
          'ping' in command ? { ok: 0, code: 11600, codeName: 'InterruptedAtShutdown' } : undefined,
        notReal: 'scripted',
      },
      no(TOUCHES),
      ok(FINE),
    ),
  ],
};
