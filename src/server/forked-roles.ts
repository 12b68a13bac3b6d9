import { FactsSupervisor } from './facts-supervisor.ts';
import type { Roles } from './roles.ts';
import { WorkerPool } from './worker-pool.ts';

/** Every role a process of its own. */
export const forkedRoles: Roles = {
  workers: (options) => new WorkerPool(options),
  facts: (options) => new FactsSupervisor(options),
};
