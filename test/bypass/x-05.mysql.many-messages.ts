import { client } from '../../protocol-filters/mysql/testing/builders.ts';
import { seeded } from '../../src/net/simulated.ts';
import { GUARD, type MysqlRow, no, type Part, yes } from './support/mysql.ts';

const random = seeded(5);
const mixed = (count: number): Part[] =>
  Array.from({ length: count }, (_, i) =>
    random() < 0.5 ? yes(`select ${i}`) : no(client.query(`delete from forbidden where a = ${i}`)),
  );
const only = (nth: number, of: number): Part[] =>
  Array.from({ length: of }, (_, i) => (i === nth ? no(client.query('delete from forbidden')) : yes(`select ${i}`)));
/** Many messages in one write: a verdict each, in order. */
export const row: MysqlRow = {
  id: 'X-05',
  title: 'many messages',
  rules: ['R1', 'R2', 'R9', 'R10', 'R15'],
  cases: [
    { name: 'the first of ten', policies: GUARD, says: only(0, 10) },
    { name: 'the fifth of ten', policies: GUARD, says: only(4, 10) },
    { name: 'the last of ten', policies: GUARD, says: only(9, 10) },
    { name: 'fifty, mixed', policies: GUARD, says: mixed(50) },
    {
      name: 'all denied',
      policies: GUARD,
      says: Array.from({ length: 30 }, () => no(client.query('select * from forbidden'))),
    },
    { name: 'three hundred, mixed', policies: GUARD, says: mixed(300), notReal: 'the same as fifty' },
  ],
};
