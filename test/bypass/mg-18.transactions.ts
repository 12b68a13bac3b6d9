import { Long, UUID } from 'bson';
import { caseOf, type MongoCase, type MongoRow, no, ok, type Part, sends, TOUCHES } from './support/mongodb.ts';

let n = 0;
/** Commands of one transaction, of a session that no other case has. */
function transaction() {
  const lsid = { id: new UUID(`00000000-0000-4000-8000-${String(++n).padStart(12, '0')}`) };
  const inside = { lsid, txnNumber: Long.fromNumber(1), autocommit: false };
  return {
    begin: (command: Record<string, unknown>) => ({ ...command, ...inside, startTransaction: true }),
    go: (command: Record<string, unknown>) => ({ ...command, ...inside }),
    commit: { commitTransaction: 1, ...inside, $db: 'admin' },
    abort: { abortTransaction: 1, ...inside, $db: 'admin' },
  };
}
const insert = (_id: number) => ({ insert: 'orders', documents: [{ _id }] });
const of = (name: string, steps: (t: ReturnType<typeof transaction>) => ((id: number) => Part)[]): MongoCase => ({
  ...caseOf(name, { fresh: true }),
  sends: sends(...steps(transaction())),
});

export const row: MongoRow = {
  id: 'MG-18',
  title: 'a denied operation within a transaction',
  rules: ['R1', 'R9'],
  cases: [
    of('insert, a denied delete, commit', (t) => [ok(t.begin(insert(80))), no(t.go(TOUCHES)), ok(t.commit)]),
    of('insert, a denied delete, another insert, commit', (t) => [
      ok(t.begin(insert(81))),
      no(t.go(TOUCHES)),
      ok(t.go(insert(82))),
      ok(t.commit),
    ]),
    of('the denied one begins it', (t) => [no(t.begin(TOUCHES)), ok(t.go(insert(83))), ok(t.commit)]),
    of('a denied one, abort', (t) => [ok(t.begin(insert(84))), no(t.go(TOUCHES)), ok(t.abort)]),
    of('two denied ones', (t) => [
      ok(t.begin(insert(85))),
      no(t.go(TOUCHES)),
      no(t.go({ find: 'secret' })),
      ok(t.commit),
    ]),
    of('a denied aggregate writes nothing', (t) => [
      ok(t.begin(insert(86))),
      no(t.go({ aggregate: 'orders', pipeline: [{ $lookup: { from: 'secret', as: 'x', pipeline: [] } }], cursor: {} })),
      ok(t.commit),
    ]),
    of('without one before it', (t) => [no(t.go(TOUCHES)), ok(insert(87))]),
  ],
};
