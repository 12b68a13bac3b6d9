import { expect, test } from 'vitest';
import { detectKafka } from './detect.ts';
import { ask, fetch, rawRequest } from './testing/builders.ts';

const versions = ask('ApiVersions', 3, { clientSoftwareName: 'x', clientSoftwareVersion: '1' });

const CASES: readonly (readonly [string, Buffer, 'yes' | 'no' | 'more'])[] = [
  ['ApiVersions', versions, 'yes'],
  ['its header', versions.subarray(0, 14), 'yes'],
  ['all but one byte of that', versions.subarray(0, 13), 'more'],
  ['its size', versions.subarray(0, 4), 'more'],
  ['less', versions.subarray(0, 3), 'more'],
  ['a login', ask('SaslHandshake', 1, { mechanism: 'PLAIN' }), 'yes'],
  ['Metadata of an old client', ask('Metadata', 0, { topics: [] }), 'yes'],
  ['Fetch on a second connection', fetch(['orders']), 'yes'],
  ['without a client id', ask('Metadata', 1, { topics: [] }, 1, null), 'yes'],
  ['a version that is to come', rawRequest(18, 7, Buffer.alloc(8)), 'yes'],
  ['a member on a connection of its own', ask('Heartbeat', 3, { groupId: 'g' }), 'yes'],
  ['ZooKeeper', Buffer.concat([Buffer.from('0000002c', 'hex'), Buffer.alloc(44)]), 'no'],
  ['PostgreSQL', Buffer.from('000000160003000075736572007065746572000000000000', 'hex'), 'no'],
  ['ApiVersions of a version far away', rawRequest(18, 99, Buffer.alloc(8)), 'yes'],
  ['an API that nobody knows', rawRequest(300, 1, Buffer.alloc(8)), 'no'],
  ['a version that cannot be', rawRequest(3, 64, Buffer.alloc(8)), 'no'],
  ['a client id that is too long', rawRequest(3, 1, Buffer.alloc(0), { clientId: 'x' }).fill(0x7f, 12, 13), 'no'],
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\n'), 'no'],
  ['TLS', Buffer.from('16030100c8010000c40303', 'hex'), 'no'],
  ['a size of 5', Buffer.from('0000000500030001', 'hex'), 'no'],
];
test.each(CASES)('%s', (_, head, want) => expect(detectKafka(head)).toBe(want));
