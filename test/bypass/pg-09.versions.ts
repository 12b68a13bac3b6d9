import { server } from '../../protocol-filters/postgres/testing/builders.ts';
import { closes, denies, type PgRow, query, scripted, startup } from './support/postgres.ts';

const told = query('table pay');

/** What was asked for counts only as far as the server has agreed, and what we do not know is not spoken. */
export const row: PgRow = {
  id: 'PG-09',
  title: 'protocol versions and extensions',
  rules: ['R4', 'R8'],
  cases: [
    denies('3.2, where the server has it', told, { startup: startup({}, 0x30002) }),
    denies('3.9999, which no server has', told, {
      startup: startup({}, 0x30000 + 9999),
      notFake: 'it agrees to anything',
    }),
    denies('an extension that no server has', told, {
      startup: startup({ '_pq_.pay': 'x' }),
      never: ['table pay'],
      notFake: 'it agrees to anything',
    }),
    scripted(
      'a server that agrees to 3.9999',
      [
        ['>', startup({}, 0x30000 + 9999)],
        ['<', server.welcome()],
        ['>', told],
      ],
      { startup: null, closes: true },
    ),
    scripted(
      'a server that agrees to an unknown extension',
      [
        ['>', startup({ '_pq_.x': 'x' })],
        ['<', server.welcome()],
        ['>', told],
      ],
      { startup: null, closes: true },
    ),
    closes('protocol 4', Buffer.concat([Buffer.from('0000000c00040000', 'hex'), Buffer.alloc(4)]), {
      startup: null,
      codes: [],
    }),
  ],
};
