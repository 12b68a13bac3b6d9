import type { House } from '../house.ts';
import { redisProgram, startRedis } from './server.ts';
import { prepareCache, startWorkload } from './workload.ts';

/** What a shop keeps in memory: sessions, pages, stock counters, a queue. */
export const redisHouse: House = {
  name: 'redis',
  title: 'Redis',
  missing: () => (redisProgram() === null ? 'apt install redis-server, or brew install redis' : null),
  start: () => startRedis(redisProgram()!),
  prepare: prepareCache,
  startWorkload,
  tryIt: ({ host, port }) => `redis-cli -h ${host} -p ${port}`,
};
