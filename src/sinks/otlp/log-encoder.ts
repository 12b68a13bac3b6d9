import { ProtobufWriter } from '../../bytes/protobuf-writer.ts';
import type { EventBatch, SessionEntry } from '../../events/event-batch.ts';
import { SessionEvent } from '../../events/layout.ts';
import { TraceIdBytes } from '../../events/trace-ids.ts';
import { Flag, Outcome, Replies, VerdictCode } from '../../exchange/exchange.ts';
import { type Attributes, writeAttributes } from './any-value.ts';
import { hostPort } from './database-names.ts';
import { NumberAttribute } from './number-attribute.ts';
import { RecordAttributes } from './record-attributes.ts';
import { type RecordEncoder, writeId, writeTime } from './record-encoder.ts';
import { RecordNumbers } from './record-numbers.ts';
import { ExportRequest } from './request.ts';

/** LogRecord.attributes. */
const ATTRIBUTES = 6;
/** Severities as OpenTelemetry numbers them. */
const SEVERITIES = { INFO: 9, INFO2: 10, WARN: 13, ERROR: 17 } as const;
const EVENTS = ['sluice.query', 'sluice.policy.denied', 'sluice.auth.failure', 'sluice.policy.would_deny'] as const;
/** Codes of one protocol each that no other failure has. */
const LOGIN_FAILURES = new Set(['WRONGPASS', 'AUTHFAILED', 'SASL_AUTHENTICATION_FAILED']);
const START = 'sluice.session.start';
const END = 'sluice.session.end';

/** severity_number = 2, severity_text = 3, event_name = 12: one of few combinations, encoded once. */
function head(severity: keyof typeof SEVERITIES, eventName: string): Uint8Array {
  const w = new ProtobufWriter();
  w.int(2, SEVERITIES[severity]);
  w.string(3, severity);
  w.string(12, eventName);
  return Uint8Array.from(w.written);
}
const QUERY = { INFO: head('INFO', EVENTS[0]), WARN: head('WARN', EVENTS[0]), ERROR: head('ERROR', EVENTS[0]) };
const DENIED = head('WARN', EVENTS[1]);
const WOULD_DENY = head('INFO2', EVENTS[3]);
const AUTH_FAILURE = head('WARN', EVENTS[2]);
const SESSION_START = head('INFO', START);
const SESSION_END = head('INFO', END);

const TOTAL = new NumberAttribute(ATTRIBUTES, 'sluice.duration.total', 'double');

/**
 * LogRecord { time_unix_nano = 1, severity_number = 2, severity_text = 3, attributes = 6, flags = 8, trace_id = 9,
 * span_id = 10, observed_time_unix_nano = 11, event_name = 12 }, no body. Time is the request's first byte, observed time
 * the reply's last.
 */
export class LogEncoder implements RecordEncoder {
  readonly #slowNs: number;
  readonly #attributes = new RecordAttributes(ATTRIBUTES);
  readonly #numbers = new RecordNumbers(ATTRIBUTES);
  readonly #ids = new TraceIdBytes();
  #batch!: EventBatch;

  /** `slowMs`: exchanges that took so long are warnings. */
  constructor(slowMs: number) {
    this.#slowNs = slowMs * 1e6;
  }

  begin(batch: EventBatch): void {
    this.#batch = batch;
    this.#attributes.begin(batch);
    this.#numbers.begin(batch);
  }

  exchange(w: ProtobufWriter, row: number): boolean {
    const c = this.#batch.columns;
    const ids = this.#ids;
    ids.read(this.#batch, row);
    const begun = w.begin(ExportRequest.ITEM, 2);
    const duration = c.duration_ns[row]!;
    writeTime(w, 0x09, c.ts_us[row]!, 0);
    writeTime(w, 0x59, c.ts_us[row]!, duration);
    w.raw(this.#head(row, duration));
    writeId(w, 0x4a, ids.bytes, 0, 16);
    writeId(w, 0x52, ids.bytes, 16, 24);
    if (ids.flags !== 0) w.fixed32(8, ids.flags);
    const session = c.session[row]!;
    w.raw(this.#attributes.session(session));
    const digest = c.digest[row]!;
    if (digest > 0) w.raw(this.#attributes.digest(digest, session));
    w.raw(this.#attributes.ending(row));
    w.raw(this.#attributes.own(row));
    this.#numbers.write(w, row);
    if (duration > 0) TOTAL.write(w, duration / 1e9);
    w.end(begun, 2);
    return true;
  }

  sessionEvent(w: ProtobufWriter, at: number): boolean {
    const e = this.#batch.sessionColumns;
    const isEnd = e.event[at] === SessionEvent.end;
    if (!isEnd && e.event[at] !== SessionEvent.start) return false;
    const session = this.#batch.session(e.session[at]!);
    const begun = w.begin(ExportRequest.ITEM, 2);
    writeTime(w, 0x09, e.ts_us[at]!, 0);
    writeTime(w, 0x59, e.ts_us[at]!, 0);
    w.raw(isEnd ? SESSION_END : SESSION_START);
    w.raw(this.#attributes.session(e.session[at]!));
    writeAttributes(w, ATTRIBUTES, connectionAttributes(session));
    if (isEnd) {
      const ended: Attributes = [
        ['sluice.session.end_reason', this.#batch.string(e.reason[at]!)],
        ['sluice.session.exchanges', e.exchanges[at]!],
        ['sluice.request.size', e.received_bytes[at]!],
        ['sluice.response.size', e.sent_bytes[at]!],
      ];
      writeAttributes(w, ATTRIBUTES, ended);
      TOTAL.write(w, e.duration_ns[at]! / 1e9);
    }
    w.end(begun, 2);
    return true;
  }

  #head(row: number, durationNs: number): Uint8Array {
    const c = this.#batch.columns;
    const outcome = c.error_class[row];
    if (outcome === Outcome.denied) return DENIED;
    if (outcome === Outcome.error && this.#isLoginFailure(row)) return AUTH_FAILURE;
    if (outcome === Outcome.error || outcome === Outcome.cancelled || outcome === Outcome.lost) return QUERY.ERROR;
    if (c.shadow_verdict[row] === VerdictCode.denied) return WOULD_DENY;
    if (durationNs < this.#slowNs) return QUERY.INFO;
    const isLatency = (c.flags[row]! & Flag.waits) === 0 && c.replies[row] !== Replies.endless;
    return isLatency ? QUERY.WARN : QUERY.INFO;
  }

  /** A login that is an exchange of its own: Redis' AUTH and HELLO, MySQL's COM_CHANGE_USER, MongoDB's and Kafka's SASL, ZooKeeper's auth. */
  #isLoginFailure(row: number): boolean {
    const c = this.#batch.columns;
    const status = this.#batch.string(c.status[row]!);
    if (LOGIN_FAILURES.has(status)) return true;
    if (status === '18') return this.#batch.string(c.severity[row]!) === 'AuthenticationFailed';
    return status === '1045' && this.#batch.string(c.kind[row]!) === 'change_user';
  }
}

/** What only a session's own events say. */
export function connectionAttributes(session: SessionEntry): Attributes {
  const local = hostPort(session.local);
  const isUnix = session.client === '' ? local.host.startsWith('/') : hostPort(session.client).host.startsWith('/');
  const family = hostPort(session.client).host.includes(':') ? 'ipv6' : 'ipv4';
  const all: Attributes = [
    ['network.transport', isUnix ? 'unix' : 'tcp'],
    ['network.type', isUnix ? '' : family],
    ['network.local.address', local.host],
    ['network.local.port', local.port],
    ['sluice.driver', session.driver],
    ['sluice.server.version', session.server_version],
    ['sluice.session.kind', session.session_kind],
    ['sluice.tls', session.tls === 'true'],
    ['sluice.opaque', session.opaque],
  ];
  return all.filter(([, value]) => value !== '' && value !== 0 && value !== false);
}
