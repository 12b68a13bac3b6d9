import { gatedKafka } from '../../test/support/kafka-gated.ts';
import { testRecordedSessions } from '../../test/support/recorded-sessions.ts';
import { kafka } from './index.ts';

testRecordedSessions(kafka, 50, gatedKafka);
