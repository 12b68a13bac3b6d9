import { redis } from '../../protocol-filters/redis/index.ts';
import { gatedRedis } from '../support/redis-gated.ts';
import { testProtocol } from './protocol-suite.ts';

testProtocol(redis, gatedRedis);
