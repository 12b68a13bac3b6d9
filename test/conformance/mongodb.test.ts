import { mongodb } from '../../protocol-filters/mongodb/index.ts';
import { gatedMongodb } from '../support/mongodb-gated.ts';
import { testProtocol } from './protocol-suite.ts';

testProtocol(mongodb, gatedMongodb);
