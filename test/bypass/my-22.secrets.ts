import { CAPABILITIES, client, server } from '../../protocol-filters/mysql/testing/builders.ts';
import { deny, GUARD, type MysqlCase, type MysqlRow, no, ok, rules, yes } from './support/mysql.ts';

const SECRET = 'canary-of-a-password';
const bytes = Buffer.from(SECRET);
const zeroed = Buffer.concat([bytes, Buffer.of(0)]);
const dialogue = (name: string, said: NonNullable<MysqlCase['lines']>, more: Partial<MysqlCase> = {}): MysqlCase => ({
  name,
  policies: GUARD,
  says: [],
  lines: [['<', server.greeting()], ...said],
  secret: SECRET,
  notReal: 'scripted: what is told of it is looked at, not what the server says',
  ...more,
});
const said = (name: string, parts: MysqlCase['says'], more: Partial<MysqlCase> = {}): MysqlCase => ({
  name,
  policies: GUARD,
  says: parts,
  secret: SECRET,
  notReal: 'who may log in is not changed',
  ...more,
});
const granted = rules(
  { name: 'all', action: 'allow' },
  { name: 'users', action: 'allow', operations: ['change_user'] },
);
const all = rules({ name: 'no', action: 'deny' });

/** Of none of it anything is kept: not in an event, a digest, a fact, an aside or a reason. */
export const row: MysqlRow = {
  id: 'MY-22',
  title: 'secrets',
  rules: ['R13', 'R15'],
  cases: [
    dialogue('in the login itself', [
      ['>', client.login41({ user: 'open', response: bytes, plugin: 'mysql_clear_password' })],
      ['<', server.ok({}, 2)],
    ]),
    dialogue('mysql_clear_password, asked for', [
      ['>', client.login41({ user: 'open' })],
      ['<', server.authSwitch('mysql_clear_password')],
      ['>', client.auth(zeroed)],
      ['<', server.ok({}, 4)],
      ['>', client.query('select 1')],
      ['<', server.result()],
    ]),
    dialogue('caching_sha2_password in full', [
      ['>', client.login41({ user: 'open', plugin: 'caching_sha2_password' })],
      ['<', server.authMore(Buffer.of(4))],
      ['>', client.auth(zeroed)],
      ['<', server.ok({}, 4)],
    ]),
    dialogue('a login that fails', [
      ['>', client.login41({ user: 'open', response: bytes })],
      ['<', server.err(1045, '28000', 'Access denied', 2)],
    ]),
    dialogue('a login that breaks off', [['>', client.login41({ user: 'open', response: bytes }).subarray(0, 60)]]),
    dialogue(
      'a second password where none was asked for',
      [
        ['>', Buffer.concat([client.login41({ user: 'open' }), client.auth(zeroed, 2)])],
        ['<', server.ok({}, 2)],
      ],
      { serverCloses: true },
    ),
    said('a change of user', [ok(client.changeUser({ user: 'bob', response: bytes })), yes('select 1')], {
      policies: granted,
    }),
    said('a denied change of user', [no(client.changeUser({ user: 'bob', response: bytes })), yes('select 1')]),
    ...(
      [
        ['SET PASSWORD', `set password for 'bob' = '${SECRET}'`],
        ['CREATE USER', `create user bob identified by '${SECRET}'`],
        ['ALTER USER', `alter user bob identified with mysql_native_password by '${SECRET}'`],
        ['GRANT', `grant all on *.* to bob identified by '${SECRET}'`],
        ['a hash', `create user bob identified by password '${SECRET}'`],
        ['CHANGE MASTER', `change master to master_password = '${SECRET}'`],
        ['a function', `select password('${SECRET}')`],
        ['a statement that cannot be read', `create user bob identified bye by by '${SECRET}' )`],
        ['hexadecimal', `create user bob identified by 0x${bytes.toString('hex')}`],
      ] as const
    ).map(([name, text]) => said(`${name}, denied`, [deny(text), deny('select 1')], { policies: all })),
    said(
      'a value of a prepared statement',
      [ok(client.prepare('insert into t values (?, ?)')), ok(client.executeWith(1, ['1', SECRET])), ok(client.ping())],
      { greeting: { capabilities: CAPABILITIES } },
    ),
  ],
};
