import { describe, expect, test } from 'vitest';
import { APIS, decodes } from '../schema/api.ts';
import { type Cut, replyFrame, requestFrame, toldReplies, toldRequests } from '../testing/wire-frames.ts';
import { randomMessage, SOURCE_MESSAGES, versionsOf } from '../testing/wire-random.ts';
import { End } from './sinks.ts';

const CUTS: Cut[] = ['whole', 'bytes', [7, 3, 16, 1], [33], [2, 61]];
const SEEDS = [1, 2, 3];

test('KF-01: the tables know every stable version of the schemas, and no other', () => {
  for (const message of SOURCE_MESSAGES) {
    const versions = versionsOf(message);
    for (let version = -1; version < 30; version++) {
      expect(decodes(message.apiKey, version), `${message.name} v${version}`).toBe(versions.includes(version));
    }
  }
  expect(APIS.length).toBe(SOURCE_MESSAGES.length / 2);
});

describe('KF-01: a random message of every version reads as it was written, in any cut', () => {
  for (const message of SOURCE_MESSAGES) {
    test(message.name, () => {
      for (const version of versionsOf(message)) for (const seed of SEEDS) check(message, version, seed);
    });
  }
});

function check(message: (typeof SOURCE_MESSAGES)[number], version: number, seed: number): void {
  const { body, calls } = randomMessage(message, version, seed);
  const isRequest = message.type === 'request';
  const key = message.apiKey;
  const client = isRequest && !(key === 7 && version === 0) ? 'me' : 'null';
  const bytes = isRequest ? requestFrame(key, version, seed, 'me', body) : replyFrame(seed, body);
  const head = isRequest ? `request ${key} v${version} #${seed} ${client}` : `reply #${seed}`;
  const expected = [head, ...calls, `end ${End.whole} ${bytes.length}`];
  for (const cut of CUTS) {
    // Twice: the second frame finds a reader that was used.
    const two = Buffer.concat([bytes, bytes]);
    const told = isRequest
      ? toldRequests(two, cut)
      : toldReplies(
          two,
          [
            [key, version],
            [key, version],
          ],
          cut,
        );
    expect(told.calls, `v${version} seed ${seed} cut ${cut}`).toEqual([...expected, ...expected]);
  }
}
