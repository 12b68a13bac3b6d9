import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Script } from '../../../test/support/story.ts';
import { loadTranscript } from '../../../test/support/transcript.ts';
import type { Program } from '../schema/program.ts';
import { programOf } from '../schema/programs.ts';
import { pushCut, Told } from '../testing/wire-frames.ts';
import { decodeMessage } from './message-codec.ts';
import { ReplyReader } from './reply-reader.ts';
import { RequestReader } from './request-reader.ts';
import { End, type FrameState, type RequestHeader } from './sinks.ts';

const folder = new URL('../fixtures/', import.meta.url);
/** Sessions that end whole frames only: real clients and brokers, without raw tokens and what is hostile on purpose. */
const FILES = readdirSync(folder).filter(
  (file) =>
    file.endsWith('.transcript') &&
    /^(java|kafkajs|kcat|platformatic|wire)-/.test(file) &&
    !/^wire-(sasl|fallback)/.test(file),
);

class Talk extends Told {
  readonly asked: [key: number, version: number, correlation: number][] = [];
  readonly ends: End[] = [];

  override onRequest(reader: RequestHeader, buf: Buffer, start: number, end: number): boolean {
    this.asked.push([reader.apiKey, reader.apiVersion, reader.correlationId]);
    return super.onRequest(reader, buf, start, end);
  }
  override onRequestEnd(reader: RequestHeader, end: End): void {
    this.ends.push(end);
    super.onRequestEnd(reader, end);
  }
  override onReply(reader: FrameState, correlation: number): Program | null {
    super.onReply(reader, correlation);
    // In order; what has no reply (acks=0) is passed by.
    let [key, version, id] = this.asked.shift()!;
    while (id !== correlation) [key, version, id] = this.asked.shift()!;
    return programOf(key, version, 'response');
  }
  override onReplyEnd(reader: FrameState, end: End): void {
    this.ends.push(end);
    super.onReplyEnd(reader, end);
  }
}

function talk(script: Script, cut: 'whole' | 'bytes'): Talk {
  const told = new Talk();
  const requests = new RequestReader(told);
  const replies = new ReplyReader(told);
  for (const [who, bytes] of script) {
    const reader = who === '>' ? requests : replies;
    pushCut((buf, start, end) => reader.push(buf, start, end, 0), bytes as Buffer, cut);
  }
  return told;
}

test('there are recorded sessions', () => {
  expect(FILES.length).toBeGreaterThan(20);
});

for (const file of FILES) {
  test(`${file} reads to the last byte of every frame`, () => {
    const script = loadTranscript(new URL(file, folder));
    const whole = talk(script, 'whole');
    expect(whole.ends.filter((end) => end !== End.whole)).toEqual([]);
    expect(whole.facts.filter((facts) => facts.malformed)).toEqual([]);
    expect(talk(script, 'bytes').calls).toEqual(whole.calls);
  });
}

test('requests of recorded sessions decode to plain values', () => {
  let count = 0;
  for (const file of FILES) {
    const all = Buffer.concat(
      loadTranscript(new URL(file, folder)).flatMap(([who, bytes]) => (who === '>' ? [bytes as Buffer] : [])),
    );
    for (let at = 0; at < all.length; at += 4 + all.readInt32BE(at)) {
      const [key, version] = [all.readInt16BE(at + 4), all.readInt16BE(at + 6)];
      const from = at + 14 + Math.max(0, all.readInt16BE(at + 12));
      expect(
        decodeMessage(key, version, 'request', all, from, at + 4 + all.readInt32BE(at)),
        `${file} ${key}`,
      ).not.toBeNull();
      count++;
    }
  }
  expect(count).toBeGreaterThan(100);
});
