import { type Exchange, type ExchangeObserver, ExchangePool } from '../../src/exchange/exchange.ts';
import type { ProtocolFilter } from '../../src/exchange/protocol-filter.ts';
import { tcpProxy } from '../../src/filters/tcp-proxy.ts';
import { SimulatedClock, SimulatedNetwork, seeded } from '../../src/net/simulated.ts';
import { createDataPlane, type LinkFactory } from '../../src/server/plane.ts';
import { StatsRegistry } from '../../src/stats/registry.ts';
import { Endpoint } from '../support/endpoint.ts';
import { digests } from '../support/filter-env.ts';
import { filterChain, LISTENER, listenerConfig, SERVER, snapshotOf, TCP_PROXY } from '../support/plane-parts.ts';
import type { Cut, RecordedSession } from './recorded.ts';

const ALLOW_ALL = 'type.googleapis.com/test.AllowAll';
export type Mode = 'observe' | 'enforce';
export const MODES: readonly Mode[] = ['observe', 'enforce'];

/** All that an exchange tells but its times: what must be equal however the bytes were cut. */
class Witness implements ExchangeObserver {
  begun = 0;
  ended = 0;
  sessionsStarted = 0;
  sessionsEnded = 0;
  told: string[] = [];
  readonly #open = new Set<Exchange>();
  readonly #sessions = new Set<unknown>();
  readonly wrong: string[] = [];

  begin(x: Exchange): void {
    this.begun++;
    if (this.#open.has(x)) this.wrong.push(`begun twice: ${x.seq}`);
    this.#open.add(x);
  }
  progress(x: Exchange): void {
    if (!this.#open.has(x)) this.wrong.push(`progress of what is not open: ${x.seq}`);
  }
  end(x: Exchange): void {
    this.ended++;
    if (!this.#open.delete(x)) this.wrong.push(`ended twice: ${x.seq}`);
    const { kind, digest, turn, seq, index, flags, replies, transaction, story, requestBytes, replyBytes } = x;
    const facts = [kind, digest?.text, turn, seq, index, flags, replies, transaction, story, requestBytes, replyBytes];
    const { rowsReturned, rowsAffected, rowsMatched, batchSize, outcome, code, severity, traceparent } = x;
    const counts = [rowsReturned, rowsAffected, rowsMatched, batchSize];
    this.told.push(JSON.stringify([...facts, ...counts, outcome, code, severity, traceparent]));
  }
  sessionStart(session: unknown): void {
    this.sessionsStarted++;
    this.#sessions.add(session);
  }
  sessionEnd(session: unknown): void {
    this.sessionsEnded++;
    if (!this.#sessions.delete(session)) this.wrong.push('a session ended twice');
  }
}

export interface Conversation {
  readonly client: Endpoint;
  /** Null until the upstream is dialled. */
  server(): Endpoint | null;
}

/** The real protocol link in the real data plane, on simulated wires that carry a write as one piece. */
export class Rig {
  readonly protocol: ProtocolFilter;
  readonly mode: Mode;
  readonly #isSeeded: boolean;
  readonly clock = new SimulatedClock();
  readonly network: SimulatedNetwork;
  readonly stats = new StatsRegistry();
  readonly witness = new Witness();
  readonly bugs: unknown[] = [];
  readonly servers: Endpoint[] = [];
  readonly plane: ReturnType<typeof createDataPlane>;
  /** What peers sent and got, over all connections that were meant to be transparent. */
  bytesIn = 0;
  bytesOut = 0;

  static async start(protocol: ProtocolFilter, mode: Mode, seed?: number): Promise<Rig> {
    const rig = new Rig(protocol, mode, seed);
    await Endpoint.listen(rig.network, SERVER, rig.servers);
    const chain = filterChain({});
    const config = protocol.config.parse({ stat_prefix: 'c' }) as Record<string, unknown>;
    chain.unshift({ name: protocol.filterName, typeUrl: protocol.typeUrl, config });
    if (mode === 'enforce') chain.splice(1, 0, { name: 'test.allow', typeUrl: ALLOW_ALL, config: {} });
    const listeners = [listenerConfig({ listener: { filterChains: [{ name: '', filters: chain }] } })];
    const failures = await rig.plane.apply({ ...snapshotOf(), listeners });
    if (failures.length > 0) throw new Error('the plane does not listen');
    return rig;
  }

  private constructor(protocol: ProtocolFilter, mode: Mode, seed?: number) {
    this.protocol = protocol;
    this.mode = mode;
    this.#isSeeded = seed !== undefined;
    const whole = seed === undefined ? { segment: (available: number) => available, delay: () => 0 } : {};
    this.network = new SimulatedNetwork(this.clock, { random: seeded(seed ?? 1), ...whole });
    const keys = new Map<string, string>();
    this.plane = createDataPlane({
      worker: 0,
      network: this.network,
      clock: this.clock,
      stats: this.stats,
      digests,
      observer: this.witness,
      pool: new ExchangePool(),
      keys: {
        learn: (key, upstream) => void keys.set(key, upstream),
        forget: (key) => void keys.delete(key),
        lookup: (key) => keys.get(key),
      },
      resolve: () => Promise.reject(new Error('no names here')),
      random: seeded(1),
      protocols: [protocol],
      links: new Map<string, LinkFactory>([
        [TCP_PROXY, (config, env) => tcpProxy(config as never, { ...env, cluster: (name) => env.clusters.get(name) })],
        [ALLOW_ALL, () => () => ({ name: 'test.allow', enforces: true, onTurn: () => 'allow' })],
      ]),
      // A warning is for the operator: Redis replies that lead past the proxy.
      log: (level, message, error) => void (level === 'warn' || this.bugs.push(error ?? message)),
    });
  }

  run(ms = 50): void {
    this.clock.run(this.clock.now() + ms);
  }

  dial(): Conversation {
    const before = this.servers.length;
    const client = Endpoint.dial(this.network, LISTENER);
    this.run(5);
    return { client, server: () => this.servers[before] ?? null };
  }

  /** Says one side's bytes; what the server says before it is dialled is lost, as it would be. */
  say({ client, server }: Conversation, who: '>' | '<', bytes: Uint8Array): void {
    (who === '>' ? client : server())?.send(bytes);
    // Wires of a seed carry a few bytes a millisecond, and no server answers what has not reached it: a gate would close.
    this.run(this.#isSeeded && this.mode === 'enforce' ? 5 + bytes.length : 5);
  }

  /** Plays a session to the end, each line with at most one cut, and hangs up. */
  replay(session: RecordedSession, cuts: readonly Cut[] = []): { toServer: Buffer; toClient: Buffer; told: string } {
    this.witness.told = [];
    const talk = this.dial();
    session.lines.forEach(({ who, bytes }, line) => {
      const cut = cuts.find((one) => one.line === line);
      if (cut === undefined) this.say(talk, who, bytes);
      else {
        this.say(talk, who, bytes.subarray(0, cut.at));
        this.say(talk, who, bytes.subarray(cut.at));
      }
      this.bytesIn += bytes.length;
    });
    this.hangUp(talk);
    const toServer = talk.server()?.bytes ?? Buffer.alloc(0);
    const toClient = talk.client.bytes;
    this.bytesOut += toServer.length + toClient.length;
    this.servers.length = 0;
    return { toServer, toClient, told: this.witness.told.join('\n') };
  }

  hangUp({ client, server }: Conversation): void {
    client.end();
    this.run(5);
    server()?.end();
    this.run(5);
    if (client.closed === null || server()?.closed === null) this.run(20_000);
  }

  /** Connections that went opaque, over all reasons. */
  get opaque(): number {
    return this.#sum(/^sluice\.opaque\./);
  }

  #sum(pattern: RegExp): number {
    return this.stats.list.reduce((sum, { name, id }) => sum + (pattern.test(name) ? this.stats.get(id) : 0), 0);
  }

  /** The conservation laws (threats TE-12): one number on each side of every pair. */
  get laws(): Record<string, readonly [number, number]> {
    const value = (name: string) => this.stats.value(name) ?? 0;
    const { witness } = this;
    const opened = value('listener.front.downstream_cx_total');
    return {
      connections: [opened, value('listener.front.downstream_cx_destroy') + this.plane.active],
      upstream: [
        value('cluster.db.upstream_cx_total'),
        value('cluster.db.upstream_cx_destroy') + value('cluster.db.upstream_cx_active'),
      ],
      sessions: [witness.sessionsStarted, witness.sessionsEnded + this.plane.active],
      exchanges: [witness.begun, witness.ended],
      bytes: [this.bytesIn, this.bytesOut],
      transports: [this.network.open, 0],
      active: [this.plane.active, 0],
      wrong: [witness.wrong.length, 0],
      bugs: [this.bugs.length, 0],
    };
  }
}
