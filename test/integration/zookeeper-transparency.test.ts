import { afterAll, describe, expect, test } from 'vitest';
import { type Recorder, startRecorder } from '../../scripts/record-recorder.ts';
import { rssBytes } from '../bench/proc.ts';
import { poll } from '../support/poll.ts';
import { rolePids } from '../support/roles.ts';
import { JuteReader, JuteWriter } from '../support/zookeeper-jute.ts';
import { type Ask, ask, Op } from '../support/zookeeper-requests.ts';
import { operationRows, statOf, zooKeeperStage } from '../support/zookeeper-stage.ts';
import { connectRequest, packet, request, ZooKeeperWire } from '../support/zookeeper-wire.ts';

const MIB = 1 << 20;

describe('every byte passes as it came', () => {
  let behind: Recorder | undefined;
  let before: Recorder | undefined;
  const stage = zooKeeperStage({
    between: async (server) => {
      behind = await startRecorder(server.port);
      return behind;
    },
  });
  afterAll(() => before?.close());

  /** Of the last connection: what the client's side saw is what the server's side saw. */
  const passedOn = async (): Promise<{ readonly bytes: number; readonly same: boolean }> => {
    const joined = (recorder: Recorder, who: '>' | '<') =>
      Buffer.concat((recorder.sessions.at(-1) ?? []).filter((line) => line.who === who).map(({ bytes }) => bytes));
    const alike = () =>
      (['>', '<'] as const).every((who) => joined(before!, who).equals(joined(behind!, who))) &&
      before!.sessions.length === behind!.sessions.length;
    const same = await poll('both have seen the same', alike).catch(() => false);
    return { bytes: joined(before!, '>').length + joined(before!, '<').length, same };
  };

  test('of a session with requests of all kinds', async () => {
    before = await startRecorder(stage.sluice.port);
    const wire = await ZooKeeperWire.to(before.port);
    const asks: Ask[] = [
      ask.create('/a', 'x'),
      ask.auth('digest', 'ada:lovelace'),
      ask.multi([ask.create('/a/b', 'x'), ask.setData('/a', 'y')]),
      ask.multiRead([ask.getData('/a'), ask.getChildren('/nosuch')]),
      ask.addWatch('/a', 1),
      ask.setData('/a', Buffer.alloc(50_000, 7)),
      ask.getData('/a'),
      ask.sasl('nobody'),
      ask.create('no slash'),
    ];
    await wire.pipeline(asks);
    await wire.close();
    expect(await passedOn()).toEqual({ bytes: wire.sentBytes + wire.receivedBytes, same: true });
    expect(wire.receivedBytes).toBeGreaterThan(50_000);
  });

  /** What no client should say; the server closes, or answers something. */
  const root = ask.getData('/');
  const hostile: readonly (readonly [string, Buffer, ('greeted' | 'fresh')?])[] = [
    ['four letters', Buffer.from('mntr'), 'fresh'],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'fresh'],
    ['a connect that is cut short, then an end', connectRequest().subarray(0, 20), 'fresh'],
    ['a length of -1', new JuteWriter().int(-1).bytes()],
    ['a packet of no bytes', packet(Buffer.alloc(0))],
    ['a path longer than its packet', packet(new JuteWriter().int(1).int(Op.getData).int(500).bytes())],
    [
      'an opcode nobody knows, and a request',
      Buffer.concat([request(1, { op: 99, body: root.body }), request(2, root)]),
    ],
    [
      'a multi within a multi, and a request',
      Buffer.concat([request(1, ask.multi([ask.multi([])])), request(2, root)]),
    ],
    ['one number twice', Buffer.concat([request(5, root), request(5, root), request(-2, root)])],
    ['noise', Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 251))],
  ];
  for (const [name, bytes, how = 'greeted'] of hostile) {
    test(`of ${name}`, async () => {
      const wire = how === 'fresh' ? await ZooKeeperWire.raw(before!.port) : await ZooKeeperWire.to(before!.port);
      wire.write(bytes);
      const later = wire.receivedPackets + 1;
      if (!name.includes('cut short'))
        await poll('it is answered or closed', () => wire.closed || wire.receivedPackets >= later);
      await wire.drop();
      const { same, bytes: passed } = await passedOn();
      expect(same).toBe(true);
      expect(passed).toBeGreaterThanOrEqual(wire.sentBytes);
    });
  }
});

describe('what is large', () => {
  const stage = zooKeeperStage({ settings: { maxBufferBytes: 8 * MIB, tickMs: 2000 } });

  test('1 MB there and back, and 100,000 children, again and again: every byte arrives, the worker stays flat', async () => {
    const wire = await ZooKeeperWire.to(stage.sluice.port);
    const data = Buffer.from(Array.from({ length: MIB }, (_, i) => (i * 31) % 253));
    await wire.done(ask.create('/large', ''));
    await wire.done(ask.create('/many', ''));
    const names = Array.from({ length: 100_000 }, (_, n) => `n${n}`);
    for (let at = 0; at < names.length; at += 10_000)
      await wire.done(ask.multi(names.slice(at, at + 10_000).map((name) => ask.create(`/many/${name}`))));
    const { workers } = rolePids(stage.sluice.pid);
    let peak = 0;
    const round = async () => {
      await wire.done(ask.setData('/large', data));
      for (const answer of await wire.pipeline(Array.from({ length: 8 }, () => ask.getData('/large')))) {
        expect(new JuteReader(answer!.body).buffer()!.equals(data)).toBe(true);
        peak = Math.max(peak, rssBytes(workers[0]!));
      }
      const children = (await wire.done(ask.getChildren2('/many'))).strings();
      expect(children).toHaveLength(100_000);
      expect(new Set(children).has('n99999')).toBe(true);
      peak = Math.max(peak, rssBytes(workers[0]!));
    };
    // Before the measurement: buffers grow to their size.
    for (let i = 0; i < 3; i++) await round();
    const before = rssBytes(workers[0]!);
    peak = before;
    for (let i = 0; i < 9; i++) await round();
    expect((peak - before) / MIB).toBeLessThan(24);
    await wire.close();
    const row = (text: string) =>
      poll(`${text} is counted`, async () => {
        const rows = await operationRows(stage.sluice);
        return rows.find((each) => each.text === text && each.calls >= 12);
      });
    expect(await row('setData /large')).toMatchObject({
      calls: 12,
      request_bytes: 12 * (4 + 8 + (4 + '/large'.length) + (4 + MIB) + 4),
    });
    expect(await row('getData /large')).toMatchObject({
      calls: 96,
      hits: 96,
      reply_bytes: 96 * (4 + 16 + (4 + MIB) + 68),
    });
    expect(await row('getChildren2 /many')).toMatchObject({ calls: 12, rows_returned: 1_200_000 });
    expect(await statOf(stage.sluice, 'sluice.zookeeper.zookeeper.opaque.oversized.sessions')).toBe(0);
  });
});
