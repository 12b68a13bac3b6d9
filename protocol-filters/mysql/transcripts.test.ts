import { testRecordedSessions } from '../../test/support/recorded-sessions.ts';
import { mysql } from './index.ts';

testRecordedSessions(mysql, 40);
