import type { House } from '../house.ts';
import { mariadbPrograms, startMariadb } from './server.ts';
import { prepareDesk, startWorkload } from './workload.ts';

/** The shop's support desk, an application of another age. */
export const mysqlHouse: House = {
  name: 'mysql',
  title: 'MariaDB',
  missing: () => (mariadbPrograms() === null ? 'apt install mariadb-server, or brew install mariadb' : null),
  start: () => startMariadb(mariadbPrograms()!),
  prepare: prepareDesk,
  startWorkload,
  tryIt: ({ host, port }) => `mariadb -h ${host} -P ${port} -u root desk`,
};
