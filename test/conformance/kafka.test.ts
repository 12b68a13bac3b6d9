import { kafka } from '../../protocol-filters/kafka/index.ts';
import { gatedKafka } from '../support/kafka-gated.ts';
import { testProtocol } from './protocol-suite.ts';

testProtocol(kafka, gatedKafka);
