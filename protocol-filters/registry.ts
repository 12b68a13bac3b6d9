import type { ProtocolFilter } from '../src/exchange/protocol-filter.ts';
import { mysql } from './mysql/index.ts';
import { postgres } from './postgres/index.ts';
import { redis } from './redis/index.ts';

/** Every protocol that Sluice understands, one line each. */
export const protocolFilters: readonly ProtocolFilter[] = [postgres, mysql, redis];
