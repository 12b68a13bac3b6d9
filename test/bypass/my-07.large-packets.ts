import { client, packet } from '../../protocol-filters/mysql/testing/builders.ts';
import { MAX_PAYLOAD_BYTES } from '../../protocol-filters/mysql/wire.ts';
import { GUARD, type MysqlRow, no, ok, yes } from './support/mysql.ts';

/** A COM_QUERY of so many payload bytes: blanks, and a text at their end. */
const query = (bytes: number, text: string) =>
  packet(0, Buffer.concat([Buffer.from('\x03'), Buffer.alloc(bytes - 1 - text.length, 0x20), Buffer.from(text)]));
/** A payload that goes on in the next packet is judged whole; one that is too long closes its connection. */
export const row: MysqlRow = {
  id: 'MY-07',
  title: 'large packets',
  rules: ['R1', 'R12'],
  cases: [
    ...[-2, -1, 0, 1, 2].map((more) => ({
      name: `the full length and ${more}`,
      policies: GUARD,
      says: [no(query(MAX_PAYLOAD_BYTES + more, 'delete from forbidden')), yes('select 1')],
      notReal: 'some megabytes a run',
    })),
    {
      name: 'the keyword lies across the joint',
      policies: GUARD,
      says: [no(query(MAX_PAYLOAD_BYTES + 10, 'delete from forbidden')), yes('select 1')],
      notReal: 'some megabytes a run',
    },
    {
      name: 'a large one that touches nothing else, and a small one behind it',
      policies: GUARD,
      says: [
        ok(packet(0, Buffer.from(`\x03insert into t values (1, '${'x'.repeat(150)}')`))),
        no(client.query('delete from forbidden')),
      ],
    },
    {
      name: 'a text above the digest’s cap',
      policies: GUARD,
      says: [no(query(70_000, 'delete from forbidden')), yes('select 1')],
    },
    {
      name: 'above the cap, with a statement before it',
      policies: GUARD,
      says: [no(packet(0, Buffer.from(`\x03select '${'x'.repeat(70_000)}'; delete from forbidden`))), yes('select 1')],
    },
    {
      name: 'more than is held',
      policies: GUARD,
      options: { max_held_bytes: 64 * 1024 },
      says: [yes('select 1'), { fate: 'closes', bytes: query(70_000, 'delete from forbidden') }],
    },
    {
      name: 'a length that is never filled',
      policies: GUARD,
      options: { max_held_bytes: 64 * 1024 },
      says: [
        yes('select 1'),
        {
          fate: 'closes',
          bytes: Buffer.concat([Buffer.from('ffff0f00', 'hex'), Buffer.from('\x03delete from forbidden')]),
        },
      ],
    },
  ],
};
