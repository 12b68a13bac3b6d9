import type { House } from './house.ts';
import { kafkaHouse } from './kafka/house.ts';
import { mongodbHouse } from './mongodb/house.ts';
import { mysqlHouse } from './mysql/house.ts';
import { postgresHouse } from './postgres/house.ts';
import { redisHouse } from './redis/house.ts';
import { zookeeperHouse } from './zookeeper/house.ts';

/** Every database of the demo, in the order it is told of. */
export const houses: readonly House[] = [
  postgresHouse,
  mysqlHouse,
  redisHouse,
  mongodbHouse,
  zookeeperHouse,
  kafkaHouse,
];
