import { testRecordedSessions } from '../../test/support/recorded-sessions.ts';
import { postgres } from './index.ts';

testRecordedSessions(postgres, 16);
