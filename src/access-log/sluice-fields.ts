import { CONNECTION_FIELDS, EXCHANGE_FIELDS } from '../config/format-operators.ts';
import type { ExchangeAttributes } from '../events/exchange-attributes.ts';
import { OUTCOME_NAMES, VERDICT_NAMES } from '../exchange/exchange.ts';
import { callerTrace } from './caller-trace.ts';
import { flagNames } from './flag-names.ts';
import type { LogRecord } from './log-record.ts';

type FieldValue = string | number | boolean | readonly string[] | Readonly<Record<string, string | number>> | undefined;
type ReadField = (record: LogRecord) => FieldValue;

const number = (n: number): number => (Number.isFinite(n) ? Math.round(n) : 0);

const SESSION: Readonly<Record<string, ReadField>> = {
  event: ({ kind }) => kind,
  worker: ({ batch }) => batch.worker,
  session_id: ({ session }) => session.session_id,
  listener: ({ session }) => session.listener,
  protocol: ({ session }) => session.protocol,
  cluster: ({ session }) => session.cluster,
  upstream: ({ session }) => session.upstream,
  client: ({ session }) => session.client,
  database: ({ session }) => session.database,
  user: ({ session }) => session.user,
  application: ({ session }) => session.application,
  driver: ({ session }) => session.driver,
};

const DIGEST = ['operation', 'digest', 'summary', 'collection', 'text', 'facts'] as const;
const EXCHANGE_TEXTS = ['kind', 'status', 'severity', 'policy', 'shadow_policy', 'policy_snapshot'] as const;
const EXCHANGE_SPECIAL: Readonly<Record<string, ReadField>> = {
  outcome: ({ batch, row }) => OUTCOME_NAMES[batch.columns.error_class[row]!] ?? 'unknown',
  verdict: ({ batch, row }) => VERDICT_NAMES[batch.columns.verdict[row]!] ?? '',
  shadow_verdict: ({ batch, row }) => VERDICT_NAMES[batch.columns.shadow_verdict[row]!] ?? '',
  flags: ({ batch, row }) => flagNames(batch.columns.flags[row]!),
  trace_id: ({ batch, row }) => callerTrace(batch.string(batch.columns.trace[row]!)).traceId,
  span_id: ({ batch, row }) => callerTrace(batch.string(batch.columns.trace[row]!)).spanId,
  weight: ({ batch, row }) => batch.columns.weight[row]!,
  attributes: ({ batch, row }) => attributesObject(batch.attributes(batch.columns.attributes[row]!)),
};

/** Missing where there are none, as in our own lines. */
const attributesObject = (attributes: ExchangeAttributes): Readonly<Record<string, string | number>> | undefined =>
  attributes.length === 0 ? undefined : Object.fromEntries(attributes);

const CONNECTION_TEXTS = ['server_version', 'session_kind', 'opaque'] as const;
const CONNECTION_SPECIAL: Readonly<Record<string, ReadField>> = {
  tls: ({ session }) => session.tls !== '',
  reason: (record) => record.connectionText('reason'),
};

const has = (fields: string, name: string): boolean => fields.split(' ').includes(name);
const isOneOf = <T extends string>(names: readonly T[], name: string): name is T =>
  (names as readonly string[]).includes(name);

/** `%SLUICE(name)%`: a field of our JSON lines. One that the record's kind does not have is missing. */
export function sluiceField(name: string): ReadField {
  const ofSession = SESSION[name];
  if (ofSession !== undefined) return ofSession;
  const exchange = has(EXCHANGE_FIELDS, name) ? exchangeField(name) : null;
  const connection = has(CONNECTION_FIELDS, name) ? connectionField(name) : null;
  return (record) => (record.kind === 'exchange' ? exchange : connection)?.(record);
}

function exchangeField(name: string): ReadField {
  const special = EXCHANGE_SPECIAL[name];
  if (special !== undefined) return special;
  if (isOneOf(DIGEST, name)) return ({ batch, row }) => batch.digest(batch.columns.digest[row]!)[name];
  if (isOneOf(EXCHANGE_TEXTS, name)) return ({ batch, row }) => batch.string(batch.columns[name][row]!);
  const column = name as 'duration_ns';
  return ({ batch, row }) => number(batch.columns[column][row]!);
}

function connectionField(name: string): ReadField {
  const special = CONNECTION_SPECIAL[name];
  if (special !== undefined) return special;
  if (isOneOf(CONNECTION_TEXTS, name)) return ({ session }) => session[name];
  const column = name as 'duration_ns';
  return ({ batch, row }) => number(batch.sessionColumns[column][row]!);
}
