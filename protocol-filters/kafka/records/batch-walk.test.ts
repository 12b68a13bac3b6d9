import { gzipSync } from 'node:zlib';
import { type compressionsAlgorithms, createRecordsBatch } from '@platformatic/kafka';
import { beforeAll, describe, expect, test } from 'vitest';
import { kafkajsBatch, kafkajsMessageSet } from '../testing/wire-batches.ts';
import { type Cut, pushCut } from '../testing/wire-frames.ts';
import { BatchWalk } from './batch-walk.ts';
import { codecName, type RecordsFacts } from './facts.ts';

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const CUTS: Cut[] = ['whole', 'bytes', [61], [17, 1, 44], [12, 5, 3, 100]];

interface Options {
  isReply?: boolean;
  decompress?: boolean;
}

/** What the walk tells of a field, the same in every cut. */
function walked(bytes: Buffer, { isReply = false, decompress = false }: Options = {}): RecordsFacts {
  const told = CUTS.map((cut) => {
    const walk = new BatchWalk(isReply, decompress);
    // Used before: nothing of it may show.
    walk.begin(70);
    walk.push(Buffer.alloc(70, 0x41), 0, 70);
    walk.end();
    walk.begin(bytes.length);
    pushCut(
      (buf, start, end) => {
        walk.push(buf, start, end);
        return end;
      },
      bytes,
      cut,
    );
    walk.end();
    return { ...walk.facts };
  });
  for (const facts of told) expect(facts).toEqual(told[0]);
  return told[0] as RecordsFacts;
}

const message = (value: Buffer, headers?: [string, string][]) => ({
  key: Buffer.from('key'),
  value,
  topic: 'orders',
  partition: 0,
  timestamp: 1_700_000_000_000n,
  ...(headers && { headers: new Map(headers.map(([name, text]) => [Buffer.from(name), Buffer.from(text)] as const)) }),
});

const platformatic = (count: number, compression: keyof typeof compressionsAlgorithms = 'none'): Buffer =>
  createRecordsBatch(
    Array.from({ length: count }, (_, i) =>
      message(Buffer.from(`value ${i}`), i === 0 ? [['traceparent', TRACE]] : []),
    ),
    { compression },
  ).buffer;

describe('batches that clients write', () => {
  for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
    test(`@platformatic/kafka, ${compression}`, () => {
      const bytes = platformatic(250, compression);
      const facts = walked(bytes);
      expect(facts).toMatchObject({ batches: 1, records: 250, magic: 2, malformed: false, cut: false, uncounted: 0 });
      expect(facts).toMatchObject({
        bytes: bytes.length,
        baseOffset: 0,
        lastOffset: 249,
        maxTimestamp: 1_700_000_000_000,
      });
      expect(codecName(facts.codec)).toBe(compression);
      expect(facts.codecs).toBe(1 << facts.codec);
      expect(facts.traceparent).toBe(compression === 'none' ? TRACE : '');
      expect(walked(bytes, { decompress: true }).traceparent).toBe(TRACE);
    });
  }

  test('@platformatic/kafka, transactional and idempotent', () => {
    const options = { transactionalId: 'tx', producerId: 77n, producerEpoch: 3, compression: 'none' as const };
    const facts = walked(createRecordsBatch([message(Buffer.from('x'))], options).buffer);
    expect(facts).toMatchObject({ producerId: 77, producerEpoch: 3, isTransactional: true, isIdempotent: true });
    expect(walked(platformatic(1))).toMatchObject({ isTransactional: false });
  });

  let gzip: Buffer;
  let none: Buffer;
  beforeAll(async () => {
    none = await kafkajsBatch(40, 'none', TRACE);
    gzip = await kafkajsBatch(40, 'gzip', TRACE);
  });

  test('kafkajs, none and gzip', () => {
    expect(walked(none)).toMatchObject({ batches: 1, records: 40, codec: 0, traceparent: TRACE, isIdempotent: false });
    expect(walked(gzip)).toMatchObject({ batches: 1, records: 40, codec: 1, traceparent: '' });
    expect(walked(gzip, { decompress: true }).traceparent).toBe(TRACE);
  });

  test('several batches of a field: all count, the first one tells its codec and trace', () => {
    const facts = walked(Buffer.concat([platformatic(3, 'lz4'), platformatic(4, 'none'), platformatic(5, 'zstd')]));
    expect(facts).toMatchObject({
      batches: 3,
      records: 12,
      codec: 3,
      codecs: (1 << 3) | 1 | (1 << 4),
      traceparent: '',
    });
  });

  test('message formats 0 and 1: each entry is one', async () => {
    const facts = walked(await kafkajsMessageSet(7, 0));
    expect(facts).toMatchObject({ batches: 7, records: 7, magic: 0, uncounted: 0, maxTimestamp: -1, malformed: false });
    expect(walked(await kafkajsMessageSet(5, 1))).toMatchObject({ batches: 5, records: 5, magic: 1, malformed: false });
  });

  test.each([0, 1] as const)(
    'a compressed wrapper of format %i says how many it holds only when it is opened',
    async (magic) => {
      const value = gzipSync(await kafkajsMessageSet(9, magic));
      const head = Buffer.alloc(magic === 0 ? 18 : 26);
      const lengths = [Buffer.alloc(4, 0xff), Buffer.alloc(4)];
      lengths[1]!.writeInt32BE(value.length);
      const wrapper = Buffer.concat([head, ...lengths, value]);
      wrapper.writeBigInt64BE(41n, 0);
      wrapper.writeInt32BE(wrapper.length - 12, 8);
      wrapper[16] = magic;
      wrapper[17] = 1;
      const bytes = Buffer.concat([wrapper, wrapper]);
      expect(walked(bytes)).toMatchObject({ batches: 2, records: 2, uncounted: 2, codec: 1, lastOffset: 41 });
      expect(walked(bytes, { decompress: true })).toMatchObject({ batches: 2, records: 18, uncounted: 0 });
      const broken = Buffer.from(bytes).fill(0x5a, head.length + 20, head.length + 40);
      expect(walked(broken, { decompress: true })).toMatchObject({
        batches: 2,
        records: 10,
        uncounted: 1,
        malformed: false,
      });
    },
  );
});

describe('what brokers send', () => {
  test('a last batch that is cut is no lie in a reply, and counts no records', () => {
    const whole = platformatic(3);
    const second = platformatic(9);
    for (const size of [1, 11, 12, 16, 17, 60, 61, 62, second.length - 1]) {
      const facts = walked(Buffer.concat([whole, second.subarray(0, size)]), { isReply: true });
      expect(facts, `${size}`).toMatchObject({ records: 3, lastOffset: 2, cut: true, malformed: false });
    }
    const alone = walked(second.subarray(0, 70), { isReply: true });
    expect(alone).toMatchObject({ records: 0, lastOffset: -1, cut: true, magic: 2, baseOffset: 0 });
  });

  test('a control batch holds no records of a client', () => {
    const batch = Buffer.from(platformatic(1));
    batch.writeInt16BE(0x30, 21);
    expect(walked(batch, { isReply: true })).toMatchObject({
      batches: 1,
      records: 0,
      controlBatches: 1,
      lastOffset: 0,
    });
  });

  test('offsets: of the first batch the first, of the last whole one the last', () => {
    const [first, second] = [Buffer.from(platformatic(3)), Buffer.from(platformatic(5))];
    first.writeBigInt64BE(1000n, 0);
    second.writeBigInt64BE(9_007_199_254_740_000n, 0);
    const facts = walked(Buffer.concat([first, second]), { isReply: true });
    expect(facts).toMatchObject({ baseOffset: 1000, lastOffset: 9_007_199_254_740_004 });
  });

  test('compaction leaves fewer records than offsets, and empty batches', () => {
    const batch = Buffer.from(platformatic(3));
    batch.writeInt32BE(90, 23);
    expect(walked(batch, { isReply: true })).toMatchObject({ records: 3, lastOffset: 90, malformed: false });
    batch.writeInt32BE(0, 57);
    expect(walked(batch, { isReply: true })).toMatchObject({
      batches: 1,
      records: 0,
      lastOffset: 90,
      malformed: false,
    });
  });
});

describe('KF-18: batches whose inner lengths lie', () => {
  const broken = (change: (batch: Buffer) => void): RecordsFacts => {
    const batch = Buffer.from(platformatic(3));
    change(batch);
    return walked(Buffer.concat([platformatic(2), batch]));
  };
  const CHANGES: [string, (batch: Buffer) => void][] = [
    ['a length past the field', (batch) => batch.writeInt32BE(batch.length, 8)],
    ['a huge length', (batch) => batch.writeInt32BE(0x7fffffff, 8)],
    ['a negative length', (batch) => batch.writeInt32BE(-1, 8)],
    ['a length below the header', (batch) => batch.writeInt32BE(48, 8)],
    ['a huge count', (batch) => batch.writeInt32BE(0x7fffffff, 57)],
    ['a negative count', (batch) => batch.writeInt32BE(-3, 57)],
    ['more records than offsets', (batch) => batch.writeInt32BE(1, 23)],
    [
      'a huge count and as many offsets',
      (batch) => batch.fill('7fffffff7fffffff', 23, 27, 'hex').writeInt32BE(0x7ffffff0, 57),
    ],
    ['a huge count under a codec', (batch) => batch.fill('00017fffffff', 21, 27, 'hex').writeInt32BE(0x7fffffff, 57)],
    ['a message format of the future', (batch) => batch.fill(3, 16, 17)],
  ];
  for (const [name, change] of CHANGES) {
    test(name, () => {
      expect(broken(change)).toMatchObject({ malformed: true, records: 2, cut: false });
    });
  }

  test('a produce that ends within a batch', () => {
    const bytes = platformatic(3);
    for (const size of [1, 16, 17, 61, bytes.length - 1]) {
      expect(walked(bytes.subarray(0, size)), `${size}`).toMatchObject({ malformed: true, records: 0 });
    }
  });

  test('records that are noise: the batch counts, nothing is found', () => {
    for (let seed = 0; seed < 40; seed++) {
      const batch = Buffer.from(platformatic(3));
      for (let i = 61; i < batch.length; i++) batch[i] = (i * 31 + seed * 97) & 0xff;
      for (const codec of [0, 1, 2, 3, 4, 5, 7]) {
        batch[22] = codec;
        const facts = walked(batch, { decompress: true });
        expect(facts).toMatchObject({ records: 3, malformed: false, traceparent: '' });
      }
    }
  });

  test('a header that says traceparent and is none', () => {
    const text = `${'x'.repeat(52)}"\r\n`;
    const bytes = createRecordsBatch([message(Buffer.from('v'), [['traceparent', text]])], {
      compression: 'none',
    }).buffer;
    expect(text.length).toBe(55);
    expect(walked(bytes).traceparent).toBe('');
  });

  test('a trace context behind a value of 100 kB, and other headers', () => {
    const headers: [string, string][] = [
      ['traceparenx', TRACE],
      ['', 'empty name'].reverse() as [string, string],
      ['traceparent', TRACE],
    ];
    const bytes = createRecordsBatch([message(Buffer.alloc(100_000, 'v'), headers)], { compression: 'none' }).buffer;
    expect(walked(bytes).traceparent).toBe(TRACE);
  });
});
