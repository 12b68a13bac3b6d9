import {
  opCommand,
  opDelete,
  opGetMore,
  opInsert,
  opKillCursors,
  opQuery,
  opReply,
  opUpdate,
} from '../../protocol-filters/mongodb/testing/wire-bytes.ts';
import { caseOf, ends, FINE, type MongoRow, no, ok, on, raw, TOUCHES } from './support/mongodb.ts';

const HELLO = { isMaster: 1, helloOk: true };
const login = { saslStart: 1, mechanism: 'PLAIN', payload: Buffer.from('\0ann\0pw'), $db: '$external' };

export const row: MongoRow = {
  id: 'MG-06',
  title: 'opcodes of before OP_MSG',
  rules: ['R3', 'R4'],
  cases: [
    on('OP_INSERT', ok(FINE), ends(opInsert('shop.secret', [{ _id: 8 }]))),
    on('OP_INSERT of what is allowed', ends(opInsert('shop.orders', [{ _id: 8 }]))),
    on('OP_UPDATE', ends(opUpdate('shop.secret', {}, { $set: { a: 1 } }))),
    on('OP_DELETE', ends(opDelete('shop.secret', {}))),
    on('OP_GET_MORE', ends(opGetMore('shop.secret', 1, 5n))),
    on('OP_KILL_CURSORS', ends(opKillCursors([5n]))),
    on('OP_COMMAND', ends(opCommand('shop', 'find', { find: 'secret' }))),
    on('OP_REPLY from a client', ends(opReply([{ ok: 1 }]))),
    on('OP_QUERY on a collection', ends(opQuery('shop.secret', {}))),
    on('OP_QUERY on an allowed collection', ends(opQuery('shop.orders', {}))),
    on(
      'a hello over OP_QUERY',
      raw('allowed', opQuery('shop.$cmd', HELLO, { requestId: 1, flags: 4 }), { says: 'isMaster shop.' }),
      no(TOUCHES),
    ),
    on('a delete over OP_QUERY', ends(opQuery('shop.$cmd', TOUCHES))),
    on('a find over OP_QUERY', ends(opQuery('shop.$cmd', FINE))),
    on('a command within $query', ends(opQuery('shop.$cmd', { $query: TOUCHES }))),
    on('a hello within $query', ends(opQuery('admin.$cmd', { $query: HELLO }))),
    on('a hello on no $cmd', ends(opQuery('admin.cmd', HELLO))),
    on('a hello that asks for many replies', ends(opQuery('admin.$cmd', HELLO, { flags: 64 }))),
    on('a hello with a selector of fields', ends(opQuery('admin.$cmd', HELLO, { fields: { a: 1 } }))),
    on('a hello with a database of its own', ends(opQuery('admin.$cmd', { ...HELLO, $db: 'shop' }))),
    caseOf(
      'a hello after a login',
      { notReal: 'the strict server has no PLAIN' },
      ok(login),
      ends(opQuery('admin.$cmd', HELLO)),
    ),
  ],
};
