import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { Side } from '../../src/exchange/side.ts';
import { kafka } from './index.ts';
import { ask, batch, fetched, join, produce, produced, reply } from './testing/builders.ts';
import { attributes, own, play, type Script, stage, told } from './testing/story.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const heldBytes = (): number => {
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

const metadata = (id = 1) => ask('Metadata', 1, { topics: [] }, id);
const answer = (id = 1) => reply('Metadata', 1, {}, id);
const OK = 'metadata | Metadata | ok';
/** What follows what could not be read is read again. */
const GOES_ON: Script = [
  ['>', metadata(90)],
  ['<', answer(90)],
];

describe('KF-18: record batches', () => {
  const lying = (at: number, value: number): Buffer => {
    const bytes = Buffer.from(batch(3));
    bytes.writeInt32BE(value, at);
    return bytes;
  };
  test.each([
    ['a batch longer than its field', lying(8, 0x7fffffff)],
    ['a batch of a negative length', lying(8, -5)],
    ['a batch too short for its header', lying(8, 20)],
    ['a field too short for a batch', batch(1).subarray(0, 30)],
  ])('%s is counted, and ends nothing', (_, records) => {
    const on = play([['>', produce({ a: [records] })], ['<', produced({ a: [2] })], ...GOES_ON]);
    expect(told(on).at(-1)).toBe(OK);
    expect(told(on)[0]).toMatch(/^produce \| Produce a \| error \| CORRUPT_MESSAGE/);
    expect(own(on, 'malformed_records')).toBe(1);
  });
  test('a count of records that cannot be', () => {
    const on = play([
      ['>', produce({ a: [lying(57, 0x7fffffff)] })],
      ['<', produced({ a: [2] })],
    ]);
    expect(own(on, 'produced_records')).toBe(0);
    expect(on.harness.ended[0]!.batchSize).toBeLessThan(1000);
  });
  test('what is compressed is never unpacked, unless asked', () => {
    const bomb = batch(1, { codec: 'zstd', records: [{ value: Buffer.alloc(8 << 20) }] });
    expect(bomb.length).toBeLessThan(10_000);
    const before = heldBytes();
    const on = play([
      ['>', produce({ a: [bomb] })],
      ['<', produced({ a: [0] })],
    ]);
    expect(told(on)).toEqual(['produce | Produce a | ok | affected 1 | batch of 1']);
    on.harness.ended.length = 0;
    expect(heldBytes() - before).toBeLessThan(1 << 20);
  });
  test('and where it is asked, only its beginning', () => {
    const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const small = batch(1, { codec: 'gzip', records: [{ value: 'v', headers: { traceparent: TRACEPARENT } }] });
    const script: Script = [
      ['>', produce({ a: [small] })],
      ['<', produced({ a: [0] })],
    ];
    const options = kafka.options.parse({ decompress: true });
    expect(play(script, { options }).harness.ended[0]!.traceparent).toBe(TRACEPARENT);
    expect(play(script).harness.ended[0]!.traceparent).toBe('');
  });
});

describe('names from the wire', () => {
  test.each([
    ['a line break', 'a\nb', 'a\\x0ab'],
    ['a NUL', 'a\0b', 'a\\x00b'],
    ['nothing', '', '""'],
    ['quotes', '"a"', '"a"'],
    ['an escape', '\x1b[31m', '\\x1b[31m'],
  ])('a topic with %s', (_, name, want) => {
    const [x] = play([['>', ask('Metadata', 1, { topics: [{ name }] })]]).harness.ended;
    expect(x!.text).toBe(`Metadata ${want}`);
  });
  test('a topic of 32 KiB is cut', () => {
    const [x] = play([['>', ask('Metadata', 1, { topics: [{ name: 'x'.repeat(32_767) }] })]]).harness.ended;
    expect(x!.text).toBe(`Metadata ${'x'.repeat(249)}…`);
    expect(x!.digest).toMatchObject({ confidence: 'partial', truncated: true });
    expect(x!.digest!.summary.length).toBeLessThanOrEqual(255);
  });
  test('attributes are JSON whatever the names, and bounded', () => {
    const groupId = `${'"\\\n\0'.repeat(500)}`;
    const memberId = 'ü'.repeat(2000);
    const on = play([['>', ask('Heartbeat', 3, { groupId, memberId, generationId: 2_147_483_647 })]]);
    expect(Object.keys(attributes(on)[0]!)).toContain('messaging.consumer.group.name');
    expect(Buffer.byteLength(on.harness.ended[0]!.attributes)).toBeLessThanOrEqual(1024);
  });
  test('a client that calls itself by a thousand names', () => {
    const ids = Array.from({ length: 1000 }, (_, i) => i);
    const on = play([
      ['>', join(...ids.map((id) => ask('Metadata', 1, { topics: [] }, id, `c-${id}\n`)))],
      ['<', join(...ids.map((id) => answer(id)))],
    ]);
    expect(own(on, 'client.other.requests')).toBe(950);
    expect(on.harness.facts.application).toBe('c-999\\x0a');
  });
});

describe('what a hostile peer can make a session hold', () => {
  test('requests for many topics, without an answer', () => {
    const on = stage();
    const names = Array.from({ length: 2000 }, (_, i) => ({ name: `t${i}` }));
    const bytes = join(...Array.from({ length: 50 }, () => ask('Metadata', 1, { topics: names })));
    on.harness.feed(Side.downstream, metadata());
    on.harness.feed(Side.upstream, answer());
    on.harness.session.onDownstream(bytes, 0, bytes.length, 5000);
    const before = heldBytes();
    // 100,000 names a turn: told apart are no more than a bound.
    for (let i = 1; i < 5; i++) on.harness.session.onDownstream(bytes, 0, bytes.length, 5000 + i * bytes.length);
    expect(heldBytes() - before).toBeLessThan(4 << 20);
    on.harness.hangUp(Side.upstream);
  });
  test('fetch sessions of more partitions than anybody has', () => {
    const on = stage();
    const before = heldBytes();
    for (let i = 0; i < 20; i++) {
      const partitions = Array.from({ length: 20_000 }, (_, partition) => ({ partition }));
      const bytes = ask('Fetch', 11, {
        maxWaitMs: 0,
        sessionId: 5,
        sessionEpoch: i,
        topics: [{ topic: `t${i}`, partitions }],
      });
      on.harness.session.onDownstream(bytes, 0, bytes.length, 100 + i);
      const back = fetched({}, { sessionId: 5 });
      on.harness.session.onUpstream(back, 0, back.length, 100 + i);
    }
    expect(heldBytes() - before).toBeLessThan(4 << 20);
    on.harness.hangUp(Side.upstream);
  });
});
