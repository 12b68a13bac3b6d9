import { expect } from 'vitest';
import { rawRequest } from '../support/kafka-wire.ts';
import { ALLOWED, becomes, ends, type KafkaCase, type KafkaRow, metadataOf, passes } from './support/kafka.ts';

type Range = readonly [number, number];
function offered(fields: Record<string, unknown>): Map<number, Range> {
  const apis = fields['apiKeys'] as { apiKey: number; minVersion: number; maxVersion: number }[];
  return new Map(apis.map(({ apiKey, minVersion, maxVersion }) => [apiKey, [minVersion, maxVersion]]));
}

const asks = (version: number, check: (apis: Map<number, Range>) => void): KafkaCase => ({
  name: `ApiVersions v${version} offers what can be judged`,
  policies: ALLOWED,
  rounds: () => [
    [
      passes('ApiVersions', version, version < 3 ? {} : { clientSoftwareName: 't', clientSoftwareVersion: '1' }, {
        reply: (fields) => check(offered(fields)),
      }),
    ],
  ],
});

function check(apis: Map<number, Range>): void {
  expect(apis.get(17)?.[0] ?? 1, 'SaslHandshake').toBe(1);
  expect(apis.get(3)![0], 'Metadata').toBeGreaterThanOrEqual(1);
  for (const key of [4, 5, 6, 7, 27, 56, 58, 59, 62, 67, 83, 999]) expect(apis.has(key), `API ${key}`).toBe(false);
  expect(apis.has(0) && apis.has(1) && apis.has(19)).toBe(true);
}

export const row: KafkaRow = {
  id: 'KF-02',
  title: 'not offered',
  rules: ['R4', 'R5'],
  cases: [
    ...[0, 1, 2, 3, 4].map((version) => asks(version, check)),
    {
      name: 'APIs that only the broker knows are taken out',
      policies: ALLOWED,
      notReal: 'the strict broker has no such API',
      answers: (api) =>
        api === 'ApiVersions'
          ? {
              apiKeys: [0, 1, 3, 18, 19, 58, 999].map((apiKey) => ({ apiKey, minVersion: 0, maxVersion: 120 })),
            }
          : undefined,
      rounds: () => [
        [
          passes(
            'ApiVersions',
            2,
            {},
            {
              reply: (fields) => {
                const apis = offered(fields);
                check(apis);
                expect([...apis.values()].every(([, until]) => until < 100)).toBe(true);
              },
            },
          ),
        ],
      ],
    },
    {
      name: 'a client that uses what was not offered is closed',
      policies: ALLOWED,
      closes: /^denied:sluice\.unreadable/,
      rounds: () => [
        [passes('ApiVersions', 0)],
        [passes('Metadata', 1, metadataOf(['orders']), { codes: [] }), ends(rawRequest(999, 0, Buffer.alloc(9)))].slice(
          1,
        ),
      ],
    },
    {
      name: 'Metadata v0, which makes topics and has no way to ask for none',
      policies: ALLOWED,
      notReal: 'the stand-in of an old version is told apart in the harness',
      rounds: () => [
        [
          {
            ...becomes('Metadata', 0, metadataOf(['forbidden']), [29], () => {}),
            leaves: 'standIn',
          },
        ],
      ],
    },
  ],
};
