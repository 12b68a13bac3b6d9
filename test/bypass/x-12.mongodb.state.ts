import {
  doc,
  frame,
  i32,
  opCommandReply,
  opCompressed,
  opMsg,
  opReply,
} from '../../protocol-filters/mongodb/testing/wire-bytes.ts';
import { type Answers, caseOf, ends, FINE, type MongoRow, no, ok, on, TOUCHES } from './support/mongodb.ts';

const login = { saslStart: 1, mechanism: 'PLAIN', payload: Buffer.from('\0ann\0pw'), $db: '$external' };
const query = frame(2004, Buffer.concat([i32(0), Buffer.from('admin.$cmd\0'), i32(0), i32(-1), doc({ isMaster: 1 })]));
const LEGACY = [2001, 2002, 2005, 2006, 2007, 2010] as const;
const OTHER = [0, 2, 1000, 1001, 2000, 2003, 2008, 2009, 2014, 4711, -1] as const;
const reply = opReply([{ ok: 1 }]);
const scripted: Answers = () => undefined;

/** Opcodes by states: before anything, behind a hello, behind a login. */
export const row: MongoRow = {
  id: 'X-12',
  title: 'messages in states that do not have them',
  rules: ['R3', 'R4', 'R8'],
  cases: [
    ...OTHER.map((opcode) => on(`opcode ${opcode} first`, ends(frame(opcode, Buffer.alloc(40))))),
    ...OTHER.map((opcode) => on(`opcode ${opcode} behind a command`, ok(FINE), ends(frame(opcode, Buffer.alloc(40))))),
    ...LEGACY.map((opcode) => on(`opcode ${opcode} behind a command`, ok(FINE), ends(frame(opcode, Buffer.alloc(60))))),
    on('an answer first', ends(reply)),
    on('an answer behind a command', ok(FINE), ends(reply)),
    on('an answer, compressed', ok(FINE), ends(opCompressed(reply, 'zlib'))),
    on('an OP_COMMANDREPLY', ok(FINE), ends(opCommandReply({ ok: 1 }))),
    on('a command that says it answers another', ok(FINE, { responseTo: 77 }), no(TOUCHES, { responseTo: 1 })),
    caseOf(
      'a hello over OP_QUERY behind a login',
      { answers: scripted, notReal: 'a scripted login' },
      ok(login),
      ends(query),
    ),
    on(
      'saslContinue without saslStart',
      ok({ saslContinue: 1, conversationId: 1, payload: Buffer.alloc(0), $db: 'admin' }),
      no(TOUCHES),
    ),
    on('logout of nobody', ok({ ping: 1 }), no(TOUCHES)),
    on('commit of no transaction', ok({ commitTransaction: 1, $db: 'admin' }), no(TOUCHES)),
    on(
      'a message that is an answer by its content',
      ends(
        Buffer.concat([
          opMsg({ ok: 1, $db: 'shop' }).subarray(0, 12),
          i32(1),
          opMsg({ ok: 1, $db: 'shop' }).subarray(16),
        ]),
      ),
    ),
  ],
};
