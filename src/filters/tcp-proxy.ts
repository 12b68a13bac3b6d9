import type { ExchangeObserver } from '../exchange/exchange.ts';
import {
  type ConnectionEvent,
  type ConnectionHandle,
  type FilterBuilder,
  type FilterCallbacks,
  FilterStatus,
  type NetworkFilter,
} from '../net/filter.ts';
import { copyOf } from '../net/read-buffers.ts';
import type { Clock, CloseHow, Network, Timer, Transport, TransportEvents } from '../net/transport.ts';
import type { StatIds, StatsRegistry } from '../stats/registry.ts';
import type { Cluster, Host } from '../upstream/cluster.ts';
import { tcpProxyStats } from './tcp-proxy-stats.ts';

/** envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, as far as it exists here; durations in ms. */
export interface TcpProxyConfig {
  readonly stat_prefix: string;
  readonly cluster: string;
  /** 0 = off. */
  readonly idle_timeout: number;
  readonly max_connect_attempts: number;
  readonly upstream_connect_mode: 'IMMEDIATE' | 'ON_DOWNSTREAM_DATA';
  /** Bytes kept for the server before it is connected; unset: the listener's buffer limit. */
  readonly max_early_data_bytes?: number | null | undefined;
  /** Tell the state of each connection to the access logs at this interval; 0 = never. */
  readonly access_log_flush_interval?: number;
  /** Tell it when the server is connected. */
  readonly flush_access_log_on_connected?: boolean;
}

export interface TcpProxyEnv {
  readonly clock: Clock;
  readonly network: Network;
  readonly stats: StatsRegistry;
  cluster(name: string): Cluster | undefined;
  /** For connections to servers: unique as those of clients. */
  connectionId?(): number;
  /** Who tells the access logs. */
  readonly observer?: Pick<ExchangeObserver, 'sessionState'>;
}

/** The terminal filter: everything the client sends goes to one host of a cluster, and back. */
export function tcpProxy(config: TcpProxyConfig, env: TcpProxyEnv): FilterBuilder {
  const ids = env.stats.open(tcpProxyStats, { stat_prefix: config.stat_prefix });
  return (callbacks) => new TcpProxy(config, env, ids, callbacks);
}

class TcpProxy implements NetworkFilter {
  readonly name = 'envoy.filters.network.tcp_proxy';
  readonly #config: TcpProxyConfig;
  readonly #env: TcpProxyEnv;
  readonly #ids: StatIds<keyof typeof tcpProxyStats.stats>;
  readonly #connection: ConnectionHandle;
  #cluster: Cluster | undefined;
  #host: Host | null = null;
  #upstream: Transport | null = null;
  #connected = false;
  #dialling = false;
  #over = false;
  #dialledAt = 0;
  #early: Buffer[] = [];
  #earlyBytes = 0;
  /** The client's FIN was seen. */
  #clientEnded = false;
  /** Which side is stopped by this filter, so that each stop is undone once. */
  #downstreamStopped = false;
  #upstreamStopped = false;
  #backedUp = false;
  #connectTimer: Timer | null = null;
  #idleTimer: Timer | null = null;
  #logTimer: Timer | null = null;
  #timedOut = false;

  constructor(
    config: TcpProxyConfig,
    env: TcpProxyEnv,
    ids: StatIds<keyof typeof tcpProxyStats.stats>,
    callbacks: FilterCallbacks,
  ) {
    this.#config = config;
    this.#env = env;
    this.#ids = ids;
    this.#connection = callbacks.connection;
    this.#connection.dial = (address) => this.#dial(address);
    this.#connection.onDownstreamDrain = () => this.#stopUpstream(false);
    this.#connection.readDisableUpstream = (disable) => this.#upstream?.readDisable(disable);
  }

  onNewConnection(): FilterStatus {
    this.#env.stats.inc(this.#ids.downstream_cx_total);
    this.#cluster = this.#env.cluster(this.#config.cluster);
    if (this.#cluster === undefined) {
      this.#env.stats.inc(this.#ids.downstream_cx_no_route);
      this.#connection.info.flags.add('NC');
      this.#connection.close('reset', 'no_cluster');
      return FilterStatus.StopIteration;
    }
    this.#connection.facts.cluster = this.#cluster.name;
    this.#armIdle(this.#config.idle_timeout);
    this.#armLog();
    if (!this.#connection.dialOnDemand && this.#config.upstream_connect_mode === 'IMMEDIATE') this.#dial();
    return FilterStatus.Continue;
  }

  onData(buf: Buffer, start: number, end: number, given: boolean, endStream: boolean): FilterStatus {
    this.#env.stats.add(this.#ids.downstream_cx_rx_bytes_total, end - start);
    this.#clientEnded ||= endStream;
    if (this.#connected && this.#upstream !== null) {
      this.#toUpstream(buf, start, end, given, endStream);
      return FilterStatus.Consumed;
    }
    if (this.#over) return FilterStatus.Consumed;
    if (end > start) {
      if (this.#earlyBytes === 0) this.#env.stats.inc(this.#ids.early_data_received_count_total);
      this.#early.push(copyOf(buf, start, end));
      this.#earlyBytes += end - start;
    }
    const limit = this.#config.max_early_data_bytes ?? this.#connection.bufferLimitBytes;
    if (this.#earlyBytes > limit) this.#stopDownstream(true);
    if (!this.#connection.dialOnDemand) this.#dial();
    // A client that goes away before its first message was whole asks for no server.
    else if (endStream && !this.#dialling) this.#connection.close('flush', 'remote_close');
    return FilterStatus.Consumed;
  }

  onWrite(_buf: Buffer, start: number, end: number): FilterStatus {
    this.#env.stats.add(this.#ids.downstream_cx_tx_bytes_total, end - start);
    return FilterStatus.Continue;
  }

  onEvent(event: ConnectionEvent): void {
    if (event === 'connected' || this.#over) return;
    this.#over = true;
    this.#connectTimer?.cancel();
    this.#idleTimer?.cancel();
    this.#logTimer?.cancel();
    this.#early = [];
    const upstream = this.#upstream;
    if (upstream === null) return;
    const { closeType } = this.#connection;
    if (event === 'remote_reset' || !this.#connected || (closeType !== null && closeType !== 'flush')) {
      upstream.destroy(event === 'remote_reset' || closeType === 'reset');
      return;
    }
    // The server still gets what the client sent before it left.
    if (upstream.pending > 0) this.#env.stats.inc(this.#ids.upstream_flush_total);
    upstream.closeAfterFlush();
  }

  // ---- the server's side

  #onConnect(): void {
    const { stats } = this.#env;
    const cluster = this.#cluster!;
    this.#connectTimer?.cancel();
    this.#connected = true;
    const took = this.#env.clock.now() - this.#dialledAt;
    stats.histogram(cluster.ids.upstream_cx_connect_ms).record(took / 1000);
    const { info } = this.#connection;
    info.upstreamConnectMs = took;
    info.upstreamLocalAddress = this.#upstream!.local.text;
    info.upstreamConnectionId = this.#env.connectionId?.() ?? 0;
    this.#connection.facts.upstreamAddress = this.#host!.address.text;
    if (this.#connection.door === null) cluster.reached(this.#host!);
    else cluster.named?.reached(this.#connection.door);
    if (this.#config.flush_access_log_on_connected === true) this.#log('connected');
    this.#upstream!.setWatermark(cluster.config.perConnectionBufferLimitBytes);
    const early = this.#early;
    this.#early = [];
    this.#earlyBytes = 0;
    this.#stopDownstream(false);
    for (const chunk of early) this.#toUpstream(chunk, 0, chunk.length, true, false);
    if (this.#clientEnded) this.#upstream!.end();
  }

  #onUpstreamData(buf: Buffer, start: number, end: number, given: boolean): void {
    const cluster = this.#cluster!;
    cluster.stats.add(cluster.ids.upstream_cx_rx_bytes_total, end - start);
    this.#connection.info.upstreamBytesReceived += end - start;
    this.#connection.writeFromUpstream(buf, start, end, given, false);
    if (!this.#over && this.#connection.pendingWrite > this.#connection.bufferLimitBytes) this.#stopUpstream(true);
  }

  #onEnd(): void {
    this.#connection.writeFromUpstream(NOTHING, 0, 0, true, true);
  }

  /** The server takes bytes again. */
  #onDrain(): void {
    const cluster = this.#cluster!;
    if (!this.#backedUp) return;
    this.#backedUp = false;
    cluster.stats.inc(cluster.ids.upstream_flow_control_drained_total);
    if (!this.#over) this.#stopDownstream(false);
  }

  #onClose(how: CloseHow, code: string): void {
    const cluster = this.#cluster!;
    const host = this.#host!;
    host.active--;
    cluster.stats.add(cluster.ids.upstream_cx_active, -1);
    cluster.stats.inc(cluster.ids.upstream_cx_destroy);
    const local = this.#over || this.#timedOut;
    cluster.stats.inc(local ? cluster.ids.upstream_cx_destroy_local : cluster.ids.upstream_cx_destroy_remote);
    if (this.#connected) {
      const lived = this.#env.clock.now() - this.#dialledAt;
      cluster.stats.histogram(cluster.ids.upstream_cx_length_ms).record(lived / 1000);
    }
    this.#upstream = null;
    if (this.#over) return;
    if (!this.#connected) {
      this.#connectFailed(host, code);
      return;
    }
    // FIN both ways, and both were passed on: the client's side ends by itself once the client has taken everything.
    if (how === 'fin' && this.#clientEnded) return;
    // Anything else is passed on as it came.
    if (how === 'fin') this.#connection.close('flush', 'upstream_close');
    else this.#connection.close('reset', how === 'reset' ? 'upstream_reset' : `upstream_error:${code}`);
  }

  // ---- dialling

  #dial(address?: string): void {
    if (this.#dialling || this.#over || this.#cluster === undefined) return;
    this.#dialling = true;
    const cluster = this.#cluster;
    if (this.#connection.door !== null) this.#lead(this.#connection.door);
    else
      cluster.whenResolved(() =>
        this.#guarded(() => this.#connectTo((address && cluster.find(address)) || cluster.pick())),
      );
  }

  /** The client came by a door, which leads to one host. */
  #lead(door: string): void {
    this.#cluster!.lead(door, (host) => this.#guarded(() => this.#connectTo(host)));
  }

  #connectTo(host: Host | null): void {
    if (this.#over) return;
    const { clock, network } = this.#env;
    const cluster = this.#cluster!;
    const { info } = this.#connection;
    if (host === null) {
      info.flags.add('UH');
      this.#connection.close('reset', 'no_healthy_upstream');
      return;
    }
    this.#upstream = network.connect(host.address, this.#upstreamEvents);
    info.connectAttempts++;
    info.upstreamHost = host.address.text;
    this.#host = host;
    host.active++;
    host.total++;
    cluster.stats.inc(cluster.ids.upstream_cx_total);
    cluster.stats.add(cluster.ids.upstream_cx_active, 1);
    this.#dialledAt = clock.now();
    this.#timedOut = false;
    this.#connectTimer = clock.after(cluster.config.connectTimeoutMs, () => {
      this.#timedOut = true;
      this.#upstream?.destroy();
    });
  }

  #connectFailed(host: Host, code: string): void {
    const cluster = this.#cluster!;
    const { info, door } = this.#connection;
    this.#connectTimer?.cancel();
    const why = this.#timedOut ? 'ETIMEDOUT' : code;
    if (door === null) cluster.failed(host, why);
    else cluster.named?.failed(door, host);
    host.connectFail++;
    cluster.stats.inc(cluster.ids.upstream_cx_connect_fail);
    if (this.#timedOut) cluster.stats.inc(cluster.ids.upstream_cx_connect_timeout);
    info.flags.add('UF');
    if (info.connectAttempts < this.#config.max_connect_attempts) {
      if (door !== null) this.#lead(door);
      else this.#connectTo(cluster.pick());
      return;
    }
    cluster.stats.inc(cluster.ids.upstream_cx_connect_attempts_exceeded);
    info.flags.add('URX');
    if (door !== null) cluster.named?.givenUp(door, why);
    // Without us the client would have been refused or reset: so it is.
    this.#connection.close('reset', `upstream_connect_${this.#timedOut ? 'timeout' : `failure:${code}`}`);
  }

  // ---- flow

  #toUpstream(buf: Buffer, start: number, end: number, given: boolean, endStream: boolean): void {
    const upstream = this.#upstream!;
    const cluster = this.#cluster!;
    if (end > start) {
      cluster.stats.add(cluster.ids.upstream_cx_tx_bytes_total, end - start);
      this.#connection.info.upstreamBytesSent += end - start;
      const pending = upstream.write(given ? buf.subarray(start, end) : copyOf(buf, start, end), given);
      if (pending > cluster.config.perConnectionBufferLimitBytes && !this.#backedUp) {
        this.#backedUp = true;
        cluster.stats.inc(cluster.ids.upstream_flow_control_backed_up_total);
        this.#stopDownstream(true);
      }
    }
    if (endStream) upstream.end();
  }

  #stopDownstream(stop: boolean): void {
    if (this.#downstreamStopped === stop) return;
    this.#downstreamStopped = stop;
    const { stats } = this.#env;
    stats.inc(
      stop
        ? this.#ids.downstream_flow_control_paused_reading_total
        : this.#ids.downstream_flow_control_resumed_reading_total,
    );
    this.#connection.readDisable(stop);
  }

  #stopUpstream(stop: boolean): void {
    if (this.#upstreamStopped === stop || this.#upstream === null) return;
    this.#upstreamStopped = stop;
    const { stats, ids } = this.#cluster!;
    stats.inc(stop ? ids.upstream_flow_control_paused_reading_total : ids.upstream_flow_control_resumed_reading_total);
    this.#upstream.readDisable(stop);
  }

  /** One timer a connection, armed again for what is left: nothing is done per message. */
  #armIdle(delayMs: number): void {
    const limit = this.#config.idle_timeout;
    if (limit === 0) return;
    this.#idleTimer = this.#env.clock.after(delayMs, () => {
      const left = this.#connection.lastActivityAt + limit - this.#env.clock.now();
      if (left > 0) {
        this.#armIdle(Math.max(1, left));
        return;
      }
      this.#env.stats.inc(this.#ids.idle_timeout);
      this.#connection.close('flush', 'tcp_session_idle_timeout');
    });
  }

  /** Envoy's access_log_flush_interval: from the connection's start on, connected or not. */
  #armLog(): void {
    const interval = this.#config.access_log_flush_interval ?? 0;
    if (interval === 0) return;
    this.#logTimer = this.#env.clock.after(interval, () => {
      this.#armLog();
      this.#guarded(() => this.#log('periodic'));
    });
  }

  #log(state: 'connected' | 'periodic'): void {
    const { facts, info } = this.#connection;
    this.#env.observer?.sessionState?.(facts, state, info);
  }

  /** What comes from the server's socket does not come through the chain: the connection's boundary stands here. */
  #guarded(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#connection.fail(error);
    }
  }

  readonly #upstreamEvents: TransportEvents = {
    onConnect: () => this.#guarded(() => this.#onConnect()),
    onData: (buf, start, end, given) => this.#onUpstreamData(buf, start, end, given), // the chain's own boundary
    onEnd: () => this.#onEnd(),
    onDrain: () => this.#guarded(() => this.#onDrain()),
    onClose: (how, code) => this.#guarded(() => this.#onClose(how, code)),
  };
}

const NOTHING = Buffer.alloc(0);
