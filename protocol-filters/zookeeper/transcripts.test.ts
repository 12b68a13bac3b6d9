import { testRecordedSessions } from '../../test/support/recorded-sessions.ts';
import { gatedZooKeeper } from '../../test/support/zookeeper-gated.ts';
import { zookeeper } from './index.ts';

testRecordedSessions(zookeeper, 50, gatedZooKeeper);
