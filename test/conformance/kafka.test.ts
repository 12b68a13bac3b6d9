import { kafka } from '../../protocol-filters/kafka/index.ts';
import { gatedShortKafka } from '../support/kafka-gated.ts';
import { testProtocol } from './protocol-suite.ts';

testProtocol(kafka, gatedShortKafka);
