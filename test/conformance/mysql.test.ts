import { mysql } from '../../protocol-filters/mysql/index.ts';
import { testProtocol } from './protocol-suite.ts';

testProtocol(mysql);
