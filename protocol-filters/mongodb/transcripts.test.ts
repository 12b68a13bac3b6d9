import { gatedMongodb } from '../../test/support/mongodb-gated.ts';
import { testRecordedSessions } from '../../test/support/recorded-sessions.ts';
import { mongodb } from './index.ts';

testRecordedSessions(mongodb, 60, gatedMongodb);
