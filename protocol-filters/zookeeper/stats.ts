import { FAULTS, type Fault } from '../../src/exchange/fault.ts';
import type { Histogram } from '../../src/stats/histogram.ts';
import { type StatIds, type StatsRegistry, statGroup } from '../../src/stats/registry.ts';
import { errorName, UNKNOWN_ERROR } from './error-names.ts';
import { OPERATIONS, UNKNOWN, UNKNOWN_NAME } from './operations.ts';
import { EVENT_STATES, EVENT_TYPES } from './wire.ts';

const counter = (help: string) => ({ kind: 'counter', help }) as const;
const histogram = (help: string) => ({ kind: 'histogram', help }) as const;

/** Envoy's zookeeper_proxy. */
export const ZOOKEEPER_STATS = statGroup('<stat_prefix>.zookeeper.', {
  decoder_error: counter('Messages that could not be decoded, or are longer than max_packet_bytes.'),
  request_bytes: counter('Bytes of requests, their lengths included.'),
  response_bytes: counter('Bytes of responses and watch events, their lengths included.'),
  connect_readonly_rq: counter('Session requests of clients that accept a read-only server.'),
  connect_readonly_rq_bytes: counter('Always 0, as in Envoy, which counts these bytes as connect_rq_bytes.'),
  watch_event: counter('Watch events.'),
  unknown_opcode_latency: histogram(
    'Milliseconds from the first byte of a request with an unknown opcode to the last of its response.',
  ),
});

/** One set an operation, under Envoy's name for it. */
export const ZOOKEEPER_OPERATION_STATS = statGroup('<stat_prefix>.zookeeper.<opname>_', {
  resp: counter('Responses, errors too.'),
  resp_fast: counter('Responses within the latency threshold (enable_latency_threshold_metrics).'),
  resp_slow: counter('Responses above it.'),
  rq_bytes: counter('Bytes of requests (enable_per_opcode_request_bytes_metrics).'),
  resp_bytes: counter('Bytes of responses (enable_per_opcode_response_bytes_metrics).'),
  decoder_error: counter('Messages that could not be decoded (enable_per_opcode_decoder_error_metrics).'),
});

/** Of all but `auth`, which Envoy counts by scheme. */
export const ZOOKEEPER_REQUEST_STATS = statGroup('<stat_prefix>.zookeeper.<opname>_', {
  rq: counter('Requests. Those within a multi count too, but for multiRead.'),
});

/** Of all but connect, ping and auth. */
export const ZOOKEEPER_LATENCY_STATS = statGroup('<stat_prefix>.zookeeper.<opname>_', {
  resp_latency: histogram("Milliseconds from the request's first byte to the response's last."),
});

/** Of connect, ping and auth. */
export const ZOOKEEPER_CONTROL_LATENCY_STATS = statGroup('<stat_prefix>.zookeeper.<opname>_', {
  response_latency: histogram("Milliseconds from the request's first byte to the response's last."),
});

export const ZOOKEEPER_AUTH_STATS = statGroup('<stat_prefix>.zookeeper.auth.<scheme>_', {
  rq: counter('Auth requests by scheme: auth, digest, host, ip, world, x509, or unknown_scheme.'),
});

/** What Envoy does not count. */
export const ZOOKEEPER_OWN_STATS = statGroup('sluice.zookeeper.<stat_prefix>.', {
  connections: counter('Connections.'),
  sessions_created: counter('Sessions that the server began.'),
  sessions_reattached: counter('Sessions that a client took along to this connection.'),
  sessions_expired: counter('Sessions that the server no longer knew.'),
  sessions_refused: counter('Session requests that the server refused or never answered.'),
  sessions_closed: counter('Sessions that the client closed.'),
  read_only_sessions: counter('Sessions at a server that is cut off from its quorum, and only reads.'),
  four_letter_words: counter('Connections that said a four-letter word and no session.'),
  hits: counter('Reads (exists, getData, getChildren) of a node that was there.'),
  misses: counter('Reads of a node that was not. exists of such a node is no error.'),
  multis_failed: counter('Multis of which the server did nothing, for one operation in them.'),
  watches_restored: counter('Watches that clients set again at a new connection, in setWatches.'),
  watches_removed: counter('removeWatches that the server served.'),
  logins: counter('auth requests, and SASL by DIGEST-MD5, that the server accepted.'),
  login_failures: counter('auth and SASL requests that the server refused.'),
  sasl_tokens: counter('SASL tokens of clients.'),
  pipelined: counter('Requests begun while another was unanswered.'),
  untimed: counter('Requests begun while too many were open: counted without times.'),
  lost: counter('Requests that were open when their connection ended.'),
  out_of_turn: counter('Errors that the server wrote before the answers to older requests.'),
  reused_xids: counter('Requests with the number of one that is still unanswered.'),
  oversized: counter('Packets longer than max_packet_bytes. They are decoded like any.'),
  trailing: counter('Packets with bytes behind their record.'),
  denied: counter('Requests that a policy denied.'),
  stand_ins: counter('Requests sent in the place of denied ones, to be answered there.'),
  held: counter('Requests whose answer what came behind them had to wait for, where policies are enforced.'),
  cut: counter('Replies that were longer than a policy allows: an error took their place.'),
});

export const ZOOKEEPER_ERROR_STATS = statGroup('sluice.zookeeper.<stat_prefix>.error.<code>.<opcode>.', {
  responses: counter('Errors by name and operation; those within a multi under `multi`.'),
});
export const ZOOKEEPER_MULTI_STATS = statGroup('sluice.zookeeper.<stat_prefix>.multi.<opcode>.', {
  operations: counter('Operations within multi and multiRead, by opcode.'),
  errors: counter('Those that failed and were to blame for it: not those that were rolled back with them.'),
});
export const ZOOKEEPER_WORD_STATS = statGroup('sluice.zookeeper.<stat_prefix>.word.<word>.', {
  requests: counter('Four-letter words, by word.'),
});
export const ZOOKEEPER_WATCH_STATS = statGroup('sluice.zookeeper.<stat_prefix>.watch.<kind>.', {
  set: counter('Watches that requests set: data, exist, child, persistent, persistent_recursive.'),
});
export const ZOOKEEPER_EVENT_STATS = statGroup('sluice.zookeeper.<stat_prefix>.event.<type>.<state>.', {
  events: counter("Watch events, by type and by the state of the client's session that they tell."),
});
export const ZOOKEEPER_SCHEME_STATS = statGroup('sluice.zookeeper.<stat_prefix>.auth.<scheme>.', {
  accepted: counter('auth requests that the server accepted, by scheme.'),
  refused: counter('auth requests that the server refused, by scheme.'),
});
export const ZOOKEEPER_OPCODE_STATS = statGroup('sluice.zookeeper.<stat_prefix>.unknown_opcode.<number>.', {
  requests: counter('Requests with an opcode that nobody gave a name; after the first 32 numbers under `other`.'),
});
export const ZOOKEEPER_MALFORMED_STATS = statGroup('sluice.zookeeper.<stat_prefix>.malformed.<reason>.', {
  requests: counter('Requests whose record could not be read, by reason. Their packets are passed over.'),
});
/** Sessions that became unreadable, by reason. */
export const ZOOKEEPER_OPAQUE_STATS = statGroup('sluice.zookeeper.<stat_prefix>.opaque.<reason>.', {
  sessions: counter('Sessions whose decoding ended, by reason. Their bytes go on unread.'),
});

export const ZOOKEEPER_STAT_GROUPS = [
  ZOOKEEPER_STATS,
  ZOOKEEPER_OPERATION_STATS,
  ZOOKEEPER_REQUEST_STATS,
  ZOOKEEPER_LATENCY_STATS,
  ZOOKEEPER_CONTROL_LATENCY_STATS,
  ZOOKEEPER_AUTH_STATS,
  ZOOKEEPER_OWN_STATS,
  ZOOKEEPER_ERROR_STATS,
  ZOOKEEPER_MULTI_STATS,
  ZOOKEEPER_WORD_STATS,
  ZOOKEEPER_WATCH_STATS,
  ZOOKEEPER_EVENT_STATS,
  ZOOKEEPER_SCHEME_STATS,
  ZOOKEEPER_OPCODE_STATS,
  ZOOKEEPER_MALFORMED_STATS,
  ZOOKEEPER_OPAQUE_STATS,
];

/** Envoy's. */
export const AUTH_SCHEMES = ['unknown_scheme', 'auth', 'digest', 'host', 'ip', 'world', 'x509'] as const;
export const DIGEST_SCHEME = AUTH_SCHEMES.indexOf('digest');
/** Kinds of watches; 0: none. */
export const WATCHES = ['', 'data', 'exist', 'child', 'persistent', 'persistent_recursive'] as const;
export const Watch = { none: 0, data: 1, exist: 2, child: 3, persistent: 4, recursive: 5 } as const;
const MAX_UNKNOWN_OPCODES = 32;
const SLOTS = OPERATIONS.length + 1;
/** Envoy's group of a request under the number of no request, which it never counts. */
const SET_AUTH = 'setauth';

/** Envoy's stats of one operation. */
export interface OperationCounts extends StatIds<keyof typeof ZOOKEEPER_OPERATION_STATS.stats> {
  /** -1: Envoy does not count it so. */
  readonly rq: number;
  readonly latency: Histogram;
}

/** All stats of one filter chain, resolved once; those by error, word, event when they are first seen. */
export class ZookeeperStats {
  readonly registry: StatsRegistry;
  readonly envoy: StatIds<keyof typeof ZOOKEEPER_STATS.stats>;
  readonly own: StatIds<keyof typeof ZOOKEEPER_OWN_STATS.stats>;
  readonly unknownLatency: Histogram;
  /** Of AUTH_SCHEMES. */
  readonly authRequests: readonly number[];
  /** By slot; null: Envoy does not know the operation. */
  readonly operations: readonly (OperationCounts | null)[];
  readonly #prefix: string;
  readonly #opaque: Readonly<Record<Fault, number>>;
  readonly #schemes: (StatIds<'accepted' | 'refused'> | null)[] = AUTH_SCHEMES.map(() => null);
  readonly #multi: (StatIds<keyof typeof ZOOKEEPER_MULTI_STATS.stats> | null)[] = OPERATIONS.map(() => null);
  readonly #watches: Int32Array = new Int32Array(WATCHES.length).fill(-1);
  readonly #errors = new Map<number, number>();
  readonly #later = new Map<string, number>();
  #unknownOpcodes = 0;

  constructor(registry: StatsRegistry, statPrefix: string) {
    this.registry = registry;
    this.#prefix = statPrefix;
    const parts = { stat_prefix: statPrefix, unit: 'ms' };
    this.envoy = registry.open(ZOOKEEPER_STATS, parts);
    this.own = registry.open(ZOOKEEPER_OWN_STATS, { stat_prefix: statPrefix });
    this.unknownLatency = registry.histogram(this.envoy.unknown_opcode_latency);
    this.authRequests = AUTH_SCHEMES.map((scheme) => registry.open(ZOOKEEPER_AUTH_STATS, { ...parts, scheme }).rq);
    this.operations = OPERATIONS.map(({ envoy }) => (envoy === '' ? null : this.#openOperation(envoy)));
    this.#openOperation(SET_AUTH);
    this.#opaque = Object.fromEntries(
      FAULTS.map((reason) => [
        reason,
        registry.open(ZOOKEEPER_OPAQUE_STATS, { stat_prefix: statPrefix, reason }).sessions,
      ]),
    ) as Record<Fault, number>;
  }

  opaque(reason: Fault): void {
    this.registry.inc(this.#opaque[reason]);
  }

  /** A request that could not be read. `slot`: its operation. */
  malformed(reason: Fault, slot: number, isByOpcode: boolean): void {
    const { registry } = this;
    registry.inc(registry.open(ZOOKEEPER_MALFORMED_STATS, { stat_prefix: this.#prefix, reason }).requests);
    this.decoderError(slot, isByOpcode);
  }

  decoderError(slot: number, isByOpcode: boolean): void {
    const { registry } = this;
    registry.inc(this.envoy.decoder_error);
    const counts = slot === UNKNOWN ? null : this.operations[slot]!;
    if (counts !== null && isByOpcode) registry.inc(counts.decoder_error);
  }

  /** An error of the server, by its number. */
  error(slot: number, code: number): void {
    const key = code * SLOTS + slot;
    this.registry.inc(this.#errors.get(key) ?? this.#openError(code, slot, key));
  }

  word(word: string): void {
    const { registry } = this;
    registry.inc(
      registry.open(ZOOKEEPER_WORD_STATS, { stat_prefix: this.#prefix, word: word.replace(' ', '_') }).requests,
    );
  }

  /** One operation of a multi. */
  multiOperation(slot: number): void {
    this.registry.inc(this.#ofMulti(slot).operations);
  }

  multiError(slot: number): void {
    this.registry.inc(this.#ofMulti(slot).errors);
  }

  #ofMulti(slot: number): StatIds<keyof typeof ZOOKEEPER_MULTI_STATS.stats> {
    const known = this.#multi[slot]!;
    if (known !== null) return known;
    const opcode = OPERATIONS[slot]!.name;
    const ids = this.registry.open(ZOOKEEPER_MULTI_STATS, { stat_prefix: this.#prefix, opcode });
    this.#multi[slot] = ids;
    return ids;
  }

  watch(kind: number): void {
    const { registry } = this;
    let id = this.#watches[kind]!;
    if (id < 0) {
      id = registry.open(ZOOKEEPER_WATCH_STATS, { stat_prefix: this.#prefix, kind: WATCHES[kind]! }).set;
      this.#watches[kind] = id;
    }
    registry.inc(id);
  }

  /** A watch event, by the numbers of its type and its state. */
  event(type: number, state: number): void {
    const { registry } = this;
    registry.inc(this.envoy.watch_event);
    const key = `event ${type} ${state}`;
    let id = this.#later.get(key);
    if (id === undefined) {
      const names = { type: nameOf(EVENT_TYPES, type), state: nameOf(EVENT_STATES, state) };
      id = registry.open(ZOOKEEPER_EVENT_STATS, { stat_prefix: this.#prefix, ...names }).events;
      if (names.type !== 'other' && names.state !== 'other') this.#later.set(key, id);
    }
    registry.inc(id);
  }

  auth(scheme: number, isAccepted: boolean): void {
    const { registry } = this;
    let ids = this.#schemes[scheme]!;
    if (ids === null) {
      ids = registry.open(ZOOKEEPER_SCHEME_STATS, { stat_prefix: this.#prefix, scheme: AUTH_SCHEMES[scheme]! });
      this.#schemes[scheme] = ids;
    }
    registry.inc(isAccepted ? ids.accepted : ids.refused);
  }

  unknownOpcode(opcode: number): void {
    const { registry } = this;
    registry.inc(this.envoy.decoder_error);
    const key = `opcode ${opcode}`;
    let id = this.#later.get(key);
    if (id === undefined) {
      const isTold = this.#unknownOpcodes < MAX_UNKNOWN_OPCODES;
      const number = isTold ? String(opcode) : 'other';
      id = registry.open(ZOOKEEPER_OPCODE_STATS, { stat_prefix: this.#prefix, number }).requests;
      if (isTold) {
        this.#later.set(key, id);
        this.#unknownOpcodes++;
      }
    }
    registry.inc(id);
  }

  #openError(number: number, slot: number, key: number): number {
    const opcode = slot === UNKNOWN ? UNKNOWN_NAME : OPERATIONS[slot]!.name;
    const code = errorName(number);
    const id = this.registry.open(ZOOKEEPER_ERROR_STATS, { stat_prefix: this.#prefix, code, opcode }).responses;
    if (code !== UNKNOWN_ERROR) this.#errors.set(key, id);
    return id;
  }

  #openOperation(opname: string): OperationCounts {
    const { registry } = this;
    const parts = { stat_prefix: this.#prefix, opname, unit: 'ms' };
    const counts = registry.open(ZOOKEEPER_OPERATION_STATS, parts);
    const rq = opname === 'auth' ? -1 : registry.open(ZOOKEEPER_REQUEST_STATS, parts).rq;
    const isControl = opname === 'connect' || opname === 'ping' || opname === 'auth';
    const latency = isControl
      ? registry.open(ZOOKEEPER_CONTROL_LATENCY_STATS, parts).response_latency
      : registry.open(ZOOKEEPER_LATENCY_STATS, parts).resp_latency;
    return { ...counts, rq, latency: registry.histogram(latency) };
  }
}

const nameOf = (names: readonly (readonly [number, string])[], wanted: number): string =>
  names.find(([number]) => number === wanted)?.[1] ?? 'other';
