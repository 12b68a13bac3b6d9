import type { ProtocolFilter } from '../src/exchange/protocol-filter.ts';
import { kafka } from './kafka/index.ts';
import { mongodb } from './mongodb/index.ts';
import { mysql } from './mysql/index.ts';
import { postgres } from './postgres/index.ts';
import { redis } from './redis/index.ts';
import { zookeeper } from './zookeeper/index.ts';

/** Every protocol that Sluice understands, one line each. */
export const protocolFilters: readonly ProtocolFilter[] = [postgres, mysql, redis, mongodb, zookeeper, kafka];
