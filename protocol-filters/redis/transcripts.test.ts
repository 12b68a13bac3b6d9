import { testRecordedSessions } from '../../test/support/recorded-sessions.ts';
import { redis } from './index.ts';

testRecordedSessions(redis, 50);
