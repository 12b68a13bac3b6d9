import type { House } from '../house.ts';
import { STAND_IN, standInThere, startBrokers } from './server.ts';
import { prepareTopics } from './topics.ts';
import { startWorkload } from './workload.ts';

/** What happens in the shop, as messages: orders, payments, clicks, and who reads them. */
export const kafkaHouse: House = {
  name: 'kafka',
  title: 'Kafka',
  standIn: () => STAND_IN,
  missing: () => (standInThere() ? null : 'its stand-in is in a checkout only'),
  start: startBrokers,
  prepare: prepareTopics,
  startWorkload,
  tryIt: ({ host, port }) => `kcat -b ${host}:${port} -L`,
};
