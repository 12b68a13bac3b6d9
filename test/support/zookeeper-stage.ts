import { afterAll, beforeEach, expect } from 'vitest';
import { needs } from './needs.ts';
import { poll } from './poll.ts';
import { type RealZooKeeper, startRealZooKeeper, type ZooKeeperSettings } from './real-zookeeper.ts';
import { type RunningSluice, runSluice, type SluiceOptions } from './run-sluice.ts';
import { JuteReader } from './zookeeper-jute.ts';
import { ERROR_NAMES, Op, readMulti } from './zookeeper-requests.ts';
import type { ZooKeeperWire } from './zookeeper-wire.ts';

export interface ZooKeeperStage {
  readonly server: RealZooKeeper;
  readonly sluice: RunningSluice;
}

interface StageOptions extends SluiceOptions {
  readonly settings?: ZooKeeperSettings;
  /** What Sluice has for its server, where that is something between the two. */
  readonly between?: (server: RealZooKeeper) => Promise<{ readonly port: number; close(): Promise<void> }>;
}

/**
 * A ZooKeeper with Sluice before it, for the tests of one describe block: started with its first test, stopped after its
 * last. Where ZooKeeper is not installed those tests are skipped.
 */
export function zooKeeperStage({ settings = {}, between, ...options }: StageOptions = {}): ZooKeeperStage {
  let server: RealZooKeeper | undefined;
  let relay: { readonly port: number; close(): Promise<void> } | undefined;
  let sluice: RunningSluice | undefined;
  beforeEach(async (ctx) => {
    needs(ctx, 'java');
    needs(ctx, 'zookeeper');
    server ??= await startRealZooKeeper(settings);
    relay ??= await between?.(server);
    const upstream = `zookeeper://127.0.0.1:${relay?.port ?? server.port}`;
    sluice ??= await runSluice({ upstreams: [upstream], concurrency: 1, ...options });
  });
  afterAll(async () => {
    await sluice?.stop();
    await relay?.close();
    await server?.stop();
  });
  const started = <T>(part: T | undefined): T => {
    if (part === undefined) throw new Error('the stage begins with the first test');
    return part;
  };
  return {
    get server() {
      return started(server);
    },
    get sluice() {
      return started(sluice);
    },
  };
}

/** One row of /api/queries, as far as these tests read it. */
export interface OperationRow {
  readonly operation: string;
  readonly text: string;
  readonly user: string;
  readonly calls: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly lost: number;
  readonly hits: number;
  readonly misses: number;
  readonly rows_returned: number;
  readonly rows_affected: number;
  readonly request_bytes: number;
  readonly reply_bytes: number;
}

export const operationRows = async (sluice: RunningSluice): Promise<readonly OperationRow[]> =>
  (await sluice.getJson<{ queries: OperationRow[] }>('/api/queries?limit=10000')).queries;

/** All counters of /stats that are not 0. */
async function countersOf(sluice: RunningSluice): Promise<Map<string, number>> {
  const lines = (await sluice.getText('/stats')).split('\n').map((line) => line.split(': '));
  return new Map(
    lines.filter(([, value]) => /^[1-9]\d*$/.test(value ?? '')).map(([name, value]) => [name!, Number(value)]),
  );
}

/** What one side counted. */
export interface Tally {
  /** By ZooKeeper's name of the operation. */
  readonly calls: Readonly<Record<string, number>>;
  /** `NONODE getData` */
  readonly errors: Readonly<Record<string, number>>;
  readonly events: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
}

const NAMES = new Map<number, string>(Object.entries(Op).map(([name, op]) => [op, name]));

/** The operation for whose sake nothing was done: those behind it are told -2. */
function errorWithin(r: JuteReader): string {
  const failed = readMulti(r).find(({ error }) => error !== 0);
  return failed === undefined ? '' : (ERROR_NAMES[failed.error] ?? String(failed.error));
}

/** What clients asked and heard, as they counted it themselves. */
export class ClientTally {
  readonly #calls: Record<string, number> = {};
  readonly #errors: Record<string, number> = {};
  readonly #wires = new Set<ZooKeeperWire>();

  /** A connection whose bytes and events count, from its connect on. */
  opened(wire: ZooKeeperWire): ZooKeeperWire {
    this.#wires.add(wire);
    this.call('connect');
    return wire;
  }

  call(name: string, error = '', times = 1): void {
    this.#calls[name] = (this.#calls[name] ?? 0) + times;
    if (error !== '') this.#errors[`${error} ${name}`] = (this.#errors[`${error} ${name}`] ?? 0) + times;
  }

  /** Asks all at once and counts them; fails when one is not answered. */
  async ask(wire: ZooKeeperWire, asks: Parameters<ZooKeeperWire['pipeline']>[0]): Promise<void> {
    const answers = await wire.pipeline(asks);
    answers.forEach((answer, i) => {
      if (answer === null) throw new Error('closed before it answered');
      const { op } = asks[i]!;
      // A node that exists() does not find is an answer, and no failure. Why a multi failed stands in its results.
      const isNews = op === Op.exists && answer.error === 'NONODE';
      const within = op === Op.multi && answer.error === '' ? errorWithin(new JuteReader(answer.body)) : answer.error;
      this.call(NAMES.get(op) ?? 'unknown', isNews ? '' : within);
    });
  }

  async close(wire: ZooKeeperWire): Promise<void> {
    await wire.close();
    this.call('closeSession');
  }

  tell(): Tally & { readonly sentPackets: number; readonly receivedPackets: number } {
    const sum = (of: (wire: ZooKeeperWire) => number) => [...this.#wires].reduce((total, wire) => total + of(wire), 0);
    return {
      calls: this.#calls,
      errors: this.#errors,
      events: sum((wire) => wire.events.length),
      requestBytes: sum((wire) => wire.sentBytes),
      responseBytes: sum((wire) => wire.receivedBytes),
      sentPackets: sum((wire) => wire.sentPackets),
      receivedPackets: sum((wire) => wire.receivedPackets),
    };
  }
}

/**
 * Runs `use`, then waits until Sluice counted what its clients did, and fails when it does not; the same of the server,
 * which counts packets and the bytes that come. Nothing else may go to the server meanwhile.
 */
export async function countExactly(
  { server, sluice }: ZooKeeperStage,
  use: (clients: ClientTally) => Promise<unknown>,
): Promise<Tally> {
  const before = await sluiceTally(sluice);
  const bytesBefore = await bytesReceived(server);
  // A word is a packet too, and its answer several: what the first adds to the second's numbers, it adds to each.
  const [first, second] = [await packetsOf(server), await packetsOf(server)];
  const clients = new ClientTally();
  await use(clients);
  const { sentPackets, receivedPackets, ...want } = clients.tell();
  let now = before;
  const isEqual = async () => {
    now = await sluiceTally(sluice);
    return JSON.stringify(sorted(difference(now, before))) === JSON.stringify(sorted(want));
  };
  await poll('Sluice has the same numbers', isEqual, { everyMs: 50 }).catch(() => {}); // said below
  expect(sorted(difference(now, before))).toEqual(sorted(want));
  const after = await packetsOf(server);
  const words = 4 * ['mntr', 'srvr', 'srvr', 'srvr'].length;
  expect({
    packetsReceived: after.received - second.received - (second.received - first.received),
    packetsSent: after.sent - second.sent - (second.sent - first.sent),
    bytesReceived: (await bytesReceived(server)) - bytesBefore - words,
  }).toEqual({ packetsReceived: sentPackets, packetsSent: receivedPackets, bytesReceived: want.requestBytes });
  return want;
}

async function packetsOf(server: RealZooKeeper): Promise<{ readonly received: number; readonly sent: number }> {
  const text = await server.word('srvr');
  const number = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  return { received: number('Received'), sent: number('Sent') };
}

const bytesReceived = async (server: RealZooKeeper): Promise<number> =>
  (await server.monitor()).get('bytes_received_count') ?? Number.NaN;

async function sluiceTally(sluice: RunningSluice): Promise<Tally> {
  const calls: Record<string, number> = {};
  for (const row of await operationRows(sluice)) calls[row.operation] = (calls[row.operation] ?? 0) + row.calls;
  const counters = await countersOf(sluice);
  const errors: Record<string, number> = {};
  for (const [name, value] of counters) {
    const [, code, operation] = /^sluice\.zookeeper\.zookeeper\.error\.(\w+)\.(\w+)\.responses$/.exec(name) ?? [];
    // A node that is not there is news for exists, and no row calls it an error.
    if (code === undefined || (code === 'NONODE' && operation === 'exists')) continue;
    errors[`${code} ${operation}`] = value;
  }
  return {
    calls,
    errors,
    events: counters.get('zookeeper.zookeeper.watch_event') ?? 0,
    requestBytes: counters.get('zookeeper.zookeeper.request_bytes') ?? 0,
    responseBytes: counters.get('zookeeper.zookeeper.response_bytes') ?? 0,
  };
}

const minus = (now: Readonly<Record<string, number>>, before: Readonly<Record<string, number>>) =>
  Object.fromEntries(
    Object.entries(now)
      .map(([name, value]) => [name, value - (before[name] ?? 0)] as const)
      .filter(([, value]) => value !== 0),
  );

const difference = (now: Tally, before: Tally): Tally => ({
  calls: minus(now.calls, before.calls),
  errors: minus(now.errors, before.errors),
  events: now.events - before.events,
  requestBytes: now.requestBytes - before.requestBytes,
  responseBytes: now.responseBytes - before.responseBytes,
});

const sorted = (tally: Tally) => ({
  ...tally,
  calls: Object.entries(tally.calls).sort(),
  errors: Object.entries(tally.errors).sort(),
});

/** A stat's value in /stats; NaN when it is not there. */
export async function statOf(sluice: RunningSluice, name: string): Promise<number> {
  const line = (await sluice.getText('/stats')).split('\n').find((each) => each.startsWith(`${name}: `));
  return line === undefined ? Number.NaN : Number(line.slice(name.length + 2));
}

/** Runs `use` so many times, numbered, at once. */
export const atOnce = <T>(count: number, use: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => use(n)));
