import { readdirSync, readFileSync } from 'node:fs';
import type { ProtocolFilter } from '../../src/exchange/protocol-filter.ts';
import { seeded } from '../../src/net/simulated.ts';
import type { Gated } from '../support/gated.ts';
import { readTranscript } from '../support/transcript.ts';

export interface RecordedLine {
  readonly who: '>' | '<';
  readonly bytes: Buffer;
}
export interface RecordedSession {
  readonly name: string;
  readonly lines: readonly RecordedLine[];
  readonly bytes: number;
  /** The client asks for encryption: an enforcing chain answers that itself, so the bytes are not the recorded ones. */
  readonly encryption: boolean;
}

export const folderOf = (protocol: ProtocolFilter): URL =>
  new URL(`../../protocol-filters/${protocol.name}/`, import.meta.url);

/** All sessions in the protocol's fixtures. */
export function recordedSessions(protocol: ProtocolFilter): RecordedSession[] {
  const fixtures = new URL('fixtures/', folderOf(protocol));
  return readdirSync(fixtures)
    .filter((file) => file.endsWith('.transcript'))
    .map((file) => {
      const lines = readTranscript(readFileSync(new URL(file, fixtures), 'utf8'));
      return {
        name: file.slice(0, -'.transcript'.length),
        lines,
        bytes: lines.reduce((sum, { bytes }) => sum + bytes.length, 0),
        encryption: /(^|-)(ssl|tls|gss)/.test(file),
      };
    });
}

/** The sessions that an enforcing chain lets through whole, each in turns that it can follow. */
export const gatedSessions = (sessions: readonly RecordedSession[], gated: Gated): RecordedSession[] =>
  sessions.flatMap((session) => {
    const lines = session.encryption ? null : gated(session.name, session.lines);
    return lines === null ? [] : [{ ...session, lines }];
  });

export const saidBy = ({ lines }: RecordedSession, who: '>' | '<'): Buffer =>
  Buffer.concat(lines.filter((line) => line.who === who).map(({ bytes }) => bytes));

/** SLUICE_EVERY_CUT=1 for all offsets of sessions up to 32 KiB: some minutes a protocol. */
const EVERY_OFFSET_BELOW = process.env['SLUICE_EVERY_CUT'] === '1' ? 32 * 1024 : 4 * 1024;
const NEAR_BOUNDARY = 24;
const SEEDED = 1000;

export interface Cut {
  readonly line: number;
  readonly at: number;
}

/** Lines between two that are cut in one round. */
const APART = 3;

/**
 * The cuts of a session, many in a round that plays it once: at most one a line, and what comes before and after a line that is
 * cut is whole.
 */
export function roundsOf(session: RecordedSession): Cut[][] {
  const all = cutsOf(session);
  const byLine = session.lines.map((_, line) => all.filter((cut) => cut.line === line));
  const rounds: Cut[][] = [];
  for (let first = 0; first < APART; first++) {
    const lines = byLine.filter((_, line) => line % APART === first);
    const most = Math.max(0, ...lines.map(({ length }) => length));
    for (let n = 0; n < most; n++) rounds.push(lines.flatMap((cuts) => cuts[n] ?? []));
  }
  return rounds;
}

/** Every offset; of long sessions those within 24 bytes of a line's ends, and 1,000 seeded others. */
export function cutsOf(session: RecordedSession): Cut[] {
  const cuts: Cut[] = [];
  const whole = session.bytes <= EVERY_OFFSET_BELOW;
  session.lines.forEach(({ bytes }, line) => {
    for (let at = 1; at < bytes.length; at++)
      if (whole || at <= NEAR_BOUNDARY || at >= bytes.length - NEAR_BOUNDARY) cuts.push({ line, at });
  });
  if (whole) return cuts;
  const random = seeded(session.bytes);
  for (let i = 0; i < SEEDED; i++) {
    const line = Math.floor(random() * session.lines.length);
    const { length } = session.lines[line]!.bytes;
    if (length > 1) cuts.push({ line, at: 1 + Math.floor(random() * (length - 1)) });
  }
  return cuts;
}
