import { isForBrokers } from '../../protocol-filters/kafka/gate/acl.ts';
import { errorReply } from '../../protocol-filters/kafka/gate/error-reply.ts';
import { APIS } from '../../protocol-filters/kafka/schema/api.ts';
import { allowing, denied, type KafkaCase, type KafkaRow } from './support/kafka.ts';

const EVERYTHING = allowing({ name: 'all', action: 'allow' });
const NO_SUCH_API = 'the strict broker has no such API';

const cases: KafkaCase[] = APIS.filter(({ key, until }) => isForBrokers(key, until)).map(
  ({ key, name, since, until }) => ({
    name: `${name}, each version`,
    policies: EVERYTHING,
    notReal: NO_SUCH_API,
    rounds: () => [
      Array.from({ length: until - since + 1 }, (_, i) => {
        const { isTold } = errorReply(key, since + i, 1, {}, 31, '');
        return denied(name, since + i, {}, isTold ? [31] : [], { isNew: true });
      }),
    ],
  }),
);

export const row: KafkaRow = { id: 'KF-14', title: 'brokers only', rules: ['R4'], cases };
