import { holdIdleClients } from '../../support/idle-clients.ts';
import { startLoginServer } from '../../support/login-server.ts';
import { poll } from '../../support/poll.ts';
import { rssBytes } from '../proc.ts';
import { DATA_PATH, type SetupName, startSetup } from '../setups.ts';

/** The first ones pay for what is paid once: code, pools, tables. */
const FIRST = 200;

/**
 * Memory of one idle connection after its login, in bytes: the growth of the data path's resident memory between 200 and
 * 200 + `count` connections. The server is scripted: a real one would need a process each. NaN when the setup cannot
 * hold that many.
 */
export async function idleConnectionBytes(name: SetupName, count: number): Promise<number> {
  const server = await startLoginServer();
  try {
    const setup = await startSetup(name, server.port);
    try {
      const dataPath = () =>
        setup.roles.filter((role) => DATA_PATH.has(role.name)).reduce((sum, role) => sum + rssBytes(role.pid), 0);
      const first = await holdIdleClients(setup.port, FIRST);
      const before = await settled(dataPath);
      const more = await holdIdleClients(setup.port, count);
      const after = await settled(dataPath);
      await Promise.all([first.stop(), more.stop()]);
      return (after - before) / count;
    } finally {
      await setup.stop();
    }
  } finally {
    server.stop();
  }
}

/** The value once it has not moved by more than 1 % for a second: garbage of the logins has been given back by then. */
async function settled(value: () => number): Promise<number> {
  let [last, since] = [value(), performance.now()];
  await poll(
    'memory settles',
    () => {
      const now = value();
      if (Math.abs(now - last) > last * 0.01) [last, since] = [now, performance.now()];
      return performance.now() - since > 1_000;
    },
    { withinMs: 15_000, everyMs: 100 },
  );
  return value();
}
