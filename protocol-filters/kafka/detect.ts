import { i32At } from '../../src/bytes/cursor.ts';
import { ApiKey, apiOf } from './schema/api.ts';

const MIN_REQUEST_BYTES = 8;
const MAX_REQUEST_BYTES = 100 * 1024 * 1024;
/** What later versions of Kafka may come to. */
const MAX_API_KEY = 255;
const MAX_VERSION = 63;
/** Of ApiVersions: brokers answer a version that they have not with those they have. */
const MAX_ASKED_VERSION = 1023;
const HEAD_BYTES = 14;
const TLS_HANDSHAKE = 0x16;
const TLS_MAJOR = 0x03;

/** Can a request begin like this? */
export const isPlausible = (apiKey: number, version: number): boolean =>
  apiKey >= 0 &&
  apiKey <= MAX_API_KEY &&
  version >= 0 &&
  version <= (apiKey === ApiKey.apiVersions ? MAX_ASKED_VERSION : MAX_VERSION);

/** A TLS handshake, by its first two bytes. */
export const isTls = (first: number, second: number): boolean => first === TLS_HANDSHAKE && second === TLS_MAJOR;

/** Does a connection that starts like this belong here? */
export function detectKafka(head: Buffer): 'yes' | 'no' | 'more' {
  if (head.length < 4) return 'more';
  const size = i32At(head, 0);
  if (size < MIN_REQUEST_BYTES || size > MAX_REQUEST_BYTES) return 'no';
  if (head.length < 8) return 'more';
  const key = head.readInt16BE(4);
  const version = head.readInt16BE(6);
  // Clients may begin with any request: kafkajs asks for versions on its first connection alone. None begins with a Produce
  // of the oldest version, which is how ZooKeeper's clients would read.
  if (apiOf(key) === null || !isPlausible(key, version) || (key === ApiKey.produce && version === 0)) return 'no';
  if (head.length < HEAD_BYTES) return 'more';
  const clientBytes = head.readInt16BE(12);
  return clientBytes >= -1 && clientBytes <= size - 10 ? 'yes' : 'no';
}
