import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv2019 } from 'ajv/dist/2019.js';
import formats from 'ajv-formats';
import { parse } from 'yaml';

// docker-compose.yml as tests read it.

export const ROOT = path.resolve(import.meta.dirname, '../..');
export const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');
export const yaml = <T>(file: string): T => parse(read(file), { merge: true }) as T;

export interface Service {
  readonly image: string;
  readonly build?: { readonly context: string; readonly target: string };
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly deploy?: { readonly resources: { readonly limits: { readonly cpus?: string; readonly memory?: string } } };
  readonly [key: string]: unknown;
}
export interface Compose {
  readonly name: string;
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, null>>;
}

export const compose = yaml<Compose>('docker-compose.yml');
export const services = Object.entries(compose.services);
export const service = (name: string): Service => compose.services[name]!;
export const mounts = services.flatMap(([name, { volumes = [] }]) =>
  volumes.map((text) => {
    const [from = '', to = '', mode = ''] = text.split(':');
    return { name, from, to, mode };
  }),
);

/** Ports that each service listens on in compose's network. */
export const LISTENS: Readonly<Record<string, readonly number[]>> = {
  sluice: [9901, 9100, 15432, 13306, 16379, 37017, 12181, 19092, 19093],
  load: [],
  postgres: [5432],
  mariadb: [3306],
  redis: [6379],
  mongodb: [27017],
  zookeeper: [2181],
  'kafka-1': [9092, 9093],
  'kafka-2': [9092],
  clickhouse: [8123, 9000],
  'otel-collector': [4317, 4318, 8888, 13133],
  prometheus: [9090],
  grafana: [3000],
};

/** Problems of a value by a JSON schema; empty when there is none. */
export function validator(schema: object): (value: unknown) => readonly string[] {
  const ajv = new Ajv2019({ strict: false, allErrors: true });
  formats.default(ajv);
  // Compose's own formats; its durations are not ISO's.
  ajv.addFormat('duration', /^(\d+(us|ms|s|m|h))+$/);
  ajv.addFormat('ports', /^((\d{1,3}\.){3}\d{1,3}:)?\d+(:\d+)?(\/(tcp|udp))?$/);
  ajv.addFormat('expose', /^\d+(-\d+)?(\/(tcp|udp))?$/);
  ajv.addFormat('subnet_ip_address', true);
  const validate = ajv.compile(modern(schema));
  return (value) => (validate(value) ? [] : ajv.errorsText(validate.errors).split(', '));
}

/** Compose's schema names its draft and its parts as an older one did. References in it are paths, so names may go. */
function modern(schema: object): object {
  const isName = (key: string, value: unknown) => (key === 'id' || key === '$schema') && typeof value === 'string';
  return JSON.parse(
    JSON.stringify(schema, (key, value: unknown) => (isName(key, value) ? undefined : value)),
  ) as object;
}
