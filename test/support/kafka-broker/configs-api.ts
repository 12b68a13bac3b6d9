import { api, type Call } from './call.ts';
import { codeOf } from './errors.ts';

/** Kafka's numbers of resource types, and of where a value comes from. */
const TOPIC = 2;
const BROKER = 4;
const FROM_TOPIC = 1;
const FROM_DEFAULT = 5;

interface Resource {
  readonly resourceType: number;
  readonly resourceName: string;
}

const DEFAULTS: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  [TOPIC]: { 'cleanup.policy': 'delete', 'retention.ms': '604800000', 'min.insync.replicas': '1' },
  [BROKER]: { 'log.retention.ms': '604800000', 'message.max.bytes': '1048588' },
};

/** What was set for it; null: there is no such thing. */
function settingsOf({ resourceType, resourceName }: Resource, { cluster }: Call): Map<string, string> | null {
  if (resourceType === TOPIC) return cluster.topics.get(resourceName)?.configs ?? null;
  return resourceType === BROKER && cluster.brokers[Number(resourceName) - 1] !== undefined ? new Map() : null;
}

const unknown = ({ resourceType }: Resource): number =>
  codeOf(resourceType === TOPIC ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'INVALID_REQUEST');

function describe(resource: Resource & { readonly configurationKeys: readonly string[] | null }, call: Call) {
  const { resourceType, resourceName, configurationKeys } = resource;
  const set = settingsOf(resource, call);
  const about = { resourceType, resourceName, errorMessage: null };
  const forced = call.forced(resourceType === TOPIC ? resourceName : undefined);
  if (set === null || forced !== 0) return { ...about, errorCode: forced || unknown(resource), configs: [] };
  const all = { ...DEFAULTS[resourceType], ...Object.fromEntries(set) };
  const configs = Object.entries(all)
    .filter(([name]) => configurationKeys === null || configurationKeys.includes(name))
    .map(([name, value]) => ({
      name,
      value,
      isDefault: !set.has(name),
      configSource: set.has(name) ? FROM_TOPIC : FROM_DEFAULT,
      configType: 2,
      documentation: null,
    }));
  return { ...about, configs };
}

type Change = (set: Map<string, string>) => void;

function alter(resource: Resource, validateOnly: boolean, change: Change, call: Call) {
  const { resourceType, resourceName } = resource;
  const set = settingsOf(resource, call);
  const forced = call.forced(resourceType === TOPIC ? resourceName : undefined);
  const errorCode = forced || (set === null ? unknown(resource) : 0);
  if (errorCode === 0 && !validateOnly) change(set!);
  return { resourceType, resourceName, errorCode, errorMessage: null };
}

export const configsApis = {
  DescribeConfigs: api<{ readonly resources: readonly (Resource & { readonly configurationKeys: string[] | null })[] }>(
    [0, 4],
    ({ resources }, call) => ({ results: resources.map((resource) => describe(resource, call)) }),
    true,
  ),

  AlterConfigs: api<{
    readonly resources: readonly (Resource & { readonly configs: readonly { name: string; value: string | null }[] })[];
    readonly validateOnly: boolean;
  }>(
    [0, 2],
    ({ resources, validateOnly }, call) => ({
      responses: resources.map((resource) =>
        alter(
          resource,
          validateOnly,
          (set) => {
            set.clear();
            for (const { name, value } of resource.configs) if (value !== null) set.set(name, value);
          },
          call,
        ),
      ),
    }),
    true,
  ),

  IncrementalAlterConfigs: api<{
    readonly resources: readonly (Resource & {
      readonly configs: readonly { name: string; configOperation: number; value: string | null }[];
    })[];
    readonly validateOnly: boolean;
  }>(
    [0, 1],
    ({ resources, validateOnly }, call) => ({
      responses: resources.map((resource) =>
        alter(
          resource,
          validateOnly,
          (set) => {
            for (const { name, configOperation, value } of resource.configs) {
              if (configOperation === 1 || value === null) set.delete(name);
              else set.set(name, value);
            }
          },
          call,
        ),
      ),
    }),
    true,
  ),
};
