import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { APIS, ApiKey, apiOf, hasReplyTags, isFlexible } from './api.ts';
import { ErrorCode, errorName } from './error-names.ts';
import { type Field, fieldsOf, within } from './field.ts';
import { programOf } from './programs.ts';
import { listRole, Role } from './roles.ts';
import { mergeMessages, type SourceField, type SourceMessage } from './testing/source.ts';

test('the tables are what the generator writes', () => {
  const script = fileURLToPath(new URL('../../../scripts/generate-kafka-messages.ts', import.meta.url));
  expect(() => execFileSync(process.execPath, [script, '--check'], { stdio: 'pipe' })).not.toThrow();
}, 20_000);

test("names of APIs: the schema's, and Envoy's", () => {
  expect(apiOf(2)).toMatchObject({ name: 'ListOffsets', kind: 'list_offsets', since: 0, flexibleFrom: 6 });
  expect(apiOf(34)?.kind).toBe('alter_replica_log_dirs');
  expect(apiOf(4)).toMatchObject({ kind: 'leader_and_isr', until: 7 });
  expect(apiOf(17)).toMatchObject({ name: 'SaslHandshake', flexibleFrom: -1 });
  expect(apiOf(22)).toMatchObject({ until: 5, unstable: 6 });
  expect([apiOf(-1), apiOf(4711), apiOf(1.5)]).toEqual([null, null, null]);
  for (const { key, name } of APIS)
    expect(ApiKey[`${name[0]!.toLowerCase()}${name.slice(1)}` as keyof typeof ApiKey]).toBe(key);
});

test('KF-01: which headers have tagged fields', () => {
  expect(hasReplyTags(ApiKey.apiVersions, 3)).toBe(false);
  expect(isFlexible(ApiKey.apiVersions, 3)).toBe(true);
  expect(hasReplyTags(ApiKey.produce, 8)).toBe(false);
  expect(hasReplyTags(ApiKey.produce, 9)).toBe(true);
  expect(isFlexible(ApiKey.saslHandshake, 1)).toBe(false);
  expect(isFlexible(4711, 0)).toBe(false);
});

test('programs are made once, for what can be decoded', () => {
  expect(programOf(ApiKey.fetch, 12, 'request')).toBe(programOf(ApiKey.fetch, 12, 'request'));
  expect(programOf(ApiKey.fetch, 12, 'request')).not.toBe(programOf(ApiKey.fetch, 12, 'response'));
  expect(programOf(ApiKey.initProducerId, 6, 'request')).toBeNull();
  expect(programOf(4711, 0, 'request')).toBeNull();
  expect(programOf(ApiKey.apiVersions, 99, 'request')).toBeNull();
});

test('names of errors', () => {
  expect([-1, 0, 6, 35, 100, 128].map(errorName)).toEqual([
    'UNKNOWN_SERVER_ERROR',
    'NONE',
    'NOT_LEADER_OR_FOLLOWER',
    'UNSUPPORTED_VERSION',
    'UNKNOWN_TOPIC_ID',
    'INVALID_REGULAR_EXPRESSION',
  ]);
  expect([-2, 4711, -32768].map(errorName)).toEqual(['ERROR_-2', 'ERROR_4711', 'ERROR_-32768']);
  for (const [name, code] of Object.entries(ErrorCode)) {
    expect(errorName(code)).toBe(name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase());
  }
});

/** Names of lists with a role, of an API's newest version. */
function lists(key: number, direction: 'request' | 'response'): string[] {
  const found: string[] = [];
  const walk = (fields: readonly Field[], list: Role, path: readonly string[]): void => {
    for (const field of fields) {
      if (!within(apiOf(key)!.until, field.versions)) continue;
      const inner = [...path, field.name];
      const role = field.isList ? listRole(field, { direction, list, siblings: fields, path }) : list;
      if (field.isList && role !== Role.none) found.push(`${inner.join('.')}=${nameOf(role)}`);
      walk(field.fields, role === Role.none ? list : role, inner);
    }
  };
  walk(fieldsOf(key, direction), Role.none, []);
  return found;
}

const nameOf = (role: Role): string => Object.entries(Role).find(([, number]) => number === role)![0];

test.each([
  ['produce', 'request', ['topicData=topics', 'topicData.partitionData=partitions']],
  [
    'fetch',
    'request',
    [
      'topics=topics',
      'topics.partitions=partitions',
      'forgottenTopicsData=forgottenTopics',
      'forgottenTopicsData.partitions=partitions',
    ],
  ],
  ['fetch', 'response', ['responses=topics', 'responses.partitions=partitions', 'nodeEndpoints=brokers']],
  ['metadata', 'response', ['brokers=brokers', 'topics=topics', 'topics.partitions=partitions']],
  ['offsetFetch', 'request', ['groups=groups', 'groups.topics=topics', 'groups.topics.partitionIndexes=partitions']],
  ['findCoordinator', 'request', ['coordinatorKeys=coordinatorKeys']],
  ['findCoordinator', 'response', ['coordinators=coordinators']],
  ['describeConfigs', 'request', ['resources=resources']],
  ['describeConfigs', 'response', ['results=resources']],
  ['alterConfigs', 'response', ['responses=resources']],
  ['createTopics', 'request', ['topics=topics', 'topics.assignments=partitions']],
  [
    'addPartitionsToTxn',
    'request',
    ['transactions=transactions', 'transactions.topics=topics', 'transactions.topics.partitions=partitions'],
  ],
  [
    'consumerGroupHeartbeat',
    'request',
    ['subscribedTopicNames=topics', 'topicPartitions=topics', 'topicPartitions.partitions=partitions'],
  ],
  ['deleteTopics', 'request', ['topics=topics']],
  ['describeQuorum', 'response', ['topics=topics', 'topics.partitions=partitions', 'nodes=brokers']],
  ['saslHandshake', 'response', ['mechanisms=mechanisms']],
  ['leaveGroup', 'request', ['members=members']],
] as const)('roles of lists: %s %s', (name, direction, expected) => {
  expect(lists(ApiKey[name], direction)).toEqual(expected);
});

describe('merging a newer release', () => {
  const field = (name: string, versions: string, more: Partial<SourceField> = {}): SourceField => ({
    name,
    type: 'int32',
    versions,
    ...more,
  });
  const message = (validVersions: string, fields: SourceField[], more: Partial<SourceMessage> = {}): SourceMessage => ({
    apiKey: 1,
    type: 'request',
    name: 'FetchRequest',
    validVersions,
    flexibleVersions: '3+',
    fields,
    ...more,
  });

  test('keeps versions and fields that were dropped, in their place', () => {
    const [merged] = mergeMessages(
      [message('0-4', [field('A', '0+'), field('Old', '0-1'), field('B', '1+')])],
      [message('2-6', [field('A', '2+'), field('B', '2+'), field('New', '5+')])],
    );
    expect(merged?.validVersions).toBe('0-6');
    expect(merged?.fields.map(({ name, versions }) => `${name} ${versions}`)).toEqual([
      'A 0+',
      'Old 0-1',
      'B 1+',
      'New 5+',
    ]);
  });

  test('keeps messages that were dropped, and forgets what was unstable', () => {
    const gone = message('0', [], { apiKey: 4, name: 'LeaderAndIsrRequest' });
    const early = message('0', [field('Draft', '0+')], { latestVersionUnstable: true });
    const merged = mergeMessages([early, gone], [message('1', [field('A', '1+')])]);
    expect(merged.map(({ name, validVersions }) => `${name} ${validVersions}`)).toEqual([
      'FetchRequest 1',
      'LeaderAndIsrRequest 0',
    ]);
    expect(merged[0]?.fields.map(({ name }) => name)).toEqual(['A']);
  });

  test('what cannot be said in one list is an error, not a guess', () => {
    const old = message('0-3', [field('A', '0-1'), field('A2', '2+')]);
    const newer = message('2-4', [field('A2', '2+'), field('A', '4+')]);
    expect(() => mergeMessages([old], [newer])).toThrow(/cannot be merged/);
  });
});
