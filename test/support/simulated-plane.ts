import { expect } from 'vitest';
import { SimulatedClock, SimulatedNetwork, seeded, type WireOptions } from '../../src/net/simulated.ts';
import type { Address } from '../../src/net/transport.ts';
import type { Resolve } from '../../src/upstream/dns.ts';
import { Endpoint } from './endpoint.ts';
import { LISTENER, type PlaneParts, type PlaneWishes, planeOn, SERVER, snapshotOf } from './plane-parts.ts';

/** The whole of it on simulated wires: a client, the plane, a server, and nothing happens but by run(). */
export class SimulatedPlane {
  readonly clock = new SimulatedClock();
  readonly network: SimulatedNetwork;
  readonly parts: PlaneParts;
  readonly servers: Endpoint[] = [];
  readonly wishes: PlaneWishes;

  static async start(
    wishes: PlaneWishes = {},
    wire: Partial<WireOptions> & { seed?: number; resolve?: Resolve; server?: boolean } = {},
  ): Promise<SimulatedPlane> {
    const simulated = new SimulatedPlane(wishes, wire);
    if (wire.server !== false) await Endpoint.listen(simulated.network, SERVER, simulated.servers);
    expect(await simulated.parts.doors.apply(snapshotOf(wishes))).toEqual([]);
    return simulated;
  }

  private constructor(wishes: PlaneWishes, wire: Partial<WireOptions> & { seed?: number; resolve?: Resolve }) {
    const random = wire.random ?? seeded(wire.seed ?? 1);
    this.wishes = wishes;
    this.network = new SimulatedNetwork(this.clock, { random, ...(wire.seed === undefined ? WHOLE : {}), ...wire });
    this.parts = planeOn(this.network, this.clock, wishes, random, wire.resolve);
  }

  dial(to: Address = LISTENER): Endpoint {
    return Endpoint.dial(this.network, to);
  }

  /** A client whose server is connected too. */
  pair(): { client: Endpoint; server: Endpoint } {
    const before = this.servers.length;
    const client = this.dial();
    this.run(5);
    const server = this.servers[before];
    if (server === undefined) throw new Error('the server was not dialled');
    return { client, server };
  }

  run(untilMs?: number): void {
    this.clock.run(untilMs === undefined ? undefined : this.clock.now() + untilMs);
  }

  stat(name: string): number {
    return this.parts.stats.value(name) ?? Number.NaN;
  }

  /** Everything that was opened is closed, on both sides, and was counted so. */
  expectBalanced(): void {
    const { observer, plane, errors } = this.parts;
    expect({
      errors,
      transports: this.network.open,
      active: plane.active,
      listed: plane.connections().length,
      downstream: this.stat('listener.front.downstream_cx_active'),
      upstream: this.stat('cluster.db.upstream_cx_active'),
      hosts: plane.hosts().reduce((sum, host) => sum + host.cxActive, 0),
      sessions: observer.sessions,
      exchanges: observer.open,
      learned: this.parts.keys.size,
    }).toEqual({
      errors: [],
      transports: 0,
      active: 0,
      listed: 0,
      downstream: 0,
      upstream: 0,
      hosts: 0,
      sessions: 0,
      exchanges: 0,
      learned: 0,
    });
    expect(this.stat('listener.front.downstream_cx_destroy')).toBe(this.stat('listener.front.downstream_cx_total'));
    expect(this.stat('cluster.db.upstream_cx_destroy')).toBe(this.stat('cluster.db.upstream_cx_total'));
    expect(this.stat('cluster.db.upstream_cx_destroy_local') + this.stat('cluster.db.upstream_cx_destroy_remote')).toBe(
      this.stat('cluster.db.upstream_cx_destroy'),
    );
  }
}

/** Without a seed: whole pieces, no delay. */
const WHOLE = { segment: (available: number) => available, delay: () => 0 };
