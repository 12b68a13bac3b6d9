import { FAULTS, type Fault } from '../../src/exchange/fault.ts';
import type { Histogram } from '../../src/stats/histogram.ts';
import { type StatIds, type StatsRegistry, statGroup } from '../../src/stats/registry.ts';
import { COMMANDS } from './commands.ts';
import { UNKNOWN } from './special.ts';

const counter = (help: string) => ({ kind: 'counter', help }) as const;
const gauge = (help: string) => ({ kind: 'gauge', help }) as const;

/** Those of Envoy's redis_proxy that somebody who only listens can know. */
export const REDIS_STATS = statGroup('redis.<stat_prefix>.', {
  downstream_cx_total: counter('Connections.'),
  downstream_cx_active: gauge('Connections open now.'),
  downstream_cx_protocol_error: counter('Connections whose bytes could not be read: decoding ended.'),
  downstream_cx_rx_bytes_total: counter('Bytes received from clients.'),
  downstream_cx_tx_bytes_total: counter('Bytes received from servers for clients.'),
  downstream_rq_total: counter('Commands.'),
  downstream_rq_active: gauge('Commands open now, those queued by MULTI included.'),
});

/** One set a command that was seen; subcommands are commands of their own, `config_set`. */
export const REDIS_COMMAND_STATS = statGroup('redis.<stat_prefix>.command.<command>.', {
  total: counter('Commands, whatever became of them.'),
  success: counter('Commands that the server answered without an error.'),
  error: counter('Commands that the server answered with an error. Redirects are none.'),
  latency: {
    kind: 'histogram',
    help: "Milliseconds (latency_in_micros: microseconds) from the command's first byte to its reply's last. Without those that wait, are queued or have no reply.",
  },
});

/** What Envoy does not count. */
export const REDIS_OWN_STATS = statGroup('sluice.redis.<stat_prefix>.', {
  hits: counter('Reads that found what they asked for, by key where the reply tells each.'),
  misses: counter('Reads that found nothing: no such key, or nothing in it of what they asked for.'),
  redirects: counter('Replies MOVED, ASK and REDIRECT.'),
  bypass_hint: counter(
    'Replies that lead clients to servers past this proxy: redirects, cluster topology, SENTINEL, ROLE.',
  ),
  messages: counter('Pub/Sub messages delivered.'),
  pushes: counter('Other pushes that answer no command: invalidations of client-side caches, lost subscriptions.'),
  monitor_lines: counter('Commands of others that MONITOR showed.'),
  transactions: counter('Transactions that EXEC ran.'),
  transactions_aborted: counter(
    'Transactions that EXEC did not run: a watched key was changed, or a command was refused.',
  ),
  transactions_discarded: counter('Transactions given up by DISCARD or RESET.'),
  skipped: counter('Commands that were queued and never run.'),
  blocking: counter('Commands that ask the server to wait: BLPOP, WAIT, XREAD with BLOCK and their like.'),
  scripts: counter('Scripts and functions run: EVAL, EVALSHA, FCALL and their _RO forms.'),
  inline: counter('Commands written as a line, without lengths.'),
  no_reply: counter('Commands that have no reply, by CLIENT REPLY OFF or SKIP.'),
  pipelined: counter('Commands begun while another was unanswered.'),
  untimed: counter('Commands begun while too many were open: counted without times.'),
  lost: counter('Commands that were open when their connection ended.'),
  unknown_commands: counter('Commands that the table does not have: of modules, renamed, mistyped.'),
  logins: counter('AUTH and HELLO with AUTH that the server accepted.'),
  login_failures: counter('AUTH and HELLO with AUTH that the server refused.'),
  resp3_sessions: counter('Connections that changed to RESP3.'),
  replication_sessions: counter('Connections that became those of a replica.'),
  denied: counter('Commands that a policy denied.'),
  stand_ins: counter('Commands sent in the place of denied ones, to fail there.'),
  held: counter('Commands whose answer what came behind them had to wait for, where policies are enforced.'),
  cut: counter('Replies that were longer than a policy allows: an error took their place.'),
});

/** Sessions that became unreadable, by reason. */
export const REDIS_OPAQUE_STATS = statGroup('sluice.redis.<stat_prefix>.opaque.<reason>.', {
  sessions: counter('Sessions whose decoding ended, by reason. Observed ones go on unread, enforced ones close.'),
});

/** The stats of one command. */
export interface CommandCounts {
  readonly total: number;
  readonly success: number;
  readonly error: number;
  readonly latency: Histogram;
}

/** All stats of one filter chain, resolved once; those of a command when it is first seen. */
export class RedisStats {
  readonly registry: StatsRegistry;
  readonly envoy: StatIds<keyof typeof REDIS_STATS.stats>;
  readonly own: StatIds<keyof typeof REDIS_OWN_STATS.stats>;
  readonly #prefix: string;
  readonly #unit: 'ms' | 'us';
  readonly #opaque: Readonly<Record<Fault, number>>;
  readonly #commands: (CommandCounts | null)[] = new Array(COMMANDS.length + 1).fill(null);

  constructor(registry: StatsRegistry, statPrefix: string, latencyInMicros: boolean) {
    this.registry = registry;
    this.#prefix = statPrefix;
    this.#unit = latencyInMicros ? 'us' : 'ms';
    this.envoy = registry.open(REDIS_STATS, { stat_prefix: statPrefix });
    this.own = registry.open(REDIS_OWN_STATS, { stat_prefix: statPrefix });
    this.#opaque = Object.fromEntries(
      FAULTS.map((reason) => [reason, registry.open(REDIS_OPAQUE_STATS, { stat_prefix: statPrefix, reason }).sessions]),
    ) as Record<Fault, number>;
  }

  opaque(reason: Fault): void {
    this.registry.inc(this.#opaque[reason]);
    this.registry.inc(this.envoy.downstream_cx_protocol_error);
  }

  /** By slot in the command table. */
  command(slot: number): CommandCounts {
    return this.#commands[slot] ?? this.#open(slot);
  }

  #open(slot: number): CommandCounts {
    const command = slot === UNKNOWN ? 'unknown' : COMMANDS[slot]!.statName;
    const ids = this.registry.open(REDIS_COMMAND_STATS, {
      stat_prefix: this.#prefix,
      command,
      unit: this.#unit,
    });
    const { total, success, error } = ids;
    const counts = { total, success, error, latency: this.registry.histogram(ids.latency) };
    this.#commands[slot] = counts;
    return counts;
  }
}
