import type { ProtocolFilter } from '../src/exchange/protocol-filter.ts';
import { postgres } from './postgres/index.ts';

/** Every protocol that Sluice understands, one line each. */
export const protocolFilters: readonly ProtocolFilter[] = [postgres];
