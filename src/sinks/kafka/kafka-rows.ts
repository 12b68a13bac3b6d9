import { jsonText, jsonValue } from '../../access-log/json-text.ts';
import type { EventBatch, SessionEntry } from '../../events/event-batch.ts';
import { SessionEvent } from '../../events/layout.ts';
import { traceIdsOf } from '../../events/trace-ids.ts';
import { OUTCOME_NAMES, VERDICT_NAMES } from '../../exchange/exchange.ts';

const REPLIES_NAMES = ['one', 'many', 'none', 'endless'] as const;

/** Rows of one connection, as they leave: JSON objects, one a line, in the order in which they happened. */
export interface KafkaMessage {
  /** Equal for all that happened on one connection, and for no other one, ever. A digest's: its id. */
  readonly key: string;
  readonly value: string;
  /** UTF-8 bytes of `value`. */
  readonly bytes: number;
  /** Objects in it, and how many of them are exchanges. */
  readonly lines: number;
  readonly rows: number;
  /** Where in the parcel it begins: the same when the parcel is sent again. */
  readonly part: string;
  /** The digest that it explains, or ''. */
  readonly digest: string;
}

/**
 * A batch as messages of at most about `maxBytes`: first the texts of digests that `isNew` (asked once a digest and batch),
 * then connection by connection. Keys are the columns of ClickHouse's tables `exchanges` and `sessions`, and `event`:
 *
 *   `exchange`: ts (ISO 8601, UTC, microseconds), duration_ns … as in events/layout.ts, error_class and replies as words,
 *     flags as a number, weight, client (address:port), summary, collection, trace_id, span_id, parent_span_id (hex; '' =
 *     begins its own trace), what names a row for ever: origin, session_id, seq; and attributes (an object), where there are any
 *   `session.start`, `session.end`: ts, duration_ns, received_bytes, sent_bytes, exchanges, reason, and the session
 *   `digest`: ts, protocol, digest, operation, summary, collection, text
 */
export function* kafkaMessages(
  batch: EventBatch,
  place: number,
  instance: string,
  maxBytes: number,
  isNew: (digest: string, tsUs: number) => boolean,
): Generator<KafkaMessage> {
  const written = new BatchRows(batch, instance);
  yield* digests(batch, place, isNew);
  for (const [sessionId, rows] of rowsBySession(batch)) {
    const key = `${batch.origin}.${sessionId}`;
    let value = '';
    let bytes = 0;
    let lines = 0;
    let count = 0;
    let part = '';
    for (const row of rows) {
      const line = row < 0 ? written.session(-1 - row) : written.exchange(row);
      const lineBytes = Buffer.byteLength(line) + 1;
      if (bytes > 0 && bytes + lineBytes > maxBytes) {
        yield { key, value, bytes, lines, rows: count, part, digest: '' };
        value = '';
        bytes = lines = count = 0;
      }
      if (bytes === 0) part = `${place}.${row < 0 ? `s${-1 - row}` : row}`;
      value += `${line}\n`;
      bytes += lineBytes;
      lines++;
      if (row >= 0) count++;
    }
    yield { key, value, bytes, lines, rows: count, part, digest: '' };
  }
}

/** Rows of each session, starts first and ends last; −1 − n stands for session event n. */
function rowsBySession(batch: EventBatch): Map<number, number[]> {
  const bySession = new Map<number, number[]>();
  const add = (session: number, row: number): void => {
    const id = batch.session(session).session_id;
    const rows = bySession.get(id);
    if (rows === undefined) bySession.set(id, [row]);
    else rows.push(row);
  };
  const { session: ofEvent, event } = batch.sessionColumns;
  for (let i = 0; i < batch.sessionEvents; i++) if (event[i] === SessionEvent.start) add(ofEvent[i]!, -1 - i);
  const { session } = batch.columns;
  for (let i = 0; i < batch.rows; i++) add(session[i]!, i);
  for (let i = 0; i < batch.sessionEvents; i++) if (event[i] === SessionEvent.end) add(ofEvent[i]!, -1 - i);
  return bySession;
}

function* digests(
  batch: EventBatch,
  place: number,
  isNew: (digest: string, tsUs: number) => boolean,
): Generator<KafkaMessage> {
  const { digest, session, ts_us } = batch.columns;
  const seen = new Uint8Array(batch.digestCount + 1);
  for (let row = 0; row < batch.rows; row++) {
    const at = digest[row]!;
    if (at === 0 || at > batch.digestCount || seen[at] === 1) continue;
    seen[at] = 1;
    const d = batch.digest(at);
    const { protocol } = batch.session(session[row]!);
    if (d.digest === '' || !isNew(`${protocol} ${d.digest}`, ts_us[row]!)) continue;
    const value =
      `{"event":"digest","ts":${instant(ts_us[row]!)},"protocol":${jsonText(protocol)},"digest":${jsonText(d.digest)}` +
      `,"operation":${jsonText(d.operation)},"summary":${jsonText(d.summary)},"collection":${jsonText(d.collection)}` +
      `,"text":${jsonText(d.text)}}\n`;
    const bytes = Buffer.byteLength(value);
    yield {
      key: d.digest,
      value,
      bytes,
      lines: 1,
      rows: 0,
      part: `${place}.d${at}`,
      digest: `${protocol} ${d.digest}`,
    };
  }
}

/** Lines of one batch; what many of them share is built once. */
class BatchRows {
  readonly #batch: EventBatch;
  readonly #instance: string;
  readonly #sessions: string[] = [];
  readonly #digests: string[] = [];
  readonly #strings: string[] = ['""'];
  readonly #attributeParts: string[] = [''];

  constructor(batch: EventBatch, instance: string) {
    this.#batch = batch;
    this.#instance = jsonText(instance);
  }

  exchange(row: number): string {
    const batch = this.#batch;
    const c = batch.columns;
    const { traceId, spanId, parentSpanId } = traceIdsOf(batch, row);
    return (
      `{"event":"exchange","ts":${instant(c.ts_us[row]!)},${this.#session(c.session[row]!)}` +
      `,"seq":${c.seq[row]},"turn":${c.turn[row]},"index":${c.index[row]},"kind":${this.#text(c.kind[row]!)}` +
      `,${this.#digest(c.digest[row]!)},"error_class":"${OUTCOME_NAMES[c.error_class[row]!] ?? 'ok'}"` +
      `,"replies":"${REPLIES_NAMES[c.replies[row]!] ?? 'one'}","status":${this.#text(c.status[row]!)}` +
      `,"severity":${this.#text(c.severity[row]!)},"policy":${this.#text(c.policy[row]!)}` +
      `,"verdict":"${VERDICT_NAMES[c.verdict[row]!] ?? ''}","shadow_policy":${this.#text(c.shadow_policy[row]!)}` +
      `,"shadow_verdict":"${VERDICT_NAMES[c.shadow_verdict[row]!] ?? ''}"` +
      `,"policy_snapshot":${this.#text(c.policy_snapshot[row]!)}` +
      `,"duration_ns":${whole(c.duration_ns[row]!)},"ttfb_ns":${whole(c.ttfb_ns[row]!)}` +
      `,"proxy_ns":${whole(c.proxy_ns[row]!)},"request_offset":${whole(c.request_offset[row]!)}` +
      `,"request_bytes":${whole(c.request_bytes[row]!)}` +
      `,"response_bytes":${whole(c.response_bytes[row]!)},"rows_sent":${whole(c.rows_sent[row]!)}` +
      `,"rows_affected":${whole(c.rows_affected[row]!)},"rows_matched":${whole(c.rows_matched[row]!)}` +
      `,"batch_size":${c.batch_size[row]},"transaction":${c.transaction[row]},"story":${c.story[row]}` +
      `,"flags":${c.flags[row]},"weight":${weight(c.weight[row]!)}` +
      `,"trace_id":"${traceId}","span_id":"${spanId}","parent_span_id":"${parentSpanId}"${this.#attributes(c.attributes[row]!)}}`
    );
  }

  session(row: number): string {
    const batch = this.#batch;
    const c = batch.sessionColumns;
    const s = batch.session(c.session[row]!);
    const event = c.event[row] === SessionEvent.start ? 'start' : 'end';
    return (
      `{"event":"session.${event}","ts":${instant(c.ts_us[row]!)},${this.#session(c.session[row]!)}` +
      `,"local":${jsonText(s.local)},"driver":${jsonText(s.driver)},"server_version":${jsonText(s.server_version)}` +
      `,"session_kind":${jsonText(s.session_kind)},"tls":${s.tls !== ''},"opaque":${jsonText(s.opaque)}` +
      `,"reason":${this.#text(c.reason[row]!)},"duration_ns":${whole(c.duration_ns[row]!)}` +
      `,"received_bytes":${whole(c.received_bytes[row]!)},"sent_bytes":${whole(c.sent_bytes[row]!)}` +
      `,"exchanges":${whole(c.exchanges[row]!)}}`
    );
  }

  #session(place: number): string {
    const known = this.#sessions[place];
    if (known !== undefined) return known;
    const { worker, incarnation, origin } = this.#batch;
    const part = sessionPart(this.#batch.session(place), this.#instance, worker, incarnation, origin);
    this.#sessions[place] = part;
    return part;
  }

  #digest(place: number): string {
    const known = this.#digests[place];
    if (known !== undefined) return known;
    const d = this.#batch.digest(place);
    const part =
      `"operation":${jsonText(d.operation)},"digest":${jsonText(d.digest)},"summary":${jsonText(d.summary)}` +
      `,"collection":${jsonText(d.collection)}`;
    this.#digests[place] = part;
    return part;
  }

  #attributes(code: number): string {
    const known = this.#attributeParts[code];
    if (known !== undefined) return known;
    const attributes = this.#batch.attributes(code);
    const part = attributes.length === 0 ? '' : `,"attributes":${jsonValue(Object.fromEntries(attributes))}`;
    this.#attributeParts[code] = part;
    return part;
  }

  #text(code: number): string {
    const known = this.#strings[code];
    if (known !== undefined) return known;
    const text = jsonText(this.#batch.string(code));
    this.#strings[code] = text;
    return text;
  }
}

function sessionPart(s: SessionEntry, instance: string, worker: number, incarnation: number, origin: number): string {
  return (
    `"instance":${instance},"worker":${worker},"incarnation":${incarnation},"origin":${origin}` +
    `,"session_id":${whole(s.session_id)},"listener":${jsonText(s.listener)},"protocol":${jsonText(s.protocol)}` +
    `,"cluster":${jsonText(s.cluster)},"upstream":${jsonText(s.upstream)},"client":${jsonText(s.client)}` +
    `,"database":${jsonText(s.database)},"user":${jsonText(s.user)},"application":${jsonText(s.application)}`
  );
}

/** Counts, bytes, nanoseconds; JSON has no word for what is not a finite number. */
const whole = (n: number): number => (Number.isFinite(n) && n > 0 ? Math.round(n) : 0);
const weight = (n: number): number => (Number.isFinite(n) && n >= 1 ? n : 1);

const MAX_INSTANT_US = 8.64e18;

function instant(us: number): string {
  const known = us >= 0 && us <= MAX_INSTANT_US ? us : 0;
  const ms = Math.floor(known / 1000);
  return `"${new Date(ms).toISOString().slice(0, -1)}${String(Math.floor(known - ms * 1000)).padStart(3, '0')}Z"`;
}
