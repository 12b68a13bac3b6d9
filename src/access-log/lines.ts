import { readSeenFacts } from '../digest/seen-facts.ts';
import type { EventBatch } from '../events/event-batch.ts';
import { OUTCOME_NAMES, VERDICT_NAMES } from '../exchange/exchange.ts';
import { callerTrace } from './caller-trace.ts';
import { flagNames } from './flag-names.ts';
import { jsonText, jsonValue } from './json-text.ts';

/**
 * The lines of one batch, each a JSON object. Names are those of the event columns (events/layout.ts). An exchange:
 *
 *   event "exchange", ts (ISO 8601, microseconds), worker, session_id, listener, protocol, cluster, upstream, client,
 *   database, user, application, turn, seq, index, kind, operation, digest, summary, collection, text,
 *   facts (what policies judge of it, as far as its digest tells: digest/seen-facts.ts), outcome, status,
 *   severity, policy, verdict, shadow_policy, shadow_verdict, policy_snapshot (which policies judged; '' = none), duration_ns, ttfb_ns,
 *   proxy_ns, request_offset (of what was judged, in the client's bytes), request_bytes, response_bytes, rows_sent, rows_affected, rows_matched,
 *   batch_size (operations asked for in one; 0 = just the one), transaction, story, flags (a list of words), trace_id,
 *   span_id (the caller's); where sampling chose the line among several, weight; where the protocol knows more (Kafka),
 *   attributes, an object
 *
 * A connection, when it has ended: event "connection", ts, worker, session_id … driver as above, server_version,
 * session_kind, tls, opaque, reason, duration_ns, received_bytes, sent_bytes, exchanges.
 *
 * `text` is the digest's: literals never stand in a line. Parts that many lines share are built once a batch.
 */
export class BatchLines {
  readonly batch: EventBatch;
  readonly #sessions: string[] = [];
  readonly #digests: string[] = [];
  readonly #strings: string[] = [];
  readonly #attributeParts: string[] = [''];
  readonly #flags = new Map<number, string>();

  constructor(batch: EventBatch) {
    this.batch = batch;
  }

  exchange(row: number): string {
    const batch = this.batch;
    const c = batch.columns;
    return (
      `{"event":"exchange","ts":${instant(c.ts_us[row]!)},${this.#session(c.session[row]!)}` +
      `,"turn":${c.turn[row]},"seq":${c.seq[row]},"index":${c.index[row]},"kind":${this.#text(c.kind[row]!)}` +
      `,${this.#digest(c.digest[row]!)},"outcome":"${OUTCOME_NAMES[c.error_class[row]!] ?? 'unknown'}"` +
      `,"status":${this.#text(c.status[row]!)},"severity":${this.#text(c.severity[row]!)}` +
      `,"policy":${this.#text(c.policy[row]!)},"verdict":"${VERDICT_NAMES[c.verdict[row]!] ?? ''}"` +
      `,"shadow_policy":${this.#text(c.shadow_policy[row]!)}` +
      `,"shadow_verdict":"${VERDICT_NAMES[c.shadow_verdict[row]!] ?? ''}"` +
      `,"policy_snapshot":${this.#text(c.policy_snapshot[row]!)},"duration_ns":${number(c.duration_ns[row]!)}` +
      `,"ttfb_ns":${number(c.ttfb_ns[row]!)},"proxy_ns":${number(c.proxy_ns[row]!)}` +
      `,"request_offset":${number(c.request_offset[row]!)},"request_bytes":${number(c.request_bytes[row]!)}` +
      `,"response_bytes":${number(c.response_bytes[row]!)}` +
      `,"rows_sent":${number(c.rows_sent[row]!)},"rows_affected":${number(c.rows_affected[row]!)}` +
      `,"rows_matched":${number(c.rows_matched[row]!)},"batch_size":${c.batch_size[row]}` +
      `,"transaction":${c.transaction[row]},"story":${c.story[row]},"flags":${this.#flagNames(c.flags[row]!)}` +
      `,${traceIds(batch.string(c.trace[row]!))}${weightOf(c.weight[row]!)}${this.#attributes(c.attributes[row]!)}}`
    );
  }

  connection(row: number): string {
    const batch = this.batch;
    const c = batch.sessionColumns;
    const s = batch.session(c.session[row]!);
    return (
      `{"event":"connection","ts":${instant(c.ts_us[row]!)},${this.#session(c.session[row]!)}` +
      `,"server_version":${jsonText(s.server_version)}` +
      `,"session_kind":${jsonText(s.session_kind)},"tls":${s.tls !== ''},"opaque":${jsonText(s.opaque)}` +
      `,"reason":${this.#text(c.reason[row]!)},"duration_ns":${number(c.duration_ns[row]!)}` +
      `,"received_bytes":${number(c.received_bytes[row]!)},"sent_bytes":${number(c.sent_bytes[row]!)}` +
      `,"exchanges":${number(c.exchanges[row]!)}}`
    );
  }

  #session(place: number): string {
    const known = this.#sessions[place];
    if (known !== undefined) return known;
    const s = this.batch.session(place);
    const part =
      `"worker":${this.batch.worker},"session_id":${number(s.session_id)},"listener":${jsonText(s.listener)}` +
      `,"protocol":${jsonText(s.protocol)},"cluster":${jsonText(s.cluster)},"upstream":${jsonText(s.upstream)}` +
      `,"client":${jsonText(s.client)},"database":${jsonText(s.database)},"user":${jsonText(s.user)}` +
      `,"application":${jsonText(s.application)},"driver":${jsonText(s.driver)}`;
    this.#sessions[place] = part;
    return part;
  }

  #digest(place: number): string {
    const known = this.#digests[place];
    if (known !== undefined) return known;
    const d = this.batch.digest(place);
    const part =
      `"operation":${jsonText(d.operation)},"digest":${jsonText(d.digest)},"summary":${jsonText(d.summary)}` +
      `,"collection":${jsonText(d.collection)},"text":${jsonText(d.text)}${factsPart(d.facts)}`;
    this.#digests[place] = part;
    return part;
  }

  #text(code: number): string {
    if (code === 0) return '""';
    const known = this.#strings[code];
    if (known !== undefined) return known;
    const text = jsonText(this.batch.string(code));
    this.#strings[code] = text;
    return text;
  }

  #attributes(code: number): string {
    const known = this.#attributeParts[code];
    if (known !== undefined) return known;
    const attributes = this.batch.attributes(code);
    const part = attributes.length === 0 ? '' : `,"attributes":${jsonValue(Object.fromEntries(attributes))}`;
    this.#attributeParts[code] = part;
    return part;
  }

  #flagNames(flags: number): string {
    if (flags === 0) return '[]';
    const known = this.#flags.get(flags);
    if (known !== undefined) return known;
    const text = JSON.stringify(flagNames(flags));
    this.#flags.set(flags, text);
    return text;
  }
}

/** Counts, bytes and whole nanoseconds; JSON has no word for what is not a finite number. */
const number = (n: number): number => (Number.isFinite(n) ? Math.round(n) : 0);

const MAX_INSTANT_US = 8.64e18;

function instant(us: number): string {
  if (!(us >= 0 && us <= MAX_INSTANT_US)) return '""';
  const ms = Math.floor(us / 1000);
  const micros = String(Math.floor(us - ms * 1000)).padStart(3, '0');
  return `"${new Date(ms).toISOString().slice(0, -1)}${micros}Z"`;
}

/** Missing where there are none. */
function factsPart(text: string): string {
  const facts = readSeenFacts(text);
  return facts === null ? '' : `,"facts":${jsonValue(facts)}`;
}

function traceIds(traceparent: string): string {
  const { traceId, spanId } = callerTrace(traceparent);
  return `"trace_id":"${traceId}","span_id":"${spanId}"`;
}

/** How many exchanges a line stands for, where sampling chose it. */
const weightOf = (weight: number): string => (weight === 1 || !Number.isFinite(weight) ? '' : `,"weight":${weight}`);
