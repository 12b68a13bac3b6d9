import { describe, expect, test } from 'vitest';
import { vocabulary } from './vocabulary.ts';

const patterns: [string, [type: string, schema: string, name: string]][] = [
  ['orders', ['table', '*', 'orders']],
  ['public.orders', ['table', 'public', 'orders']],
  ['shop.*', ['table', 'shop', '*']],
  ['*', ['', '*', '*']],
  ['*.audit_*', ['table', '*', 'audit_*']],
  ['"Odd.Name".t', ['table', 'Odd.Name', 't']],
  ['"a*b"', ['table', '*', 'a\\*b']],
  ['"a""b"', ['table', '*', 'a"b']],
  ['a\\*b', ['table', '*', 'a\\*b']],
  ['größe', ['table', '*', Buffer.from('größe').toString('latin1')]],
  ['function=pg_sleep', ['function', '*', 'pg_sleep']],
  ['function=app.*', ['function', 'app', '*']],
  ['setting=app.tenant', ['setting', '*', 'app.tenant']],
  ['role=admin', ['role', '*', 'admin']],
  ['file=/tmp/*.csv', ['file', '*', '/tmp/*.csv']],
];

const faults: [string, RegExp][] = [
  ['Orders', /write orders, or "Orders" in quotes/],
  ['public.Orders', /write orders/],
  ['', /empty part/],
  ['a..b', /empty part/],
  ['a.', /empty part/],
  ['db.public.orders', /say it in databases/],
  ['"orders', /double quote without its end/],
  ['select * from t', /outside double quotes/],
  ['a,b', /outside double quotes/],
  ['relation=orders', /no things of the type "relation"/],
  ['n'.repeat(64), /64 bytes; the server keeps 63/],
];

describe('targets', () => {
  for (const [text, [type, schema, name]] of patterns)
    test(text, () => expect(vocabulary.target(text)).toEqual({ type, schema, name }));
  for (const [text, fault] of faults)
    test(`${text}: a fault`, () => expect(vocabulary.target(text)).toEqual({ fault: expect.stringMatching(fault) }));
});

test('harmless and guarded verbs are verbs', () => {
  for (const verb of [...vocabulary.harmless, ...vocabulary.guarded!]) expect(vocabulary.verbs).toHaveProperty(verb);
});
