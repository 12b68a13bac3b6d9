import type { DigestEntry, SessionEntry } from '../../events/event-batch.ts';
import type { Attributes } from './any-value.ts';

/** Span.kind as it stands on the wire. */
export const SpanKind = { client: 3, producer: 4 } as const;
export type SpanKind = (typeof SpanKind)[keyof typeof SpanKind];

/** How many operations or messages a row is about: where that stands, and what it is called. */
export interface Counted {
  readonly key: string;
  readonly column: 'batch_size' | 'rows_sent';
  /** Said from this number on. */
  readonly from: number;
}

/**
 * One area of OpenTelemetry's semantic conventions, for the records of the protocols that follow it. What all areas share
 * (server, client, `sluice.…`) is none of its business. Attributes that say nothing ('' or 0) are left out by who writes them.
 */
export interface Conventions {
  /** What a session says in this area's own names. */
  session(session: SessionEntry): Attributes;
  /** What a digest says; the session is one that used it. */
  digest(entry: DigestEntry, session: SessionEntry): Attributes;
  /** Key of a reply's native code; null: `error.type` says it. */
  readonly statusKey: string | null;
  counted(entry: DigestEntry): Counted;
  /** Of a span, from what it did alone; '' = it is named by its session as well. */
  spanName(entry: DigestEntry): string;
  /** For those; never ''. */
  spanNameAt(entry: DigestEntry, session: SessionEntry): string;
  spanKind(entry: DigestEntry): SpanKind;
}
