import { testRecordedSessions } from '../../test/support/recorded-sessions.ts';
import { gatedRedis } from '../../test/support/redis-gated.ts';
import { redis } from './index.ts';

testRecordedSessions(redis, 50, gatedRedis);
