import { client } from '../../protocol-filters/mysql/testing/builders.ts';
import { GUARD, type MysqlRow, mute, no, ok, yes } from './support/mysql.ts';

/** Judged when prepared, and again when executed; an id that nobody prepared here is none. */
export const row: MysqlRow = {
  id: 'MY-13',
  title: 'prepared statements',
  rules: ['R1', 'R14'],
  cases: [
    {
      name: 'a denied one, and executions of guessed ids behind it',
      policies: GUARD,
      says: [
        no(client.prepare('delete from forbidden')),
        no(client.execute(1)),
        no(client.execute(2)),
        yes('select 1'),
      ],
      hidden: /forbidden|Execute/,
    },
    {
      name: 'an allowed one, and an execution of its guessed id behind it',
      notReal: 'the number is the server’s',
      policies: GUARD,
      says: [ok(client.prepare('select 1')), ok(client.execute(1)), yes('select 1')],
    },
    {
      name: 'closed, then executed',
      policies: GUARD,
      says: [ok(client.prepare('select 1')), mute(client.close(1)), no(client.execute(1)), yes('select 1')],
      hidden: /Execute/,
    },
    {
      name: 'an id that was never given',
      policies: GUARD,
      says: [
        no(client.execute(77)),
        no(client.fetch(77)),
        no(client.reset(77)),
        mute(client.longData(77, 0, 'forbidden')),
        mute(client.close(77)),
        yes('select 1'),
      ],
    },
    {
      name: 'parameters that look like SQL',
      policies: GUARD,
      says: [
        ok(client.prepare('insert into t values (?, ?)')),
        ok(client.executeWith(0xffff_ffff, ['1', "'; delete from f0rbidden"])),
        yes('select 1'),
      ],
    },
    {
      name: 'long data for a denied one',
      policies: GUARD,
      says: [
        no(client.prepare('insert into forbidden values (?)')),
        mute(client.longData(1, 0, 'forbidden')),
        no(client.execute(1)),
        yes('select 1'),
      ],
    },
    {
      name: 'a fetch of a denied one',
      policies: GUARD,
      says: [
        no(client.prepare('select * from forbidden')),
        no(client.execute(1, 1)),
        no(client.fetch(1)),
        yes('select 1'),
      ],
    },
    {
      name: 'a reset connection forgets them',
      policies: GUARD,
      says: [ok(client.prepare('select 1')), ok(client.resetConnection()), no(client.execute(1)), yes('select 1')],
      hidden: /Execute/,
    },
    {
      name: 'an execution too short to hold an id',
      policies: GUARD,
      says: [no(client.command(0x17, Buffer.from([1, 0]))), yes('select 1')],
    },
    {
      name: 'another one of the same connection',
      notReal: 'the number is the server’s',
      policies: GUARD,
      says: [
        ok(client.prepare('select 1')),
        no(client.prepare('delete from forbidden')),
        ok(client.execute(1)),
        no(client.execute(2)),
        yes('select 1'),
      ],
    },
  ],
};
