import { zookeeper } from '../../protocol-filters/zookeeper/index.ts';
import { gatedZooKeeper } from '../support/zookeeper-gated.ts';
import { testProtocol } from './protocol-suite.ts';

testProtocol(zookeeper, gatedZooKeeper);
