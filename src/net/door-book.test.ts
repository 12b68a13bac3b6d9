import { beforeEach, describe, expect, test } from 'vitest';
import { DoorBook, type ListenerDoorBook, type WantedDoor } from './door-book.ts';
import { SimulatedClock } from './simulated.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

let clock: SimulatedClock;
let asked: (readonly WantedDoor[])[];
let book: DoorBook;
let kafka: ListenerDoorBook;
let calls: string[];
const caller = (name: string) => () => void calls.push(name);

beforeEach(() => {
  clock = new SimulatedClock();
  asked = [];
  calls = [];
  book = new DoorBook((wanted) => asked.push(wanted), clock);
  kafka = book.of('kafka');
});

const door = (upstream: string, port: number, listener = 'kafka') => ({ listener, upstream, port });
const wanted = (upstream: string, listener = 'kafka') => ({ listener, upstream });

describe('a door that is known', () => {
  test('is told of at once, by listener', () => {
    book.know([door('b1:9092', 19093), door('b1:9092', 29093, 'other')]);
    expect(kafka.port('b1:9092', caller('a'))).toBe(19093);
    expect(book.of('other').port('b1:9092', caller('a'))).toBe(29093);
    expect(book.of('third').port('b1:9092', caller('a'))).toBeNull();
  });

  test('is said to be named still, once in five minutes', async () => {
    book.know([door('b1:9092', 19093)]);
    const said = async () => {
      for (let i = 0; i < 3; i++) expect(kafka.port('b1:9092', caller('a'))).toBe(19093);
      await turn();
      return asked.splice(0);
    };
    expect(await said()).toEqual([[{ ...wanted('b1:9092'), still: true }]]);
    expect(await said()).toEqual([]);
    clock.run(clock.now() + 300_000);
    expect(await said()).toHaveLength(1);
    book.know([]);
    book.know([door('b1:9092', 19093)]);
    expect(await said()).toHaveLength(1);
  });

  test('is asked for again when it is gone', () => {
    book.know([door('b1:9092', 19093)]);
    book.know([]);
    expect(kafka.port('b1:9092', caller('a'))).toBeNull();
  });
});

describe('what is missing', () => {
  test('is asked for once, all of a turn together, and each caller is called once, when all that it waits for is known', async () => {
    const [a, b] = [caller('a'), caller('b')];
    expect([kafka.port('b2:9092', a), kafka.port('b1:9092', a), kafka.port('b2:9092', b)]).toEqual([null, null, null]);
    expect(asked).toEqual([]);
    await turn();
    expect(asked).toEqual([[wanted('b2:9092'), wanted('b1:9092')]]);
    kafka.port('b2:9092', a);
    await turn();
    expect(asked).toHaveLength(1);
    book.know([door('b2:9092', 19093)]);
    expect(calls).toEqual(['b']);
    book.know([door('b2:9092', 19093), door('b1:9092', 19094)]);
    expect(calls).toEqual(['b', 'a']);
    book.know([door('b2:9092', 19093), door('b1:9092', 19094)]);
    expect(calls).toEqual(['b', 'a']);
  });

  test('and is refused has no port for a while, and is asked for again then', async () => {
    kafka.port('b1:9092', caller('a'));
    await turn();
    book.know([], [wanted('b1:9092')]);
    expect(calls).toEqual(['a']);
    expect(kafka.port('b1:9092', caller('a'))).toBe(0);
    expect(book.of('other').port('b1:9092', caller('x'))).toBeNull();
    clock.run(clock.now() + 10_001);
    expect(kafka.port('b1:9092', caller('a'))).toBeNull();
    await turn();
    expect(asked.flat().filter(({ listener }) => listener === 'kafka')).toHaveLength(2);
    // Opened by somebody else meanwhile, what was refused counts no more.
    book.know([door('b1:9092', 19093)]);
    expect(kafka.port('b1:9092', caller('a'))).toBe(19093);
  });

  test('is not told to who has left', async () => {
    const a = caller('a');
    kafka.port('b1:9092', a);
    kafka.port('b2:9092', a);
    kafka.forget(a);
    kafka.forget(caller('never heard of'));
    book.know([door('b1:9092', 19093), door('b2:9092', 19094)]);
    expect(calls).toEqual([]);
  });

  test('may be asked for again from within the call', async () => {
    kafka.port('b1:9092', () => {
      calls.push('a');
      kafka.port('b2:9092', caller('again'));
    });
    await turn();
    book.know([door('b1:9092', 19093)]);
    await turn();
    expect(asked.flat()).toEqual([wanted('b1:9092'), wanted('b2:9092')]);
    book.know([door('b1:9092', 19093), door('b2:9092', 19094)]);
    expect(calls).toEqual(['a', 'again']);
  });

  test('has no port once nobody answers any more', async () => {
    kafka.port('b1:9092', caller('a'));
    book.giveUp();
    expect(calls).toEqual(['a']);
    expect(kafka.port('b1:9092', caller('a'))).toBe(0);
    await turn();
    expect(asked).toEqual([]);
  });
});

describe('bounds', () => {
  test('what is no host and port is never asked for', async () => {
    for (const text of ['', 'b1', 'b1:0', `${'a'.repeat(65_536)}:9092`, 'b 1:9092', 'b1:9092\n'])
      expect(kafka.port(text, caller('a'))).toBe(0);
    await turn();
    expect(asked).toEqual([]);
  });

  test('10,000 brokers at once: a thousand are asked for, the others have no port', async () => {
    const a = caller('a');
    const answers = Array.from({ length: 10_000 }, (_, i) => kafka.port(`b${i}:9092`, a));
    expect(answers.filter((port) => port === null)).toHaveLength(1000);
    expect(answers.filter((port) => port === 0)).toHaveLength(9000);
    await turn();
    expect(asked.flat()).toHaveLength(1000);
    book.know([], asked.flat());
    expect(calls).toEqual(['a']);
    // So many were refused that the next is not asked for, until they are forgotten. Another listener is none the worse.
    expect(kafka.port('new:9092', a)).toBe(0);
    expect(book.of('other').port('new:9092', a)).toBeNull();
    clock.run(clock.now() + 10_001);
    expect(kafka.port('new:9092', a)).toBeNull();
  });
});
