import { batch, closes, cstr, denies, i32, type PgRow, query, startup } from './support/postgres.ts';

const raw = (...parts: Uint8Array[]): Buffer => {
  const body = batch(...parts);
  return batch(i32(body.length + 8), i32(0x30000), body);
};
const END = Buffer.of(0);
const pairs = (...texts: string[]): Buffer => batch(...texts.map(cstr));
const first = { startup: null, never: ['pay', 'postgres'] } as const;
const packet = (name: string, ...parts: Uint8Array[]) => closes(name, batch(raw(...parts), query('table pay')), first);
const user = pairs('user', 'postgres', 'database', 'postgres');

/** Two readers of a startup message must not find two users in it. */
export const row: PgRow = {
  id: 'PG-05',
  title: 'startup messages with two readings',
  rules: ['R6', 'R12', 'R13'],
  cases: [
    packet('two users', pairs('user', 'nobody'), user, END),
    packet('two users, the other order', user, pairs('user', 'nobody'), END),
    packet('two databases', user, pairs('database', 'other'), END),
    packet('two options', user, pairs('options', '', 'options', '-c role=x'), END),
    packet('any name twice', user, pairs('application_name', 'a', 'application_name', 'b'), END),
    packet('no user', pairs('database', 'postgres'), END),
    packet('an empty user', pairs('user', '', 'database', 'postgres'), END),
    packet('no terminator', user),
    packet('bytes behind the terminator', user, END, pairs('user', 'nobody'), END),
    packet('a name without a value', user, cstr('options')),
    packet('a user of 64 bytes', pairs('user', 'n'.repeat(64)), END),
    packet('a database of 200 bytes', user.subarray(0, 14), pairs('database', 'n'.repeat(200)), END),
    packet('a user that is no UTF-8', cstr('user'), Buffer.from([0x61, 0xff, 0]), END),
    closes('10,001 bytes', batch(raw(user, pairs('options', ' '.repeat(10_001 - 8 - user.length - 10)), END)), first),
    closes('a length of 7', batch(i32(7), i32(0x30000), user, END), first),
    denies(
      '10,000 bytes are a session',
      [raw(user, pairs('options', ' '.repeat(10_000 - 8 - user.length - 10)), END), query('table pay')],
      { startup: null },
    ),
    denies('as is a plain one', [startup(), query('table pay')], { startup: null }),
  ],
};
