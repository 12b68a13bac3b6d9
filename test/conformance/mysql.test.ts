import { mysql } from '../../protocol-filters/mysql/index.ts';
import { gatedMysql, mysqlParserReady } from '../support/mysql-gated.ts';
import { testProtocol } from './protocol-suite.ts';

await mysqlParserReady();
testProtocol(mysql, gatedMysql);
