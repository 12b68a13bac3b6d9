import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CASES, chainOf } from '../support/envoy-filters/cases.ts';
import { play, type Seen, startAuthz } from '../support/envoy-filters/driver.ts';
import type { FilterCase } from '../support/envoy-filters/parts.ts';
import { type EndedConnection, type FilePlane, snapshotOf, startFilePlane } from '../support/file-plane.ts';
import { freePort } from '../support/free-port.ts';
import { poll } from '../support/poll.ts';

// The same files and clients before a real Envoy, once (test/support/envoy-filters/record.ts), and before Sluice, here.

interface Logged {
  readonly details: string | null;
  readonly flags: string | null;
  readonly rbac: Readonly<Record<string, unknown>> | null;
  readonly common: Readonly<Record<string, unknown>> | null;
}
interface Recorded {
  readonly name: string;
  readonly refused?: true;
  readonly clients: readonly Seen[];
  readonly stats: Readonly<Record<string, number>>;
  readonly logs: readonly Logged[];
}
const fixture = JSON.parse(
  readFileSync(new URL('../support/envoy-filters/fixtures/envoy-1.40.json', import.meta.url), 'utf8'),
) as { requests: string[]; results: Recorded[] };
const recorded = new Map(fixture.results.map((one) => [one.name, one]));

/** Taken there and refused here: docs/envoy-differences.md says why. */
const STRICTER: ReadonlySet<string> = new Set(['rules a counted repetition', 'ext_authz of no cluster']);

const cluster = (name: string, port: number) => ({
  name,
  connect_timeout: '1s',
  load_assignment: {
    cluster_name: name,
    endpoints: [
      { lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } }] },
    ],
  },
});
const fileOf = (cases: readonly FilterCase[], clusters: readonly unknown[]) => ({
  static_resources: {
    listeners: cases.map((one) => ({
      name: one.name,
      address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
      filter_chains: [{ filters: chainOf(one) }],
      access_log: [
        {
          name: 'envoy.access_loggers.stdout',
          typed_config: { '@type': 'type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog' },
        },
      ],
    })),
    clusters,
  },
});

const CLUSTERS = ['allows', 'denies', 'fails', 'slow', 'away'].map((name) => cluster(name, 1));

describe('configuration', () => {
  for (const one of CASES) {
    const isRefused = recorded.get(one.name)?.refused === true || STRICTER.has(one.name);
    test(`${one.name}: ${isRefused ? 'refused' : 'taken'}`, async () => {
      const loaded = snapshotOf(fileOf([one], CLUSTERS));
      if (isRefused) await expect(loaded).rejects.toThrow();
      else await loaded;
    });
  }
});

describe('behaviour', () => {
  const running = CASES.filter(({ name }) => recorded.get(name)?.refused !== true && !STRICTER.has(name));
  const seen = new Map<string, Seen[]>();
  let plane: FilePlane;
  let requests: readonly Buffer[] = [];

  beforeAll(async () => {
    const authz = await startAuthz();
    requests = authz.requests;
    const clusters = [...Object.entries(authz.ports), ['away', await freePort()] as const];
    plane = await startFilePlane(
      fileOf(
        running,
        clusters.map(([name, port]) => cluster(name, port)),
      ),
    );
    for (let at = 0; at < running.length; at += 20)
      await Promise.all(
        running
          .slice(at, at + 20)
          .map(async (one) =>
            seen.set(one.name, await play(one, plane.port(one.name), recorded.get(one.name)?.clients)),
          ),
      );
    const clients = running.reduce((sum, one) => sum + (one.clients ?? 1), 0);
    await poll('all connections end', () => plane.connections.length === clients);
    authz.stop();
  });
  afterAll(() => plane.stop());

  const logged = ({ flags, details, metadata }: EndedConnection): Logged => ({
    details: details || null,
    flags: flags || '-',
    rbac: withoutOwn(metadata['envoy.filters.network.rbac'] ?? {}),
    common: metadata['envoy.common'] ?? null,
  });
  /** Sluice tells what the enforced rules said besides. */
  const withoutOwn = (results: Readonly<Record<string, unknown>>): Record<string, unknown> | null => {
    const kept = Object.entries(results).filter(([key]) => !key.startsWith('enforced_'));
    return kept.length === 0 ? null : Object.fromEntries(kept);
  };

  for (const [i, one] of CASES.entries())
    if (running.includes(one))
      test(`${one.name}`, () => {
        const recordedOne = recorded.get(one.name)!;
        const want = { ...recordedOne, stats: withoutUnderflow(recordedOne.stats) };
        const stats = Object.fromEntries(
          Object.keys(want.stats).map((name) => [name, statOf(plane, name, i)] as const),
        );
        const logs = plane.connections.filter(({ listener }) => listener === one.name).map(logged);
        expect({ clients: seen.get(one.name), stats, logs }).toEqual({
          clients: want.clients,
          stats: want.stats,
          logs: want.logs.map(({ details, flags, rbac, common }) => ({ details, flags, rbac, common })),
        });
      });

  /** Envoy's gauge falls below 0 where its connection_limit is switched off. */
  const withoutUnderflow = (of: Readonly<Record<string, number>>): Record<string, number> =>
    Object.fromEntries(Object.entries(of).filter(([, value]) => value < 2 ** 63));

  /** The recorder left the case's own part of the names out. */
  const statOf = (of: FilePlane, name: string, index: number): number | undefined =>
    of.stats.list
      .filter((stat) => stat.name.replace(`case${index}.`, '') === name)
      .map(({ id }) => of.stats.get(id))[0];

  test('the authorization service gets the same request', () => {
    const [theirs, ours] = [Buffer.from(fixture.requests[0]!, 'base64'), requests[0]!];
    expect(withoutPorts(ours)).toEqual(withoutPorts(theirs));
  });

  /** Cut at the addresses: behind each stands its port, in three bytes from 16384 on. */
  const withoutPorts = (bytes: Buffer): string[] =>
    bytes
      .toString('latin1')
      .split('127.0.0.1')
      .map((part, i) => (i === 0 ? part : part[0]! + part.slice(4)));

  test('an authorization service that gives no answer is told of once a host', () => {
    const told = plane.log.filter((line) => line.startsWith('warn'));
    expect(told.map((line) => /cluster (\w+): .* \((\w+)\)/.exec(line)?.slice(1).join(' ')).sort()).toEqual([
      'away UNAVAILABLE',
      'fails INTERNAL',
      'slow DEADLINE_EXCEEDED',
    ]);
  });

  test('no bug was met on the way', () => {
    expect(plane.log.filter((line) => line.startsWith('error'))).toEqual([]);
  });
});
