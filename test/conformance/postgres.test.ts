import { postgres } from '../../protocol-filters/postgres/index.ts';
import { testProtocol } from './protocol-suite.ts';

testProtocol(postgres);
