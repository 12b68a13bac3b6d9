import type { EventBatch } from '../../events/event-batch.ts';
import { Flag, OUTCOME_NAMES, Outcome, Replies, VERDICT_NAMES } from '../../exchange/exchange.ts';
import { bucketIndex } from '../../stats/histogram.ts';
import { clientIp } from './client-ip.ts';
import { binaryCell, cells, mapCell, type TsvWriter } from './tsv-writer.ts';

/** Columns of `exchanges` in the order they are written: what a session shares first, as one piece of bytes. */
export const EXCHANGE_TABLE_COLUMNS = [
  ...['instance', 'worker', 'incarnation', 'origin', 'session_id', 'listener', 'protocol', 'cluster', 'upstream'],
  ...['database', 'user', 'application', 'client_ip'],
  ...['operation', 'digest'],
  ...['kind', 'status', 'severity', 'policy', 'verdict', 'shadow_policy', 'shadow_verdict', 'policy_snapshot'],
  ...['error_class', 'replies'],
  ...['ts', 'duration_ns', 'ttfb_ns', 'proxy_ns', 'duration_bucket'],
  ...['request_offset', 'request_bytes', 'response_bytes', 'rows_sent', 'rows_affected', 'rows_matched', 'batch_size'],
  ...['seq', 'turn', 'index', 'transaction', 'story', 'flags'],
  ...['weight', 'trace_id', 'parent_span_id', 'attributes'],
] as const;

/** Numbers of a row, at their widest. */
const NUMBER_BYTES = 21 * 20 + 64;
const NO_TIME = Buffer.from('-32768\t');
const WEIGHT_ONE = Buffer.from('1\t');
const NO_TRACE = Buffer.from('\t\t');
const NO_ATTRIBUTES = mapCell([]);
const OUTCOMES = OUTCOME_NAMES.map((name) => Buffer.from(`${name}\t`));
const VERDICTS = VERDICT_NAMES.map((name) => Buffer.from(`${name}\t`));
const REPLIES = Object.keys(Replies).map((name) => Buffer.from(`${name}\t`));
const BUCKETS = new Map<number, Buffer>();

/** Writes all exchanges of a batch. `seen` is told each digest at its first row. */
export function writeExchanges(
  w: TsvWriter,
  batch: EventBatch,
  instance: string,
  seen: (digestPlace: number, protocol: string, us: number) => void,
): void {
  const c = batch.columns;
  const sessions: (Buffer | undefined)[] = [];
  const digests: (Buffer | undefined)[] = [];
  const codes: (Buffer | undefined)[] = [];
  const code = (n: number): Buffer => {
    codes[n] ??= cells([batch.string(n)]);
    return codes[n];
  };
  const maps: (Buffer | undefined)[] = [NO_ATTRIBUTES];
  for (let i = 0; i < batch.rows; i++) {
    const place = c.session[i]!;
    sessions[place] ??= sessionCells(batch, place, instance);
    const session = sessions[place];
    let digest = digests[c.digest[i]!];
    if (digest === undefined) {
      const entry = batch.digest(c.digest[i]!);
      digest = cells([entry.operation, entry.digest]);
      digests[c.digest[i]!] = digest;
      seen(c.digest[i]!, batch.session(place).protocol, c.ts_us[i]!);
    }
    const kind = code(c.kind[i]!);
    const status = code(c.status[i]!);
    const severity = code(c.severity[i]!);
    const policy = code(c.policy[i]!);
    const shadowPolicy = code(c.shadow_policy[i]!);
    const snapshot = code(c.policy_snapshot[i]!);
    maps[c.attributes[i]!] ??= mapCell(batch.attributes(c.attributes[i]!));
    const attributes = maps[c.attributes[i]!]!;
    const ending = kind.length + status.length + severity.length + attributes.length;
    const judged = policy.length + shadowPolicy.length + snapshot.length;
    w.reserve(session.length + digest.length + ending + judged + NUMBER_BYTES + 200);
    w.raw(session);
    w.raw(digest);
    w.raw(kind);
    w.raw(status);
    w.raw(severity);
    w.raw(policy);
    w.raw(VERDICTS[c.verdict[i]!] ?? VERDICTS[0]!);
    w.raw(shadowPolicy);
    w.raw(VERDICTS[c.shadow_verdict[i]!] ?? VERDICTS[0]!);
    w.raw(snapshot);
    const outcome = c.error_class[i]!;
    const replies = c.replies[i]!;
    const duration = Math.round(c.duration_ns[i]!);
    w.raw(OUTCOMES[outcome] ?? OUTCOMES[Outcome.error]!);
    w.raw(REPLIES[replies] ?? REPLIES[0]!);
    w.time(c.ts_us[i]!);
    w.number(duration);
    w.number(Math.round(c.ttfb_ns[i]!));
    w.number(Math.round(c.proxy_ns[i]!));
    // As the live rows see it: what never ends, was skipped or has no whole reply has no time.
    const timed =
      duration > 0 && replies !== Replies.endless && outcome !== Outcome.skipped && (c.flags[i]! & Flag.untimed) === 0;
    w.raw(timed ? bucketCell(bucketIndex(c.duration_ns[i]! / 1e9)) : NO_TIME);
    w.number(c.request_offset[i]!);
    w.number(c.request_bytes[i]!);
    w.number(c.response_bytes[i]!);
    w.number(c.rows_sent[i]!);
    w.number(c.rows_affected[i]!);
    w.number(c.rows_matched[i]!);
    w.number(c.batch_size[i]!);
    w.number(c.seq[i]!);
    w.number(c.turn[i]!);
    w.number(c.index[i]!);
    w.number(c.transaction[i]!);
    w.number(c.story[i]!);
    w.number(c.flags[i]!);
    w.raw(weightCell(c.weight[i]!));
    w.raw(c.trace[i] === 0 ? NO_TRACE : traceCells(batch.string(c.trace[i]!)));
    w.raw(attributes);
    w.endRow();
  }
}

/** Ids of a well-formed traceparent, and nothing of any other text. */
function traceCells(traceparent: string): Buffer {
  if (!/^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(traceparent)) return NO_TRACE;
  return Buffer.concat([binaryCell(traceparent.slice(3, 35)), binaryCell(traceparent.slice(36, 52))]);
}

function bucketCell(index: number): Buffer {
  const known = BUCKETS.get(index);
  if (known !== undefined) return known;
  const made = Buffer.from(`${index}\t`);
  BUCKETS.set(index, made);
  return made;
}

/** A weight that is none counts the row once. */
const weightCell = (weight: number): Buffer =>
  weight === 1 || !(weight > 0 && weight < Infinity) ? WEIGHT_ONE : Buffer.from(`${weight}\t`);

function sessionCells(batch: EventBatch, place: number, instance: string): Buffer {
  const s = batch.session(place);
  return cells([
    instance,
    String(batch.worker),
    String(Math.max(0, batch.incarnation)),
    String(Math.max(0, batch.origin)),
    wholeText(s.session_id),
    s.listener,
    s.protocol,
    s.cluster,
    s.upstream,
    s.database,
    s.user,
    s.application,
    clientIp(s.client),
  ]);
}

/** For a UInt64 column, whatever the bytes said. */
export const wholeText = (n: number): string => (Number.isSafeInteger(n) && n >= 0 ? String(n) : '0');
