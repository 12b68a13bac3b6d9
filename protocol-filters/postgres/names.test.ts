import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Named, NameTable, nameFrom } from './names.ts';

class Thing implements Named<Thing> {
  next: Thing | null = null;
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}
/** Looks a name up as it stands on the wire, between guards. */
const find = (table: NameTable<Thing>, name: string): Thing | null => {
  const bytes = Buffer.from(`##${name}##`, 'latin1');
  return table.find(bytes, 2, bytes.length - 2);
};

describe('names', () => {
  test('behave as a map from strings, whatever the order', () => {
    const name = fc.string({ minLength: 1, maxLength: 3, unit: fc.constantFrom('a', 'b', '\u00e9', ' ') });
    const step = fc.tuple(fc.constantFrom('put' as const, 'remove' as const), name);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const table = new NameTable<Thing>();
        const model = new Map<string, Thing>();
        for (const [what, key] of steps) {
          if (what === 'put') {
            const thing = new Thing(key);
            expect(table.put(thing)).toBe(model.get(key) ?? null);
            model.set(key, thing);
          } else {
            expect(table.remove(key)).toBe(model.get(key) ?? null);
            model.delete(key);
          }
          expect(table.size).toBe(model.size);
          expect(find(table, key)).toBe(model.get(key) ?? null);
          expect(table.named(key)).toBe(model.get(key) ?? null);
        }
        table.sweep(({ name: key }) => key.startsWith('a'));
        for (const key of model.keys()) expect(find(table, key) === null).toBe(key.startsWith('a'));
        table.clear();
        expect(table.size).toBe(0);
      }),
    );
  });

  test('the first 63 bytes tell names apart, as the server has it', () => {
    const table = new NameTable<Thing>();
    const long = 'x'.repeat(63);
    const bytes = Buffer.from(`${long}tail`);
    const thing = new Thing(nameFrom(bytes, 0, bytes.length));
    table.put(thing);
    expect(thing.name).toBe(long);
    expect(find(table, `${long}another`)).toBe(thing);
    expect(find(table, long.slice(1))).toBeNull();
  });
});
