import type { Json, JsonMap } from '../config/tree.ts';
import type { ListenerInfo } from './data-plane.ts';

const ADMIN = 'type.googleapis.com/envoy.admin.v3';

/**
 * The running configuration as Envoy's `/config_dump` lays it out, and behind it, where there are any, the addresses that
 * lead to one upstream host each. `updatedAt`: ms since the epoch.
 */
export function configDump(
  expanded: JsonMap,
  version: string,
  updatedAt: number,
  listeners: readonly ListenerInfo[] = [],
): object {
  const last_updated = new Date(updatedAt).toISOString();
  const resources = mapOf(expanded['static_resources']);
  const dump = (field: string, typeUrl: string, key: string) =>
    listOf(resources[field]).map((one) => ({ [key]: { '@type': typeUrl, ...mapOf(one) }, last_updated }));
  const doors = listeners.flatMap(({ name, address, upstream }) =>
    !upstream ? [] : [{ listener: name, address, upstream }],
  );
  return {
    configs: [
      { '@type': `${ADMIN}.BootstrapConfigDump`, bootstrap: expanded, last_updated },
      {
        '@type': `${ADMIN}.ClustersConfigDump`,
        version_info: version,
        static_clusters: dump('clusters', 'type.googleapis.com/envoy.config.cluster.v3.Cluster', 'cluster'),
      },
      {
        '@type': `${ADMIN}.ListenersConfigDump`,
        version_info: version,
        static_listeners: dump('listeners', 'type.googleapis.com/envoy.config.listener.v3.Listener', 'listener'),
      },
      ...(doors.length > 0 ? [{ '@type': 'type.googleapis.com/sluice.admin.v1.DoorsConfigDump', doors }] : []),
    ],
  };
}

const mapOf = (value: Json | undefined): Readonly<Record<string, Json>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
const listOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);
