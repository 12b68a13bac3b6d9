import { server } from '../../protocol-filters/postgres/testing/builders.ts';
import { batch, denies, extended, type PgRow, query, scripted, startup } from './support/postgres.ts';

const sly = query("select '\\''; delete from pay -- '");
const OFF = query('set standard_conforming_strings = off');
const told = (...more: Uint8Array[]): Buffer => batch(server.complete('SET'), ...more, server.ready());

/** What changes how the rest reads is waited for: with success, with failure, and for ever. */
export const row: PgRow = {
  id: 'X-06',
  title: 'behind a change of meaning',
  rules: ['R8'],
  cases: [
    scripted(
      'the server confirms',
      [
        ['>', batch(OFF, sly)],
        ['<', told(server.parameter('standard_conforming_strings', 'off'))],
      ],
      { denied: 1, codes: ['42501'] },
    ),
    scripted(
      'the server refuses: the text is harmless',
      [
        ['>', batch(OFF, query("select '\\'; delete from pay; --'"))],
        ['<', batch(server.error('22023'), server.ready())],
      ],
      { denied: 1, codes: ['42501'] },
    ),
    scripted('the server never answers', [['>', batch(OFF, sly)]], { denied: 0 }),
    scripted(
      'it says something else first',
      [
        ['>', batch(OFF, sly)],
        ['<', server.notice()],
        ['<', told(server.parameter('standard_conforming_strings', 'off'))],
      ],
      { denied: 1, codes: ['42501'] },
    ),
    scripted('the login never ends', [['>', batch(startup(), query('delete from pay'))]], { startup: null, denied: 0 }),
    denies(
      'COPY ends, and then a query',
      batch(
        query('copy log from stdin'),
        Buffer.from('d\0\0\0\x06\x31\x0a', 'latin1'),
        Buffer.from('c\0\0\0\x04', 'latin1'),
        query('delete from pay'),
      ),
      { ready: 'II', log: '1' },
    ),
    denies(
      'a prepared name in the batch that may fail',
      batch(extended('select 1 / 0').subarray(0, -5), extended('delete from pay')),
      { codes: ['22012'], denied: 0, ready: 'I', notFake: 'it divides by nothing' },
    ),
    denies(
      'a role, and what it may',
      batch(query('begin'), query('set local role pg_read_all_data'), query('delete from pay'), query('rollback')),
      { ready: 'TTEI' },
    ),
  ],
};
