import { server } from '../../protocol-filters/postgres/testing/builders.ts';
import { batch, extended, type PgCase, type PgRow, query, scripted } from './support/postgres.ts';

const denied = query('delete from pay');
const one = query('select 1');
const done = batch(server.complete('SELECT 1'), server.ready());
const desync = (name: string, lines: NonNullable<PgCase['lines']>): PgCase => scripted(name, lines, { closes: true });

/** A reply that nobody waits for would become the answer to a denied statement. */
export const row: PgRow = {
  id: 'X-07',
  title: 'replies out of step',
  rules: ['R3', 'R9'],
  cases: [
    desync('a row before any request', [
      ['<', server.row()],
      ['>', denied],
    ]),
    desync('ReadyForQuery before any request', [
      ['<', server.ready()],
      ['>', denied],
    ]),
    desync('two ReadyForQuery', [
      ['>', one],
      ['<', batch(done, server.ready())],
      ['>', denied],
    ]),
    desync('two completions', [
      ['>', one],
      ['<', batch(server.complete('SELECT 1'), done)],
      ['>', denied],
    ]),
    desync('an error nobody has earned', [
      ['<', server.error()],
      ['>', denied],
    ]),
    desync('an error that came before the stand-in', [
      ['>', one],
      ['<', done],
      ['<', server.error('42601')],
      ['>', denied],
    ]),
    desync('ParseComplete to a Query', [
      ['>', one],
      ['<', server.parseComplete()],
      ['>', denied],
    ]),
    desync('BindComplete before ParseComplete', [
      ['>', extended('select 1')],
      ['<', server.bindComplete()],
      ['>', denied],
    ]),
    desync('CopyInResponse to nothing', [
      ['<', server.copyIn()],
      ['>', denied],
    ]),
    desync('FunctionCallResponse to a Query', [
      ['>', one],
      ['<', server.functionResult()],
      ['>', denied],
    ]),
    desync('an unknown message', [
      ['>', one],
      ['<', Buffer.from('%\0\0\0\x04')],
      ['>', denied],
    ]),
    desync('a message below its header', [
      ['>', one],
      ['<', Buffer.from('C\0\0\0\x03')],
      ['>', denied],
    ]),
    desync('the stand-in answered by a completion', [
      ['>', denied],
      ['<', server.ready()],
      ['<', done],
    ]),
    scripted(
      'the stand-in answered by CommandComplete',
      [
        ['>', denied],
        ['<', done],
      ],
      { closes: true, denied: 1 },
    ),
    scripted(
      'the stand-in of a batch answered by ParseComplete',
      [
        ['>', extended('delete from pay')],
        ['<', server.parseComplete()],
      ],
      { closes: true, denied: 0 },
    ),
  ],
};
