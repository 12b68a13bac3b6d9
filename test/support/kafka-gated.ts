import { clampApiVersions } from '../../protocol-filters/kafka/rewrite/api-versions.ts';
import { ApiKey } from '../../protocol-filters/kafka/schema/api.ts';
import type { Gated } from './gated.ts';
import type { Recorded } from './transcript.ts';

/** What an enforcing chain offers to clients, where addresses stay as they are. */
const OFFER = { rewrites: false, enforces: true, allowsRawTokens: false };

/** What each of these says is denied by an enforcing chain, or closes the connection; the bypass corpus has it. */
const NOT_LET_THROUGH = new RegExp(
  [
    '^hostile-|^wire-sasl-v0-|^wire-fallback|^wire-fetch-(session|errors)$',
    // Names that no topic can have.
    '|^wire-acks-0$|^kafkajs-admin-topics$',
    // Topics by ids that another connection was told.
    '|^java-4-(produce|share)$|^platformatic-fetch$',
  ].join(''),
);

/** Kafka: as recorded, but for ApiVersions replies, which offer less. */
export const gatedKafka: Gated = (name, lines) => (NOT_LET_THROUGH.test(name) ? null : offering(lines));

function offering(lines: readonly Recorded[]): Recorded[] {
  /** Versions of ApiVersions that were asked for, by correlation id. */
  const asked = new Map<number, number>();
  for (const { who, bytes } of lines)
    if (who === '>')
      for (const frame of framesOf(bytes))
        if (frame.length >= 12 && frame.readInt16BE(4) === ApiKey.apiVersions)
          asked.set(frame.readInt32BE(8), frame.readInt16BE(6));
  return lines.map((line) =>
    line.who === '>' ? line : { ...line, bytes: Buffer.concat(framesOf(line.bytes).map(offered)) },
  );

  function offered(frame: Buffer): Buffer {
    if (frame.length < 8) return frame;
    const version = asked.get(frame.readInt32BE(4));
    const body = version === undefined ? null : clampApiVersions(frame.subarray(8), version, OFFER);
    if (body === null) return frame;
    const head = Buffer.from(frame.subarray(0, 8));
    head.writeInt32BE(body.length + 4);
    return Buffer.concat([head, body]);
  }
}

function framesOf(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readInt32BE(at);
    frames.push(bytes.subarray(at, end));
    at = end;
  }
  return frames;
}

/** Bytes of a session, above which it is not cut at every offset in the gate gear as well. */
const LONG_SESSION_BYTES = 4000;

/** The same without the long ones: where every offset is cut, that is enough of them. */
export const gatedShortKafka: Gated = (name, lines) =>
  lines.reduce((sum, { bytes }) => sum + bytes.length, 0) > LONG_SESSION_BYTES ? null : gatedKafka(name, lines);
