import type { BoundFilter, ProtocolFilter } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import { seeded } from '../../src/net/simulated.ts';
import { recordedSessions } from '../conformance/recorded.ts';
import { filterEnv } from '../support/filter-env.ts';
import { SessionHarness } from '../support/session-harness.ts';
import { readTranscript, writeTranscript } from '../support/transcript.ts';
import { type FuzzLine, MUTATIONS, type Pick } from './mutate.ts';

export interface FuzzOptions {
  readonly protocols: readonly ProtocolFilter[];
  readonly seed: number;
  readonly forMs: number;
  /** Ends after so many cases, if the time is not over before. */
  readonly cases?: number;
  /** A corpus file's text: played instead of mutations. */
  readonly replay?: string;
  onCrash?(crash: Crash): void;
}

export interface Crash {
  readonly protocol: string;
  readonly mode: 'observe' | 'enforce' | 'deny';
  readonly mutations: string;
  readonly session: string;
  readonly problem: string;
  /** For the corpus, in the format of recorded sessions. */
  readonly transcript: string;
}

const MODES = ['observe', 'enforce', 'deny'] as const;
const OBSERVE = ['observe'] as const;
const MAX_BYTES = 16 * 1024;
/** A case that takes longer is a finding. */
const SLOW_MS = 1000;
const SLOW = 'slow';

/** Mutated sessions through the protocol's session until the time is over. The same seed makes the same cases. */
export function fuzz({
  protocols,
  seed,
  forMs,
  cases: most = Number.POSITIVE_INFINITY,
  replay,
  onCrash,
}: FuzzOptions): { cases: number; crashes: Crash[] } {
  const random = seeded(seed);
  const pick: Pick = (bound) => Math.floor(random() * bound);
  const crashes: Crash[] = [];
  const seen = new Set<string>();
  let cases = 0;
  const endsAt = performance.now() + forMs;
  const targets = protocols.map((protocol) => ({
    protocol,
    bound: protocol.bind(protocol.config.parse({ stat_prefix: 'f' }), protocol.options.parse({}), filterEnv()),
    sessions: recordedSessions(protocol).filter(({ bytes }) => bytes <= MAX_BYTES),
  }));
  const play = (target: (typeof targets)[number], lines: readonly FuzzLine[], mutations: string, session: string) => {
    for (const mode of target.protocol.gates ? MODES : OBSERVE) {
      cases++;
      let problem = problemOf(target.bound, mode, lines, seeded(cases));
      // The machine may have been busy with others' work: what is slow is slow each time.
      for (let n = 0; problem === SLOW && n < 3; n++) problem = problemOf(target.bound, mode, lines, seeded(cases));
      if (problem === '') continue;
      const what = `${mode}: ${problem.split('\n')[0]}`;
      if (seen.has(what)) continue;
      seen.add(what);
      const comments = [`fuzz: ${what}`, `${mutations} of ${session}, seed ${seed}`];
      const transcript = writeTranscript(comments, lines);
      const crash = { protocol: target.protocol.name, mode, mutations, session, problem, transcript };
      crashes.push(crash);
      onCrash?.(crash);
    }
  };
  if (replay !== undefined) for (const target of targets) play(target, readTranscript(replay), 'corpus', '');
  while (cases < most && performance.now() < endsAt) {
    for (const target of targets) {
      const { name, lines: recorded } = target.sessions[pick(target.sessions.length)]!;
      const other = target.sessions[pick(target.sessions.length)]!;
      const lines: FuzzLine[] = [...recorded];
      const names = Object.keys(MUTATIONS);
      const done: string[] = [];
      for (let n = 1 + pick(3); n > 0; n--) {
        const mutation = names[pick(names.length)]!;
        MUTATIONS[mutation]!(lines, pick, other.lines);
        done.push(mutation);
      }
      play(
        target,
        lines.filter(({ bytes }) => bytes.length > 0),
        done.join('+'),
        name,
      );
    }
  }
  return { cases, crashes };
}

/** '' if the session did what it must: no throw, no byte changed when observing, everything begun was ended. */
function problemOf(bound: BoundFilter, mode: Crash['mode'], lines: readonly FuzzLine[], random: () => number): string {
  const startedAt = performance.now();
  const said: Record<'>' | '<', Buffer[]> = { '>': [], '<': [] };
  try {
    const harness = new SessionHarness({
      bound,
      ...(mode === 'enforce' && { enforces: true, judge: () => null }),
      ...(mode === 'deny' && {
        enforces: true,
        judge: () =>
          random() < 0.3 ? { policy: 'fuzz', message: 'no', kind: 'policy' as const, closes: false } : null,
      }),
    });
    for (const { who, bytes } of lines) {
      const cut = random() < 0.3 ? Math.floor(random() * bytes.length) : bytes.length;
      for (const piece of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
        if (piece.length === 0) continue;
        said[who].push(piece);
        harness.feed(who === '>' ? Side.downstream : Side.upstream, piece);
      }
    }
    const opaque = harness.opaqueReasons.length;
    if (harness.closed === '' && opaque === 0) harness.finish();
    if (opaque > 1) return `opaque was said ${opaque} times`;
    if (mode === 'observe') {
      if (!harness.sent(Side.upstream).equals(Buffer.concat(said['>']))) return 'bytes to the server differ';
      if (!harness.sent(Side.downstream).equals(Buffer.concat(said['<']))) return 'bytes to the client differ';
    }
    if (mode === 'enforce') {
      const toServer = harness.sent(Side.upstream);
      const all = Buffer.concat(said['>']);
      const denied = harness.standIns > 0; // of its own accord: text that cannot be read has a stand-in, too
      if (!denied && toServer.length > all.length) return 'the server got more than the client said';
    }
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const tookMs = performance.now() - startedAt;
  return tookMs > SLOW_MS ? SLOW : '';
}
