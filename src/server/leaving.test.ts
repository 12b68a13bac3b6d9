import { expect, test } from 'vitest';
import { listenerConfig, type PlaneWishes, snapshotOf } from '../../test/support/plane-parts.ts';
import { type ScriptedSession, scriptedProtocol } from '../../test/support/scripted-protocol.ts';
import { SimulatedPlane } from '../../test/support/simulated-plane.ts';
import type { FilterBuilder, NetworkFilter } from '../net/filter.ts';

// What a reload does to connections that began before: they judge by the new configuration, or leave.

/** A link whose configuration says whether it denies; one that began while it did not cannot. */
function judge() {
  const told: unknown[] = [];
  let denies = false;
  const builder: FilterBuilder = Object.assign(
    (): NetworkFilter => {
      const began = denies;
      return {
        name: 'test.judge',
        enforces: began,
        onTurn: () => 'allow',
        get stale() {
          return denies && !began;
        },
      };
    },
    {
      update: (config: Readonly<Record<string, unknown>> | null) => {
        told.push(config);
        denies = config?.['denies'] === true;
        return true;
      },
      enforces: () => denies,
    },
  );
  const make = (config: Readonly<Record<string, unknown>>): FilterBuilder => {
    builder.update!(config);
    return builder;
  };
  return { told, make };
}

async function start(quiet: () => boolean, config: object | null) {
  const sessions: ScriptedSession[] = [];
  const protocol = scriptedProtocol({ quiet }, sessions, 'server');
  const link = judge();
  const wishes = (next: object | null, listener = {}): PlaneWishes => {
    const base: PlaneWishes = { protocol, link: link.make, listener };
    const { filterChains } = listenerConfig(base);
    const filters = filterChains[0]!.filters.flatMap((filter) =>
      filter.name !== 'test.judge' ? [filter] : next === null ? [] : [{ ...filter, config: { ...next } }],
    );
    return { ...base, listener: { ...listener, filterChains: [{ name: '', filters }] } };
  };
  const sim = await SimulatedPlane.start(wishes(config));
  const reload = async (next: object | null, listener = {}) => {
    expect(await sim.parts.doors.apply(snapshotOf(wishes(next, listener)))).toEqual([]);
    sim.run(5);
  };
  return { sim, link, sessions, reload };
}
const waiting = 'sluice.listener.front.awaiting_policy';

test('a change that links take over touches no connection', async () => {
  const { sim, link, reload } = await start(() => true, { denies: true });
  const { client } = sim.pair();
  client.send('a');
  sim.run(5);
  await reload({ denies: true, more: 1 });
  await reload({ denies: false });
  expect(link.told.slice(1)).toEqual([{ denies: true, more: 1 }, { denies: false }]);
  expect([sim.parts.plane.active, sim.stat(waiting)]).toEqual([1, 0]);
  expect(sim.parts.log.filter((line) => line.includes('leaves'))).toEqual([]);
  // Nor does the one that goes, or another change beside it.
  await reload(null);
  await reload({ denies: false }, { tcpBacklogSize: 5 });
  expect(sim.parts.plane.active).toBe(1);
});

for (const [what, before] of [
  ['in a gear in which nothing can be held', { denies: false }],
  ['without the link', null],
] as const)
  test(`a connection that began ${what} leaves at its next quiet point`, async () => {
    let quiet = false;
    const { sim, reload } = await start(() => quiet, before);
    const { client } = sim.pair();
    client.send('a');
    sim.run(5);
    await reload({ denies: true });
    expect([sim.parts.plane.active, sim.stat(waiting)]).toEqual([1, 1]);
    expect(sim.parts.log.filter((line) => line.includes('leaves'))).toEqual([
      'info listener front: 1 connection from before what it enforces now: each leaves at its next quiet point',
    ]);
    // Another reload does not count it again.
    await reload({ denies: true, more: 1 });
    expect(sim.stat(waiting)).toBe(1);
    quiet = true;
    client.send('b');
    sim.run(5);
    expect([sim.parts.plane.active, sim.stat(waiting)]).toEqual([0, 0]);
    expect(sim.stat('sluice.listener.front.drained_quiet')).toBe(1);
  });

test('one that nobody can read any more ends at once', async () => {
  const { sim, sessions, reload } = await start(() => true, { denies: false });
  const { client } = sim.pair();
  client.send('a');
  sim.run(5);
  sessions.at(-1)!.host.opaque('unknown_type');
  sim.run(5);
  expect(sim.parts.plane.active).toBe(1);
  await reload({ denies: true });
  expect([sim.parts.plane.active, sim.stat(waiting)]).toEqual([0, 0]);
});
