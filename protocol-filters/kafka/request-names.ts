import { ApiKey } from './schema/api.ts';

const MAX_KEY_BYTES = 256;

/** A key of FindCoordinator, until its type is told. */
export class CoordinatorKey {
  readonly bytes = new Uint8Array(MAX_KEY_BYTES);
  length = 0;
  isFirstOfMany = false;

  clear(): void {
    this.length = 0;
    this.isFirstOfMany = false;
  }

  /** The first one stays. */
  set(buf: Uint8Array, start: number, end: number): void {
    if (this.length > 0) {
      this.isFirstOfMany = true;
      return;
    }
    this.length = Math.min(end - start, MAX_KEY_BYTES);
    for (let i = 0; i < this.length; i++) this.bytes[i] = buf[start + i]!;
  }
}

/** Does a list of so many topics mean all there are? */
export function namesAll(apiKey: number, version: number, count: number): boolean {
  switch (apiKey) {
    case ApiKey.metadata:
      return version === 0 ? count === 0 : count < 0;
    case ApiKey.describeTopicPartitions:
      return count === 0;
    case ApiKey.offsetFetch:
    case ApiKey.describeLogDirs:
    case ApiKey.electLeaders:
    case ApiKey.listPartitionReassignments:
      return count < 0;
    default:
      return false;
  }
}

export const isOfConfigs = (apiKey: number): boolean =>
  apiKey === ApiKey.describeConfigs || apiKey === ApiKey.alterConfigs || apiKey === ApiKey.incrementalAlterConfigs;
