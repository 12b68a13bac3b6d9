import { bounded } from '../digest/rows/rows-scopes.ts';
import { seenFactsText } from '../digest/seen-facts.ts';
import type { Digest } from '../exchange/digest.ts';
import { type Exchange, Flag } from '../exchange/exchange.ts';
import type { ConnectionFacts, SessionFacts } from '../exchange/session-facts.ts';
import { MAX_ATTRIBUTES_TEXT } from './exchange-attributes.ts';
import {
  arraysOver,
  columnBytes,
  DIGEST_COLUMNS,
  EXCHANGE_COLUMNS,
  type ExchangeArrays,
  HEADER_BYTES,
  MAGIC,
  padded,
  SESSION_COLUMNS,
  SESSION_EVENT_COLUMNS,
  SessionEvent,
  type SessionEventArrays,
  VERSION,
} from './layout.ts';

/** Characters of a name, a code, a reason; of a text. */
const MAX_NAME = 256;
const MAX_TEXT = 4096;
/** Of dynamic metadata as JSON; longer ones cannot be cut. */
const MAX_METADATA = 8192;
const ROW_BYTES = columnBytes(EXCHANGE_COLUMNS, 8) / 8;
const SESSION_EVENT_BYTES = columnBytes(SESSION_EVENT_COLUMNS, 8) / 8;
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

export interface BatchEncoderOptions {
  /** A batch is full at so many exchanges or session events, or about so many bytes. */
  readonly maxRows?: number;
  readonly maxBytes?: number;
}

/** Where a batch stands in its worker's series. */
export interface BatchPlace {
  readonly worker: number;
  readonly incarnation: number;
  /** A random whole number, one a life of a worker: makes its ids unique for ever. */
  readonly origin: number;
  readonly sequence: number;
  /** Exchanges produced before the first one of this batch. */
  readonly before: number;
}

/**
 * Collects exchanges as columns. Its memory is reused from batch to batch and grows by doubling up to the bounds; a row
 * costs no allocation unless it brings a name, a session or a digest that the batch does not have yet.
 */
export class BatchEncoder {
  readonly maxRows: number;
  readonly maxBytes: number;
  rows = 0;
  sessionEvents = 0;
  #capacity = 256;
  #columns: ExchangeArrays;
  #eventCapacity = 16;
  #events: SessionEventArrays;
  readonly #strings: string[] = [];
  readonly #codes = new Map<string, number>();
  #stringBytes = 0;
  readonly #sessions = new Map<SessionFacts, number>();
  readonly #sessionIds: number[] = [];
  readonly #sessionCodes: number[] = [];
  /** What tells that a session's facts are not those of its entry any more. */
  readonly #sessionScopes: number[] = [];
  readonly #sessionUpstreams: string[] = [];
  readonly #digests = new Map<Digest, number>();
  readonly #digestCodes: number[] = [];
  #digestCount = 0;
  #lastTrace = '';
  #lastTraceCode = 0;
  #lastAttributes = '';
  #lastAttributesCode = 0;

  constructor(options: BatchEncoderOptions = {}) {
    this.maxRows = options.maxRows ?? 8192;
    this.maxBytes = options.maxBytes ?? 2 ** 20;
    this.#columns = arraysOver(EXCHANGE_COLUMNS, new ArrayBuffer(columnBytes(EXCHANGE_COLUMNS, 256)), 0, 256);
    this.#events = arraysOver(SESSION_EVENT_COLUMNS, new ArrayBuffer(columnBytes(SESSION_EVENT_COLUMNS, 16)), 0, 16);
  }

  get full(): boolean {
    return this.rows >= this.maxRows || this.sessionEvents >= this.maxRows || this.bytes >= this.maxBytes;
  }

  get empty(): boolean {
    return this.rows === 0 && this.sessionEvents === 0;
  }

  /** About the bytes that finish() would give. */
  get bytes(): number {
    return (
      this.rows * ROW_BYTES +
      this.sessionEvents * SESSION_EVENT_BYTES +
      this.#sessionIds.length * (8 + SESSION_COLUMNS.length * 4) +
      this.#digestCount * DIGEST_COLUMNS.length * 4 +
      this.#strings.length * 4 +
      this.#stringBytes
    );
  }

  /**
   * Adds an ended exchange; `epoch` is wall minus monotonic time in ms, `weight` for how many it stands. Nothing of `x` is
   * kept.
   */
  append(x: Exchange, epoch: number, weight = 1): void {
    const i = this.rows++;
    if (i === this.#capacity) this.#grow();
    const c = this.#columns;
    const timed = (x.flags & Flag.untimed) === 0;
    const start = x.requestFirstByteAt;
    // Above the in-flight cap there is no start: then it is told when it ended.
    c.ts_us[i] = Math.round(((start > 0 ? start : x.replyLastByteAt) + epoch) * 1000);
    // 0 says that there is no time; what was faster than the clock counts in the live rows, so it is 1 ns here.
    c.duration_ns[i] = timed && start > 0 && x.replyLastByteAt > 0 ? Math.max(1, (x.replyLastByteAt - start) * 1e6) : 0;
    c.ttfb_ns[i] = timed && start > 0 && x.replyFirstByteAt > start ? (x.replyFirstByteAt - start) * 1e6 : 0;
    c.proxy_ns[i] =
      x.requestLastByteAt > 0 && x.forwardedAt > x.requestLastByteAt ? (x.forwardedAt - x.requestLastByteAt) * 1e6 : 0;
    c.request_bytes[i] = x.requestBytes;
    c.response_bytes[i] = x.replyBytes;
    c.rows_sent[i] = x.rowsReturned;
    c.rows_affected[i] = x.rowsAffected;
    c.rows_matched[i] = x.rowsMatched;
    c.request_offset[i] = x.policySnapshot === '' ? 0 : x.requestOffset;
    c.session[i] = this.#session(x.session);
    c.seq[i] = x.seq;
    c.turn[i] = x.turn;
    c.digest[i] = x.digest === null ? 0 : this.#digest(x.digest);
    c.flags[i] = weight === 1 ? x.flags : x.flags | Flag.sampled;
    c.transaction[i] = x.transaction;
    c.story[i] = x.story;
    c.batch_size[i] = x.batchSize;
    c.kind[i] = this.#code(x.kind);
    c.status[i] = x.code === '' ? 0 : this.#code(x.code);
    c.severity[i] = x.severity === '' ? 0 : this.#code(x.severity);
    c.policy[i] = x.policy === '' ? 0 : this.#code(x.policy);
    c.shadow_policy[i] = x.shadowPolicy === '' ? 0 : this.#code(x.shadowPolicy);
    c.policy_snapshot[i] = x.policySnapshot === '' ? 0 : this.#code(x.policySnapshot);
    c.trace[i] = x.traceparent === '' ? 0 : this.#trace(x.traceparent);
    c.attributes[i] = x.attributes === '' ? 0 : this.#attributes(x.attributes);
    c.weight[i] = weight;
    c.index[i] = x.index;
    c.error_class[i] = x.outcome;
    c.replies[i] = x.replies;
    c.verdict[i] = x.verdict;
    c.shadow_verdict[i] = x.shadowVerdict;
  }

  /** Adds the start, the end or a state in between of a session; `wall` in ms since the epoch. Nothing of `connection` is kept. */
  appendSession(
    session: SessionFacts,
    event: number,
    wall: number,
    reason: string,
    connection: ConnectionFacts | null = null,
  ): void {
    const i = this.sessionEvents++;
    if (i === this.#eventCapacity) this.#growEvents();
    const e = this.#events;
    const ended = event === SessionEvent.end;
    const started = event === SessionEvent.start;
    e.ts_us[i] = Math.round(wall * 1000);
    e.duration_ns[i] = !started && wall > session.startedAt ? (wall - session.startedAt) * 1e6 : 0;
    e.received_bytes[i] = connection?.bytesReceived ?? session.received[0];
    e.sent_bytes[i] = connection?.upstreamBytesReceived ?? session.received[1];
    e.exchanges[i] = session.exchanges;
    this.#connection(i, connection);
    // The end says what the session had become (its kind, its version), whatever its exchanges carried; so do states between.
    if (!started) this.#sessions.delete(session);
    e.session[i] = this.#session(session);
    if (ended) this.#sessions.delete(session);
    e.reason[i] = this.#code(reason);
    e.event[i] = event;
  }

  /** The batch as one buffer, aligned to 8 and owned by the caller; the encoder is empty after. */
  finish(place: BatchPlace): Buffer {
    const sessions = this.#sessionIds.length;
    const digests = this.#digestCount;
    const strings = this.#strings.length;
    const columnsAt = HEADER_BYTES;
    const eventsAt = columnsAt + columnBytes(EXCHANGE_COLUMNS, this.rows);
    const sessionsAt = eventsAt + columnBytes(SESSION_EVENT_COLUMNS, this.sessionEvents);
    const digestsAt = sessionsAt + sessions * 8 + SESSION_COLUMNS.length * padded(sessions * 4);
    const offsetsAt = digestsAt + DIGEST_COLUMNS.length * padded(digests * 4);
    const stringsAt = offsetsAt + padded(strings * 4);
    const buf = Buffer.allocUnsafeSlow(stringsAt + padded(this.#stringBytes));
    copyColumns(this.#columns, arraysOver(EXCHANGE_COLUMNS, buf.buffer, columnsAt, this.rows), this.rows);
    const events = arraysOver(SESSION_EVENT_COLUMNS, buf.buffer, eventsAt, this.sessionEvents);
    copyColumns(this.#events, events, this.sessionEvents);
    new Float64Array(buf.buffer, sessionsAt, sessions).set(this.#sessionIds);
    transpose(buf, sessionsAt + sessions * 8, this.#sessionCodes, SESSION_COLUMNS.length, sessions);
    transpose(buf, digestsAt, this.#digestCodes, DIGEST_COLUMNS.length, digests);
    const ends = new Uint32Array(buf.buffer, offsetsAt, strings);
    let at = stringsAt;
    for (let i = 0; i < strings; i++) {
      at += buf.write(this.#strings[i]!, at);
      ends[i] = at - stringsAt;
    }
    buf.fill(0, 0, HEADER_BYTES);
    buf.writeUInt32LE(MAGIC, 0);
    buf.writeUInt16LE(VERSION, 4);
    buf.writeUInt16LE(HEADER_BYTES, 6);
    buf.writeUInt32LE(place.worker, 8);
    buf.writeUInt32LE(this.rows, 12);
    buf.writeDoubleLE(place.incarnation, 16);
    buf.writeDoubleLE(place.sequence, 24);
    buf.writeDoubleLE(place.before, 32);
    buf.writeUInt32LE(this.sessionEvents, 40);
    buf.writeUInt32LE(strings, 44);
    buf.writeUInt32LE(sessions, 48);
    buf.writeUInt32LE(digests, 52);
    buf.writeUInt32LE(this.#stringBytes, 56);
    buf.writeDoubleLE(place.origin, 64);
    buf.fill(0, at);
    this.clear();
    return buf;
  }

  clear(): void {
    this.rows = this.sessionEvents = this.#stringBytes = this.#digestCount = 0;
    this.#strings.length = 0;
    this.#lastTrace = this.#lastAttributes = '';
    this.#codes.clear();
    this.#sessions.clear();
    this.#sessionIds.length = this.#sessionCodes.length = 0;
    this.#sessionScopes.length = this.#sessionUpstreams.length = 0;
    this.#digests.clear();
    this.#digestCodes.length = 0;
  }

  #code(text: string): number {
    if (text === '') return 0;
    return this.#codes.get(text) ?? this.#newCode(text, MAX_NAME);
  }

  #newCode(text: string, max: number): number {
    const kept = bounded(text, max);
    const code = this.#strings.push(kept);
    this.#codes.set(text, code);
    this.#stringBytes += Buffer.byteLength(kept);
    return code;
  }

  /** Nearly each is new, so they are not looked up: only the last one's neighbours, the same request's, share its string. */
  #trace(traceparent: string): number {
    if (traceparent === this.#lastTrace) return this.#lastTraceCode;
    if (!TRACEPARENT.test(traceparent)) return 0;
    this.#lastTrace = traceparent;
    this.#stringBytes += traceparent.length; // ASCII, as the pattern says
    this.#lastTraceCode = this.#strings.push(traceparent);
    return this.#lastTraceCode;
  }

  /** Few texts, mostly the last one again: a comparison of the same string costs nothing. */
  #attributes(text: string): number {
    if (text === this.#lastAttributes) return this.#lastAttributesCode;
    if (text.length > MAX_ATTRIBUTES_TEXT) return 0;
    this.#lastAttributes = text;
    this.#lastAttributesCode = this.#codes.get(text) ?? this.#newCode(text, MAX_ATTRIBUTES_TEXT);
    return this.#lastAttributesCode;
  }

  #session(session: SessionFacts): number {
    const known = this.#sessions.get(session);
    if (
      known !== undefined &&
      this.#sessionScopes[known] === session.scope &&
      this.#sessionUpstreams[known] === session.upstreamAddress
    ) {
      return known;
    }
    const place = this.#sessionIds.push(session.id) - 1;
    this.#sessions.set(session, place);
    this.#sessionScopes.push(session.scope);
    this.#sessionUpstreams.push(session.upstreamAddress);
    this.#sessionCodes.push(
      this.#code(session.protocol),
      this.#code(session.listener),
      this.#code(session.cluster),
      this.#code(session.upstreamAddress),
      this.#code(session.clientAddress),
      this.#code(session.localAddress),
      this.#code(session.database),
      this.#code(session.user),
      this.#code(session.application),
      this.#code(session.driver),
      this.#code(session.serverVersion),
      this.#code(session.kind),
      this.#code(session.tls ? 'true' : ''),
      this.#code(session.opaque),
    );
    return place;
  }

  /** Columns of a session event that are not of its session. */
  #connection(i: number, connection: ConnectionFacts | null): void {
    const e = this.#events;
    const text = (value: string | undefined): number => (value === undefined ? 0 : this.#code(value));
    e.written_bytes[i] = connection?.bytesSent ?? 0;
    e.forwarded_bytes[i] = connection?.upstreamBytesSent ?? 0;
    e.connect_ns[i] = (connection?.upstreamConnectMs ?? 0) * 1e6;
    e.upstream_connection[i] = connection?.upstreamConnectionId ?? 0;
    e.attempts[i] = connection?.connectAttempts ?? 0;
    e.response_flags[i] = text(connection?.responseFlags);
    e.details[i] = text(connection?.terminationDetails);
    e.upstream_host[i] = text(connection?.upstreamHost);
    e.upstream_local[i] = text(connection?.upstreamLocalAddress);
    const metadata = connection?.metadataJson ?? '';
    e.metadata[i] = metadata === '' ? 0 : (this.#codes.get(metadata) ?? this.#newCode(metadata, MAX_METADATA));
  }

  /** Place + 1; 0 stands for an exchange without a digest. */
  #digest(digest: Digest): number {
    return this.#digests.get(digest) ?? this.#newDigest(digest);
  }

  #newDigest(digest: Digest): number {
    const place = ++this.#digestCount;
    this.#digests.set(digest, place);
    const facts = seenFactsText(digest);
    const targets = digest.targets.map((t) => (t.schema === '' ? t.name : `${t.schema}.${t.name}`));
    this.#digestCodes.push(
      this.#code(digest.id),
      this.#code(digest.operation),
      this.#code(digest.summary),
      this.#code(targets.join(', ')),
      digest.text === '' ? 0 : (this.#codes.get(digest.text) ?? this.#newCode(digest.text, MAX_TEXT)),
      facts === '' ? 0 : (this.#codes.get(facts) ?? this.#newCode(facts, MAX_TEXT)),
    );
    return place;
  }

  #grow(): void {
    this.#capacity *= 2;
    const memory = new ArrayBuffer(columnBytes(EXCHANGE_COLUMNS, this.#capacity));
    const grown = arraysOver(EXCHANGE_COLUMNS, memory, 0, this.#capacity);
    copyColumns(this.#columns, grown, this.#capacity / 2);
    this.#columns = grown;
  }

  #growEvents(): void {
    this.#eventCapacity *= 2;
    const memory = new ArrayBuffer(columnBytes(SESSION_EVENT_COLUMNS, this.#eventCapacity));
    const grown = arraysOver(SESSION_EVENT_COLUMNS, memory, 0, this.#eventCapacity);
    copyColumns(this.#events, grown, this.#eventCapacity / 2);
    this.#events = grown;
  }
}

interface Settable {
  readonly length: number;
  subarray(from: number, to: number): ArrayLike<number>;
  set(from: ArrayLike<number>): void;
}

function copyColumns<A extends { readonly [name: string]: Settable }>(from: A, to: A, rows: number): void {
  for (const name in from) to[name]!.set(from[name]!.subarray(0, rows));
}

/** Codes that were pushed row by row, as one padded u32 array a column. */
function transpose(buf: Buffer, at: number, codes: readonly number[], columns: number, rows: number): void {
  for (let column = 0; column < columns; column++) {
    const array = new Uint32Array(buf.buffer, at, rows);
    for (let row = 0; row < rows; row++) array[row] = codes[row * columns + column]!;
    at += padded(rows * 4);
  }
}
