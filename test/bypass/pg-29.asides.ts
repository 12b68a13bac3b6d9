import { server } from '../../protocol-filters/postgres/testing/builders.ts';
import { Backend as B } from '../../protocol-filters/postgres/wire.ts';
import { batch, frame, type PgRow, query, scripted } from './support/postgres.ts';

const touches = query('delete from pay');
const asides = batch(server.notice(), server.notification(), server.parameter('TimeZone', 'UTC'));
const bare = frame(B.error, Buffer.of(0));
const denied = { denied: 1, codes: ['42501'] };

/** What comes at any time is no answer; an error without fields is one all the same. */
export const row: PgRow = {
  id: 'PG-29',
  title: 'messages that answer nothing',
  rules: ['R9'],
  cases: [
    scripted(
      'before the error of a denied statement',
      [
        ['>', touches],
        ['<', batch(asides, server.error('42601'), server.ready())],
      ],
      denied,
    ),
    scripted(
      'between the error and ReadyForQuery',
      [
        ['>', touches],
        ['<', batch(server.error('42601'), asides, server.ready())],
      ],
      denied,
    ),
    scripted(
      'an error without any field',
      [
        ['>', touches],
        ['<', batch(bare, server.ready())],
      ],
      denied,
    ),
    scripted(
      'a notice without any field',
      [
        ['>', touches],
        ['<', batch(frame(B.notice, Buffer.of(0)), server.error('42601'), server.ready())],
      ],
      denied,
    ),
    scripted(
      'between replies of allowed ones',
      [
        ['>', batch(query('select 1'), touches, query('select 2'))],
        [
          '<',
          batch(
            server.complete('SELECT 1'),
            asides,
            server.ready(),
            asides,
            server.error('42601'),
            server.ready(),
            server.complete('SELECT 1'),
            server.ready(),
          ),
        ],
      ],
      denied,
    ),
  ],
};
