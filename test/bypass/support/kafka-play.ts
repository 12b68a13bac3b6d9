import { expect } from 'vitest';
import { kafka } from '../../../protocol-filters/kafka/index.ts';
import { decodeMessage } from '../../../protocol-filters/kafka/wire/message-codec.ts';
import type { BoundFilter } from '../../../src/exchange/protocol-filter.ts';
import { Side } from '../../../src/exchange/side.ts';
import { filterEnv } from '../../support/filter-env.ts';
import { type EndedExchange, type Judge, SessionHarness } from '../../support/session-harness.ts';
import { judgeOf } from './harness-engine.ts';
import type { KafkaCase, Said, Sent } from './kafka.ts';
import { FakeBroker, type Frame, idOf, sentOf } from './kafka-fake.ts';

export type Cut = (bytes: Buffer) => readonly Buffer[];
export const whole: Cut = (bytes) => [bytes];
export const byteByByte: Cut = (bytes) => Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
export const cutAt =
  (at: number): Cut =>
  (bytes) =>
    at > 0 && at < bytes.length ? [bytes.subarray(0, at), bytes.subarray(at)] : [bytes];

/** What all plays of a case share: binding, compiling and encoding anew would cost more than a play. */
export interface Prepared {
  readonly each: KafkaCase;
  readonly bound: BoundFilter;
  readonly rounds: readonly (readonly Said[])[];
  /** Of the longest round. */
  readonly bytes: number;
  readonly judge: Judge;
  readonly judges: ReadonlyMap<number, Judge>;
}

export function prepared(each: KafkaCase): Prepared {
  const options = kafka.options.parse(each.options ?? {});
  const rounds = each.rounds(idOf);
  return {
    each,
    bound: kafka.bind(kafka.config.parse({ stat_prefix: 'p' }), options, filterEnv()),
    rounds,
    bytes: Math.max(...rounds.map((round) => round.reduce((sum, { bytes }) => sum + bytes.length, 0))),
    judge: judgeOf(each.policies, kafka),
    judges: new Map(
      Object.entries(each.policiesBefore ?? {}).map(([round, policies]) => [Number(round), judgeOf(policies, kafka)]),
    ),
  };
}

/** Plays a case in the session harness with the real engine, and compares all that must be so. Returns what ended, a line each. */
export function playCase({ each, bound, rounds, ...rest }: Prepared, cut: Cut): string[] {
  let { judge } = rest;
  const harness = new SessionHarness({
    bound,
    enforces: true,
    judge: (turn) => judge(turn),
    ...limitsOf(each),
  });
  const broker = new FakeBroker(each.answers);
  for (const [i, round] of rounds.entries()) {
    judge = rest.judges.get(i) ?? judge;
    for (const piece of cut(Buffer.concat(round.map(({ bytes }) => bytes)))) harness.feed(Side.downstream, piece);
    // What is held behind a login comes after its reply.
    for (let before = -1; before !== harness.sent(Side.upstream).length; ) {
      before = harness.sent(Side.upstream).length;
      for (const reply of broker.serve(harness.sent(Side.upstream)))
        for (const piece of cut(reply)) harness.feed(Side.upstream, piece);
    }
  }
  const all = rounds.flat();
  compareSent(all, broker.frames);
  expect(framesLeft(harness.sent(Side.upstream), broker.frames)).toBe(0);
  if (each.badReplies !== true) compareReplies(all, harness.sent(Side.downstream));
  if (each.closes === undefined) expect(harness.closed).toBe('');
  else expect(harness.closed).toMatch(each.closes);
  harness.finish();
  compareExchanges(each, all, harness.ended);
  return harness.ended.map((x) =>
    [x.turn, x.index, x.text, x.outcome, x.code, x.verdict, x.policy, x.requestBytes].join(' '),
  );
}

function limitsOf(each: KafkaCase): { limits?: { rows?: number; bytes?: number } } {
  const limit = each.policies.policies.find(({ limit: own }) => own !== null && (own.rows > 0 || own.bytes > 0))?.limit;
  return limit ? { limits: { rows: limit.rows, bytes: limit.bytes } } : {};
}

const framesLeft = (bytes: Buffer, frames: readonly Frame[]): number =>
  bytes.length - frames.reduce((sum, frame) => sum + frame.bytes.length, 0);

const STAND_IN = 'ApiVersions 0';

/** The broker got what it should, and nothing else. */
export function compareSent(
  all: readonly Said[],
  frames: readonly { readonly bytes: Buffer; readonly sent: Sent }[],
): void {
  const want = all.filter(({ leaves }) => leaves !== 'nothing');
  expect(frames.map(({ sent }) => nameOf(sent))).toEqual(want.map(({ bytes, leaves }) => named(bytes, leaves)));
  for (const [i, { bytes, leaves }] of want.entries()) {
    if (leaves === 'same') expect(frames[i]!.bytes.equals(bytes)).toBe(true);
    else if (leaves === 'standIn') expect(frames[i]!.bytes.length).toBe(14);
    else if (leaves !== 'nothing') leaves(frames[i]!.sent);
  }
}

const nameOf = ({ api, version, correlationId }: Sent): string => `${api} ${version} #${correlationId}`;

/** What a broker should see of a message. */
export function named(bytes: Buffer, leaves: Said['leaves']): string {
  const own = sentOf(bytes.subarray(4));
  return leaves === 'standIn' ? `${STAND_IN} #${own.correlationId}` : nameOf(own);
}

/** Each message has its reply, in its place, with the codes that it should have. */
export function compareReplies(all: readonly Said[], bytes: Buffer): void {
  let at = 0;
  for (const { bytes: request, codes, reply: look, rawReply = 0 } of all) {
    at += rawReply;
    if (codes === null) continue;
    const asked = sentOf(request.subarray(4));
    expect(bytes.length, `a reply to ${nameOf(asked)}`).toBeGreaterThanOrEqual(at + 8);
    const end = at + 4 + bytes.readInt32BE(at);
    expect(bytes.readInt32BE(at + 4), nameOf(asked)).toBe(asked.correlationId);
    const key = request.readInt16BE(4);
    const body = bytes.subarray(at + 8, end);
    const fields =
      decodeMessage(key, asked.version, 'response', body) ??
      (key === 18 ? decodeMessage(key, 0, 'response', body) : null);
    expect(fields, `the reply to ${nameOf(asked)} can be read`).not.toBeNull();
    expect(codesIn(fields), nameOf(asked)).toEqual(codes);
    look?.(fields as Record<string, unknown>);
    at = end;
  }
  expect(bytes.length - at, 'bytes behind the last reply').toBe(0);
}

/** Error codes in a reply, each once. */
function codesIn(value: unknown): number[] {
  const codes = new Set<number>();
  const walk = (each: unknown): void => {
    if (Array.isArray(each)) for (const item of each) walk(item);
    else if (typeof each === 'object' && each !== null && !Buffer.isBuffer(each))
      for (const [name, inner] of Object.entries(each))
        if (/errorCode$/i.test(name) && typeof inner === 'number') {
          if (inner !== 0) codes.add(inner);
        } else walk(inner);
  };
  walk(value);
  return [...codes].sort((a, b) => a - b);
}

/** Every denied message is an exchange that says so, and no other is. */
function compareExchanges(each: KafkaCase, all: readonly Said[], ended: readonly EndedExchange[]): void {
  const wrong = ended.filter((x) => x.disorder !== '');
  expect(wrong).toEqual([]);
  const denials = ended.filter((x) => x.outcome === 2);
  for (const x of denials) {
    expect(x.verdict, x.text).toBe(2);
    expect(x.policy, x.text).not.toBe('');
  }
  const messages = new Set(denials.map((x) => x.turn)).size;
  const want = each.denied ?? all.filter(({ leaves }) => leaves !== 'same').length;
  expect(messages, 'messages that ended as denied').toBe(want);
}
