import { expect, test } from 'vitest';
import { Side } from '../../src/exchange/side.ts';
import { filterEnv } from '../../test/support/filter-env.ts';
import { SessionHarness } from '../../test/support/session-harness.ts';
import { kafka } from './index.ts';
import { type Random, randomOf, randomTraffic, replyFrame } from './testing/random-traffic.ts';

interface Line {
  readonly side: Side;
  readonly bytes: Buffer;
}
type Rewrite = false | 'auto';

/** More of them: KAFKA_SEEDS. */
const SEEDS = Number(process.env['KAFKA_SEEDS'] ?? 150);

/** Each reply behind its request; a few bytes of it all are others, seldom those of a size. */
function damaged(random: Random): Line[] {
  const lines = randomTraffic(8, random).flatMap((each): Line[] => {
    const asked = { side: Side.downstream, bytes: Buffer.from(each.request) };
    return each.reply === null ? [asked] : [asked, { side: Side.upstream, bytes: Buffer.from(replyFrame(each)) }];
  });
  for (let hits = 1 + random(4); hits > 0; hits--) {
    const { bytes } = lines[random(lines.length)]!;
    const at = (random(8) === 0 ? 0 : 4) + random(bytes.length - 4);
    bytes[at] = [0, 1, 0x7f, 0x80, 0xff, random(256)][random(6)]!;
  }
  return lines;
}

/** Null: each line in one read. */
function play(lines: readonly Line[], rewrite: Rewrite, denied: number[], random: Random | null) {
  const env = filterEnv();
  const config = kafka.config.parse({ stat_prefix: 'p', api_keys_denied: denied });
  const bound = kafka.bind(config, kafka.options.parse({ rewrite, decompress: true }), env);
  const harness = new SessionHarness({ bound });
  for (const { side, bytes } of lines)
    for (let at = 0; at < bytes.length; ) {
      const size = random === null ? bytes.length : 1 + random([1, 5, 60, 4000][random(4)]!);
      harness.feed(side, bytes.subarray(at, at + size));
      at += size;
    }
  const { closed, opaqueReasons, ended } = harness;
  for (const side of [Side.downstream, Side.upstream]) {
    if (closed === '') harness.hangUp(side);
    else harness.session.onEnd(side, 'error');
  }
  expect(harness.openExchanges).toBe(0);
  const gauges = ['requests_active', 'connections_active'].map((name) => env.stats.value(`sluice.kafka.p.${name}`));
  expect(gauges).toEqual([0, 0]);
  // Of what is held before it closes more or less has been read.
  if (closed !== '') return { closed };
  const events = ended.map(({ digest, ...x }) => JSON.stringify({ ...x, digest: digest?.summary }));
  return { closed, opaqueReasons, events, sent: harness.sent(Side.downstream).toString('latin1') };
}

test('damaged traffic throws nothing, leaves nothing open, and tells the same however it is cut', () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = randomOf(seed + 77_000);
    const lines = damaged(random);
    const denied = random(3) === 0 ? [random(90), random(90)] : [];
    for (const rewrite of [false, 'auto'] as const) {
      const whole = play(lines, rewrite, denied, null);
      expect(play(lines, rewrite, denied, random), `seed ${seed}, rewrite ${rewrite}`).toEqual(whole);
    }
  }
});
