import { redis } from '../../protocol-filters/redis/index.ts';
import { testProtocol } from './protocol-suite.ts';

testProtocol(redis);
