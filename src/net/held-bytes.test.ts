import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HeldBytes } from './held-bytes.ts';

/** The same, slow and plain: every received byte is an object that may be marked. */
class Model {
  readonly received: number[] = [];
  readonly edits: { from: number; to: number; bytes: number[] | null; done: boolean }[] = [];
  cleared = 0;
  clearTo = 0;

  take(): number[] {
    const out: number[] = [];
    for (let offset = this.cleared; offset <= this.clearTo; offset++) {
      for (const edit of this.edits) {
        if (edit.done || edit.from !== offset) continue;
        const insertion = edit.from === edit.to;
        if (!insertion && offset === this.clearTo) continue; // its first byte has not been cleared
        edit.done = true;
        out.push(...(edit.bytes ?? []));
      }
      if (offset === this.clearTo) break;
      const gone = this.edits.some((edit) => edit.from <= offset && offset < edit.to);
      if (!gone) out.push(this.received[offset]!);
    }
    this.cleared = this.clearTo;
    return out;
  }
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('append' as const), bytes: fc.uint8Array({ maxLength: 300 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('lend' as const),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 300 }),
      clears: fc.array(fc.nat(200), { maxLength: 3 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('clear' as const), ahead: fc.nat(400) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('replace' as const),
      skip: fc.nat(60),
      length: fc.nat(120),
      bytes: fc.option(fc.uint8Array({ maxLength: 20 })),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('insert' as const), bytes: fc.uint8Array({ maxLength: 20 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('take' as const) }) },
);

test('does what a naive model does, in any order of append, clear, replace, insert and take', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(10_000), (steps, first) => {
      const held = new HeldBytes();
      held.beginAt(first);
      const model = new Model();
      let replacedTo = 0; // ranges do not overlap
      for (const one of [...steps, { do: 'clear' as const, ahead: 1e6 }, { do: 'take' as const }]) {
        switch (one.do) {
          case 'append': {
            const noise = Buffer.concat([Buffer.from('noise'), one.bytes, Buffer.from('noise')]);
            held.append(noise, 5, 5 + one.bytes.length);
            noise.fill(0); // lent
            model.received.push(...one.bytes);
            break;
          }
          case 'lend': {
            const noise = Buffer.concat([Buffer.from('noise'), one.bytes, Buffer.from('noise')]);
            if (held.length === 0) held.lend(noise, 5, 5 + one.bytes.length, true);
            else held.append(noise, 5, 5 + one.bytes.length);
            model.received.push(...one.bytes);
            for (const ahead of one.clears) {
              clear(held, model, ahead, first);
              expect(left(held)).toEqual(model.take());
            }
            held.keep();
            noise.fill(0);
            break;
          }
          case 'clear':
            clear(held, model, one.ahead, first);
            break;
          case 'replace': {
            // From what is not cleared yet; it may reach past what was received.
            const from = Math.max(replacedTo, model.clearTo) + one.skip;
            const to = from + 1 + one.length;
            replacedTo = to;
            held.replace(first + from, first + to, one.bytes);
            model.edits.push({ from, to, bytes: one.bytes ? [...one.bytes] : null, done: false });
            break;
          }
          case 'insert':
            held.insert(one.bytes);
            insertInOrder(model, one.bytes);
            break;
          case 'take':
            expect(left(held)).toEqual(model.take());
            break;
        }
        expect(held.cleared).toBe(first + model.cleared);
        expect(held.received).toBe(first + model.received.length);
        expect(held.length).toBe(model.received.length - model.cleared);
        expect(held.read).toBeGreaterThanOrEqual(held.cleared);
        const rest = held.buffer.subarray(held.start, held.end);
        expect([...rest]).toEqual(model.received.slice(model.cleared));
      }
    }),
    { numRuns: 2000 },
  );
});

function clear(held: HeldBytes, model: Model, ahead: number, first: number): void {
  held.clear(first + model.clearTo + ahead);
  model.clearTo = Math.min(model.clearTo + ahead, model.received.length);
}

/** What leaves, by reference where it may. */
function left(held: HeldBytes): number[] {
  const to = held.leavesTo;
  if (to < 0) return [...(held.take() ?? [])];
  const out = [...held.buffer.subarray(held.start, to)];
  held.leave();
  return out;
}

/** An insertion stands before a replacement that begins where it stands, and after earlier insertions there. */
function insertInOrder(model: Model, bytes: Uint8Array): void {
  const at = model.clearTo;
  const before = model.edits.findIndex((edit) => edit.from > at || (edit.from === at && edit.to > at));
  const edit = { from: at, to: at, bytes: [...bytes], done: false };
  if (before < 0) model.edits.push(edit);
  else model.edits.splice(before, 0, edit);
}

describe('by hand', () => {
  const holding = (text: string) => {
    const held = new HeldBytes();
    held.append(Buffer.from(text), 0, text.length);
    return held;
  };
  const taken = (held: HeldBytes) => held.take()?.toString() ?? null;

  test('nothing leaves that was not cleared', () => {
    const held = holding('abcdef');
    expect(taken(held)).toBeNull();
    held.clear(3);
    expect(taken(held)).toBe('abc');
    expect(taken(held)).toBeNull();
  });

  test('a replaced range that is cleared in pieces never shows its own bytes', () => {
    const held = holding('DELETE');
    held.replace(0, 10, Buffer.from('ok'));
    held.clear(3);
    expect(taken(held)).toBe('ok');
    held.clear(6);
    expect(taken(held)).toBeNull();
    held.append(Buffer.from(' ALLnext'), 0, 8);
    held.clear(14);
    expect(taken(held)).toBe('next');
  });

  test('our own bytes at the cleared point come before the replacement of what follows', () => {
    const held = holding('ab');
    held.replace(0, 2, Buffer.from('second'));
    held.insert(Buffer.from('first '));
    expect(taken(held)).toBe('first ');
    held.clear(2);
    expect(taken(held)).toBe('second');
  });

  test('insertions keep their order and leave without anything else', () => {
    const held = holding('');
    held.insert(Buffer.from('1'));
    held.insert(Buffer.from('2'));
    expect(taken(held)).toBe('12');
  });

  test('what has left cannot be replaced', () => {
    const held = holding('abc');
    held.clear(2);
    held.take();
    expect(() => held.replace(1, 3, null)).toThrow(RangeError);
  });

  test('a steady trickle below a large hold does not copy the hold each time', () => {
    const held = new HeldBytes();
    const large = Buffer.alloc(65_000);
    held.append(large, 0, large.length);
    let moves = 0;
    let { buffer } = held;
    for (let i = 1; i <= 100_000; i++) {
      held.clear(i);
      held.take();
      held.append(large, 0, 1);
      if (held.buffer !== buffer || held.start === 0) moves++;
      buffer = held.buffer;
    }
    expect(moves).toBeLessThan(20);
  });

  test('a lent chunk leaves by reference, and only its rest is copied', () => {
    const held = new HeldBytes();
    const chunk = Buffer.from('whole;half');
    held.lend(chunk, 0, 10, true);
    held.clear(6);
    expect(held.buffer).toBe(chunk);
    expect([held.start, held.leavesTo, held.given]).toEqual([0, 6, true]);
    held.leave();
    held.keep();
    chunk.fill(0);
    expect([held.leavesTo, held.given]).toEqual([-1, false]);
    held.clear(10);
    expect(taken(held)).toBe('half');
    held.lend(chunk, 0, 3, false);
    held.clear(13);
    held.leave();
    expect(held.buffer).not.toBe(chunk);
  });

  test('a lent chunk with something in its place leaves as a copy', () => {
    const held = new HeldBytes();
    held.lend(Buffer.from('abc'), 0, 3, true);
    held.clear(3);
    held.insert(Buffer.from('d'));
    expect(held.leavesTo).toBe(-1);
    expect(taken(held)).toBe('abcd');
  });

  test('a large hold is given back when it has left', () => {
    const held = new HeldBytes();
    const large = Buffer.alloc(200_000);
    held.append(large, 0, large.length);
    held.clear(200_000);
    held.take();
    expect(held.buffer.length).toBe(0);
  });
});
