import { expect, test } from 'vitest';
import { LastName, NameTable, shownName } from './names.ts';

const made: string[] = [];
const tableOf = (most: number) => new NameTable((name) => made.push(name), most);
const of = (table: NameTable<number>, text: string) => {
  const bytes = Buffer.from(`<${text}>`);
  return table.of(bytes, 1, bytes.length - 1);
};

test('a name is one object while it is remembered', () => {
  const table = tableOf(8);
  const orders = of(table, 'orders');
  expect(orders).toMatchObject({ name: 'orders', bytes: Uint8Array.from(Buffer.from('orders')) });
  expect(of(table, 'orders')).toBe(orders);
  expect(of(table, 'order')).not.toBe(orders);
  expect(of(table, '').name).toBe('');
});

test('who invents names pushes out no name in use', () => {
  const table = tableOf(8);
  const orders = of(table, 'orders');
  for (let i = 0; i < 1000; i++) {
    of(table, `invented-${i}`);
    expect(of(table, 'orders')).toBe(orders);
  }
  const before = made.length;
  expect(of(table, 'invented-1').name).toBe('invented-1');
  expect(made.length).toBe(before + 1); // it was forgotten, and met anew
});

test('50,000 names are as many as the generations hold', () => {
  const table = tableOf(16_384);
  const names = Array.from({ length: 50_000 }, (_, i) => of(table, `topic-${i}`));
  expect(new Set(names.map(({ name }) => name)).size).toBe(50_000);
  expect(of(table, 'topic-49999')).toBe(names[49_999]);
});

test('what a name looks like', () => {
  const shown = (bytes: Buffer) => shownName(bytes, 0, bytes.length);
  expect(shown(Buffer.from('orders.v2_eu-1'))).toBe('orders.v2_eu-1');
  expect(shown(Buffer.from('a\nb\\\0'))).toBe('a\\x0ab\\\\\\x00');
  expect(shown(Buffer.from([0xff, 0x61]))).toBe('\\xffa');
  expect(shown(Buffer.alloc(40_000, 'x'))).toBe(`${'x'.repeat(249)}…`);
});

test('a name that stays is one string', () => {
  const last = new LastName();
  const text = (value: string) => last.textOf(Buffer.from(value), 0, value.length);
  expect([text('m-1'), text('m-1'), text('m-2'), text(''), text('m-2')]).toEqual(['m-1', 'm-1', 'm-2', '', 'm-2']);
});
