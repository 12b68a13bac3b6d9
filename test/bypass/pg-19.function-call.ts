import { Frontend as F } from '../../protocol-filters/postgres/wire.ts';
import { policySet } from '../../src/policy/policy.fixture.ts';
import { batch, denies, frame, handsOff, i16, i32, type PgRow, query } from './support/postgres.ts';

const call = (oid: number, ...args: Buffer[]): Buffer =>
  frame(
    F.functionCall,
    i32(oid),
    i16(1),
    i16(1),
    i16(args.length),
    ...args.flatMap((arg) => [i32(arg.length), arg]),
    i16(1),
  );
const LO_CREAT = 957;
const LO_UNLINK = 964;
const PG_READ_FILE = 2624;
const never = [Buffer.from([0x46, 0, 0, 0])].slice(1);
const reads = policySet([{ name: 'reads', action: 'allow', operations: ['select'], targets: ['other'] }]);
const granted = policySet([
  ...handsOff.policies.map(({ limit: _, ...policy }) => policy),
  { name: 'fast', action: 'allow', operations: ['fastpath'] },
]);

/** A function by its number: nobody gets it by chance, and nobody knows what it touches. */
export const row: PgRow = {
  id: 'PG-19',
  title: 'FunctionCall',
  rules: ['R4', 'R7'],
  cases: [
    denies('lo_creat', call(LO_CREAT, i32(0x60000)), { never }),
    denies('lo_unlink under an allow list', call(LO_UNLINK, i32(1)), { never, policies: reads }),
    denies('pg_read_file', call(PG_READ_FILE, Buffer.from('/etc/hostname')), { never: ['/etc/hostname'] }),
    denies(
      'between queries',
      batch(query('insert into log values (1)'), call(LO_UNLINK, i32(1)), query('insert into log values (2)')),
      {
        never,
        ready: 'III',
        log: '1 2',
      },
    ),
    denies('in a transaction', [query('begin'), call(LO_UNLINK, i32(1)), query('commit')], { never, ready: 'TEI' }),
    denies(
      'where it is granted, queries are judged all the same',
      [call(LO_CREAT, i32(0x60000)), query('delete from pay')],
      {
        policies: granted,
        ready: 'II',
      },
    ),
  ],
};
