import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { cpuMs } from '../../test/support/cpu-time.ts';
import { MAX_IN_FLIGHT } from './downstream.ts';
import { ask, asked, connected, connectRequest, NOTHING, replies, reply, results } from './testing/builders.ts';
import { own, type Stage, stage, told } from './testing/story.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const heldBytes = (): number => {
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

/** A session that has begun, spoken to without a harness' copies of all bytes. */
class Spoken {
  readonly on: Stage = stage();
  readonly #at = [0, 0];

  constructor() {
    this.client(connectRequest());
    this.server(connected());
  }

  client(bytes: Buffer): void {
    this.#at[0] = this.on.harness.session.onDownstream(bytes, 0, bytes.length, this.#at[0]!);
  }

  server(bytes: Buffer, start = 0, end = bytes.length): void {
    this.#at[1] = this.on.harness.session.onUpstream(bytes, start, end, this.#at[1]!);
  }

  get opaque(): readonly string[] {
    return this.on.harness.opaqueReasons;
  }
}

const many = (count: number, make: (i: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, i) => make(i)));
const UNIMPLEMENTED = -6;

test('errors past the queue, the last request first, cost about what as many answers in order do', () => {
  const count = 80_000;
  const requests = many(count, (i) => asked(i + 1, ask.getData('/a')));
  const milliseconds = (answers: Buffer): [number, Spoken] => {
    const spoken = new Spoken();
    spoken.client(requests);
    const startedAt = cpuMs();
    spoken.server(answers);
    return [cpuMs() - startedAt, spoken];
  };
  const [inOrder] = milliseconds(many(count, (i) => reply(i + 1, UNIMPLEMENTED)));
  const [backwards, spoken] = milliseconds(many(count, (i) => reply(count - i, UNIMPLEMENTED)));
  expect(backwards).toBeLessThan(inOrder * 4 + 200);
  expect([spoken.opaque, own(spoken.on, 'out_of_turn')]).toEqual([[], count - 1]);
  spoken.on.harness.finish();
  expect(own(spoken.on, 'lost')).toBe(0);
});

test('a read-only server refuses a write behind 5,000 reads: found though setWatches shifted the count of numbers', () => {
  const spoken = new Spoken();
  spoken.client(asked(-8, ask.setWatches({ data: ['/a'] })));
  spoken.client(many(5000, (i) => asked(i + 1, ask.getData('/a'))));
  spoken.client(asked(5001, ask.delete('/a')));
  spoken.server(reply(5001, -119));
  expect([spoken.opaque, told(spoken.on).at(-1)]).toEqual([[], 'delete | delete /a | error | NOTREADONLY | pipelined']);
});

test('a first request without an answer, and all others refused past it: the ring does not grow for ever', () => {
  const spoken = new Spoken();
  spoken.client(asked(1, ask.getData('/a')));
  const block = 1000;
  for (let xid = 2; xid < MAX_IN_FLIGHT + 2 * block; xid += block) {
    spoken.client(many(block, (i) => asked(xid + i, ask.getData('/a'))));
    spoken.server(many(block, (i) => reply(xid + i, UNIMPLEMENTED)));
  }
  expect(spoken.opaque).toEqual(['too_many_in_flight']);
});

test('20,000 logins under long names that nobody answers: a few names are held, and those are told', () => {
  const spoken = new Spoken();
  const login = asked(-4, ask.auth('digest', `${'\x01'.repeat(120)}:x`));
  const before = heldBytes();
  for (let i = 0; i < 20_000; i++) spoken.client(login);
  expect(heldBytes() - before).toBeLessThan(24 << 20);
  for (let i = 0; i < 20_000; i++) spoken.server(reply(-4));
  expect(own(spoken.on, 'logins')).toBe(20_000);
  expect(spoken.on.harness.facts.user).toMatch(/^digest:\\x01/);
});

test('4,000 multis of 256 operations beyond the timed ones do not hold 256 numbers each', () => {
  const spoken = new Spoken();
  spoken.client(many(10_000, () => asked(1, ask.multi([ask.check('/a')]))));
  const multi = asked(1, ask.multi(Array.from({ length: 256 }, () => ask.check('/a'))));
  const before = heldBytes();
  for (let i = 0; i < 4000; i++) spoken.client(multi);
  expect(heldBytes() - before).toBeLessThan(4 << 20);
  expect(spoken.opaque).toEqual([]);
});

test('requests beyond the timed ones that fail within a multi are counted, without the operation to blame', () => {
  const spoken = new Spoken();
  spoken.client(many(10_001, (i) => asked(i + 1, ask.multi([ask.check('/a')]))));
  spoken.server(replies(1, ...Array.from({ length: 10_000 }, () => results([13, NOTHING]))));
  spoken.server(reply(10_001, 0, results(-103)));
  expect(told(spoken.on).at(-1)).toBe('multi | multi check /a | error | BADVERSION | batch of 1 | untimed');
  expect(own(spoken.on, 'multis_failed')).toBe(1);
  expect(spoken.on.stats.value('sluice.zookeeper.p.multi.check.errors') ?? 0).toBe(0);
});
