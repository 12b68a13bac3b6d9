import { setImmediate as turn } from 'node:timers/promises';
import { protocolFilters } from '../../protocol-filters/registry.ts';
import { loadSqlParser, SqlDigestCache } from '../../src/digest/cache.ts';
import { RowStore } from '../../src/digest/rows/rows.ts';
import { OperationStore } from '../../src/digest/rows/rows-operations.ts';
import { type Channel, type Dial, Frame, jsonFrame } from '../../src/events/channel.ts';
import { FactsLink } from '../../src/events/link.ts';
import { Recorder } from '../../src/events/recorder.ts';
import { ExchangePool } from '../../src/exchange/exchange.ts';
import { NO_KEYS } from '../../src/exchange/key-sink.ts';
import { NO_LAG } from '../../src/exchange/lag-sink.ts';
import { SessionFacts } from '../../src/exchange/session-facts.ts';
import { NO_SHARED } from '../../src/exchange/shared-names.ts';
import { policyLink } from '../../src/filters/policy.ts';
import { systemClock } from '../../src/net/clock.ts';
import type { ConnectionHandle, NetworkFilter } from '../../src/net/filter.ts';
import { protocolLink } from '../../src/net/protocol-link.ts';
import type { PolicySetConfig } from '../../src/policy/policy-config.ts';
import { StatsRegistry } from '../../src/stats/registry.ts';

/** Queries between two turns of the loop, in which batches leave. */
const SLICE = 2_000;

/** Requests are sent in turn; each is answered by the one reply. */
export interface Traffic {
  readonly requests: readonly Buffer[];
  readonly reply: Buffer;
}

/** Measures one connection, without sockets. */
export interface OwnJsWorker {
  /** µs a query. */
  run(traffic: Traffic, queries: number): Promise<number>;
  close(): Promise<void>;
}

/**
 * What a worker has behind its sockets: the protocol link (frame scan, digest, exchange), the aggregates and the event batch, with
 * one connection on which `greeting` was said before: pairs of a request and its reply. `policies`: with the policy link.
 */
export async function ownJsWorker(
  name: string,
  greeting: readonly (readonly [request: Buffer, reply: Buffer])[],
  policies: PolicySetConfig | null = null,
): Promise<OwnJsWorker> {
  const protocol = protocolFilters.find((filter) => filter.name === name)!;
  const stats = new StatsRegistry();
  const clock = systemClock;
  const digests = new SqlDigestCache({ parser: await loadSqlParser(), now: clock.now });
  const [rows, operations] = [new RowStore({ maxRows: 10_000 }), new OperationStore()];
  const link = new FactsLink({ worker: 1, incarnation: 1, dial: agreeable, clock, rows, operations });
  const pool = new ExchangePool();
  const config = protocol.config.parse({ stat_prefix: 'bench' });
  const bound = protocol.bind(config, protocol.options.parse({}), {
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
  const build = protocolLink(protocol.filterName, protocol.speaksFirst, bound, {
    clock,
    observer: recorder,
    pool,
    keys: { learn: () => {}, forget: () => {}, lookup: () => undefined },
    onOpaque: fail,
    onAside: () => {},
    onBug: fail,
  });
  const connection = idleConnection(name);
  const nothing = () => {};
  const callbacks = { connection, continueReading: nothing, injectRead: nothing, injectWrite: nothing };
  const filter = build(callbacks);
  const chain = connection.chain.filters as NetworkFilter[];
  chain.push(filter);
  if (policies !== null)
    chain.push(policyLink(policies, { clock, stats, listener: 'bench', protocol, workers: 1 })(callbacks));
  filter.onNewConnection!();
  const feed = (request: Buffer, reply: Buffer) => {
    filter.onData!(request, 0, request.length, false, false);
    filter.onWrite!(reply, 0, reply.length, false, false);
  };
  link.start();
  for (const [request, reply] of greeting) feed(request, reply);
  recorder.settle();

  return {
    async run({ requests, reply }, queries) {
      let spentMs = 0;
      const before = link.produced;
      for (let sent = 0; sent < queries; sent += SLICE) {
        const startedAt = performance.now();
        for (let i = 0; i < SLICE; i++) feed(requests[i % requests.length]!, reply);
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
function idleConnection(protocol: string): ConnectionHandle {
  const now = systemClock.now();
  return {
    id: 1,
    facts: new SessionFacts(1, protocol, 'bench', '127.0.0.1:1', '127.0.0.1:2', Date.now()),
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
