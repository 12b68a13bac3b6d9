import { kafka } from '../../protocol-filters/kafka/index.ts';
import { testProtocol } from './protocol-suite.ts';

testProtocol(kafka);
