/**
 * What a known query costs in our own JavaScript, without sockets: the protocol link as in a worker (frame scan, digest,
 * exchange), the aggregates and the event batch, on the bytes of a point select and its reply. `node test/bench/own-js.ts`
 * prints it alone; `node --cpu-prof` on it shows where the time goes.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { protocolFilters } from '../../../protocol-filters/registry.ts';
import { loadSqlParser, SqlDigestCache } from '../../../src/digest/cache.ts';
import { RowStore } from '../../../src/digest/rows/rows.ts';
import { OperationStore } from '../../../src/digest/rows/rows-operations.ts';
import { type Channel, type Dial, Frame, jsonFrame } from '../../../src/events/channel.ts';
import { FactsLink } from '../../../src/events/link.ts';
import { Recorder } from '../../../src/events/recorder.ts';
import { ExchangePool } from '../../../src/exchange/exchange.ts';
import { NO_KEYS } from '../../../src/exchange/key-sink.ts';
import { NO_LAG } from '../../../src/exchange/lag-sink.ts';
import { SessionFacts } from '../../../src/exchange/session-facts.ts';
import { NO_SHARED } from '../../../src/exchange/shared-names.ts';
import { systemClock } from '../../../src/net/clock.ts';
import type { ConnectionHandle, NetworkFilter } from '../../../src/net/filter.ts';
import { protocolLink } from '../../../src/net/protocol-link.ts';
import { StatsRegistry } from '../../../src/stats/registry.ts';
import { int16, int32, loginReply, message, READY_IDLE, startupMessage } from '../../support/postgres-bytes.ts';

/** Queries between two turns of the loop, in which batches leave. */
const SLICE = 2_000;
const TEXTS = 1_000;

export interface OwnJs {
  readonly simpleUs: number[];
  readonly preparedUs: number[];
}

/** Runs of some hundred thousand queries each; µs a query. */
export async function ownJs(quick: boolean): Promise<OwnJs> {
  const [rounds, queries] = quick ? [3, 60_000] : [7, 200_000];
  const worker = await createWorker();
  const results: OwnJs = { simpleUs: [], preparedUs: [] };
  await worker.run(simple, queries);
  await worker.run(prepared, queries);
  for (let round = 0; round < rounds; round++) {
    results.simpleUs.push(await worker.run(simple, queries));
    results.preparedUs.push(await worker.run(prepared, queries));
  }
  await worker.close();
  return results;
}

interface Traffic {
  readonly requests: readonly Buffer[];
  readonly reply: Buffer;
}

const select = (literal: string) => `SELECT abalance FROM pgbench_accounts WHERE aid = ${literal};\0`;
const ids = Array.from({ length: TEXTS }, (_, i) => String(((i * 7_919) % 100_000) + 1));
const rowDescription = message(
  'T',
  int16(1),
  'abalance\0',
  int32(16_384),
  int16(4),
  int32(23),
  int16(4),
  int32(-1),
  int16(0),
);
const row = message('D', int16(1), int32(1), '0');
const done = Buffer.concat([message('C', 'SELECT 1\0'), READY_IDLE]);

/** The literal differs each time, as in pgbench: the text is lexed anew, the digest is known. */
const simple: Traffic = {
  requests: ids.map((id) => message('Q', select(id))),
  reply: Buffer.concat([rowDescription, row, done]),
};
const prepared: Traffic = {
  requests: ids.map((id) =>
    Buffer.concat([
      message('B', '\0P_0\0', int16(0), int16(1), int32(id.length), id, int16(1), int16(0)),
      message('D', 'P\0'),
      message('E', '\0', int32(0)),
      message('S'),
    ]),
  ),
  reply: Buffer.concat([message('2'), rowDescription, row, done]),
};
const parseRequest = Buffer.concat([message('P', 'P_0\0', select('$1'), int16(0)), message('S')]);
const parseReply = Buffer.concat([message('1'), READY_IDLE]);

/** What a worker has behind its sockets, with one connection that is logged in. */
async function createWorker() {
  const postgres = protocolFilters.find(({ name }) => name === 'postgres')!;
  const stats = new StatsRegistry();
  const clock = systemClock;
  const digests = new SqlDigestCache({ parser: await loadSqlParser(), now: clock.now });
  const [rows, operations] = [new RowStore({ maxRows: 10_000 }), new OperationStore()];
  const link = new FactsLink({ worker: 1, incarnation: 1, dial: agreeable, clock, rows, operations });
  const pool = new ExchangePool();
  const config = postgres.config.parse({ stat_prefix: 'bench' });
  const bound = postgres.bind(config, postgres.options.parse({}), {
    stats,
    digests,
    keys: NO_KEYS,
    lag: NO_LAG,
    shared: NO_SHARED,
    warn: () => {},
  });
  const fail = (_facts: unknown, error: unknown) => {
    throw new Error('the session failed', { cause: error });
  };
  const recorder = new Recorder({ rows, operations, link, clock, pool });
  const build = protocolLink(postgres.filterName, postgres.speaksFirst, bound, {
    clock,
    observer: recorder,
    pool,
    keys: { learn: () => {}, forget: () => {}, lookup: () => undefined },
    onOpaque: fail,
    onAside: () => {},
    onBug: fail,
  });
  const connection = idleConnection();
  const nothing = () => {};
  const filter = build({ connection, continueReading: nothing, injectRead: nothing, injectWrite: nothing });
  (connection.chain.filters as NetworkFilter[]).push(filter);
  filter.onNewConnection!();
  const feed = (request: Buffer, reply: Buffer) => {
    filter.onData!(request, 0, request.length, false, false);
    filter.onWrite!(reply, 0, reply.length, false, false);
  };
  link.start();
  feed(startupMessage({ user: 'postgres', database: 'postgres', application_name: 'bench' }), loginReply(1, 1));
  feed(parseRequest, parseReply);

  return {
    async run(traffic: Traffic, queries: number): Promise<number> {
      let spentMs = 0;
      const before = link.produced;
      for (let sent = 0; sent < queries; sent += SLICE) {
        const startedAt = performance.now();
        for (let i = 0; i < SLICE; i++) feed(traffic.requests[i % TEXTS]!, traffic.reply);
        recorder.settle();
        spentMs += performance.now() - startedAt;
        await turn();
      }
      const seen = link.produced - before;
      if (seen !== queries) throw new Error(`${queries} queries were ${seen} exchanges`);
      return (spentMs * 1000) / queries;
    },
    async close() {
      const alive = setInterval(() => {}, 1000); // the link's own timers do not keep a process alive
      await link.close(0);
      clearInterval(alive);
      digests.close();
    },
  };
}

/** The facts process' end: welcomes, and confirms each batch. */
const agreeable: Dial = (events) => {
  let sequence = 0;
  const say = (kind: number, payload: Buffer) => setImmediate(() => events.onFrame(kind, payload));
  const channel: Channel = {
    writable: true,
    send(kind) {
      if (kind === Frame.hello) say(Frame.welcome, jsonFrame({ lastSequence: 0 }));
      if (kind !== Frame.batch) return;
      const ack = Buffer.alloc(8);
      ack.writeDoubleLE(++sequence);
      say(Frame.ack, ack);
    },
    end: () => setImmediate(() => events.onClose()),
    destroy: () => setImmediate(() => events.onClose()),
  };
  setImmediate(() => events.onOpen());
  return channel;
};

/** A connection whose sockets are always ready. */
function idleConnection(): ConnectionHandle {
  const now = systemClock.now();
  return {
    id: 1,
    facts: new SessionFacts(1, 'postgres', 'bench', '127.0.0.1:1', '127.0.0.1:2', Date.now()),
    info: {
      startedAt: now,
      bytesReceived: 0,
      bytesSent: 0,
      upstreamBytesSent: 0,
      upstreamBytesReceived: 0,
      upstreamConnectMs: 0,
      upstreamConnectionId: 0,
      upstreamHost: '',
      upstreamLocalAddress: '',
      connectAttempts: 1,
      flags: new Set(),
      responseFlags: '',
      closeReason: '',
      terminationDetails: '',
      metadata: new Map(),
      metadataNow: null,
      metadataJson: '',
    },
    bufferLimitBytes: 1_048_576,
    lastActivityAt: now,
    pendingWrite: 0,
    closed: false,
    closeType: null,
    chain: { filters: [] },
    readDisable: () => {},
    close: () => {},
    whenFlushed: (call) => call(),
    fail: (error) => {
      throw error;
    },
    drainable: null,
    dial: null,
    readDisableUpstream: null,
    onDownstreamDrain: null,
    writeFromUpstream: () => {},
    door: null,
    dialOnDemand: false,
  };
}

if (import.meta.main) {
  const { simpleUs, preparedUs } = await ownJs(process.argv.includes('--quick'));
  for (const [name, values] of Object.entries({ simple: simpleUs, prepared: preparedUs })) {
    process.stdout.write(`${name.padEnd(9)} ${values.map((us) => us.toFixed(2)).join('  ')} µs a query\n`);
  }
}
