import { gatedMysql, mysqlParserReady } from '../../test/support/mysql-gated.ts';
import { testRecordedSessions } from '../../test/support/recorded-sessions.ts';
import { mysql } from './index.ts';

await mysqlParserReady();
testRecordedSessions(mysql, 40, gatedMysql);
