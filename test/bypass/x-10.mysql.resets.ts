import { client } from '../../protocol-filters/mysql/testing/builders.ts';
import { deny, GUARD, type MysqlCase, type MysqlRow, no, ok, yes } from './support/mysql.ts';

const says = [
  yes('insert into t values (1, 2)'),
  deny('delete from forbidden'),
  ok(client.prepare('select ?')),
  no(client.prepare('select * from forbidden')),
  yes('begin'),
  deny('update vault.t set a = 2'),
  yes('rollback'),
];
const broken = (name: string, breaks: NonNullable<MysqlCase['breaks']>, more: Partial<MysqlCase> = {}): MysqlCase => ({
  name,
  policies: GUARD,
  says,
  breaks,
  ...more,
});
const notReal = 'a reset is what a real socket shows';

/** A peer that is gone, at every offset: every exchange has ended once, and nothing that was held has left. */
export const row: MysqlRow = {
  id: 'X-10',
  title: 'resets',
  rules: ['R1', 'R15'],
  cases: [
    broken('of the client', ['client', 'reset']),
    broken('of the server', ['server', 'reset']),
    broken('an error of the client', ['client', 'error'], { notReal }),
    broken('an error of the server', ['server', 'error'], { notReal }),
    broken('of the client within its login', ['client', 'reset'], {
      opens: Buffer.concat([client.login41({ user: 'open' }), client.query('delete from forbidden')]),
      notReal,
    }),
  ],
};
