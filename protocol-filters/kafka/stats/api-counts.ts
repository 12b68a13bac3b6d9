import type { Histogram } from '../../../src/stats/histogram.ts';
import type { StatIds, StatsRegistry } from '../../../src/stats/registry.ts';
import { APIS, type Api, ApiKey, apiOf } from '../schema/api.ts';
import { errorName } from '../schema/error-names.ts';
import {
  KAFKA_API_DURATION_STATS,
  KAFKA_API_REQUEST_STATS,
  KAFKA_API_RESPONSE_STATS,
  KAFKA_API_STATS,
  KAFKA_ERROR_STATS,
} from '../stat-groups.ts';
import { OTHER } from './slots.ts';

/** An API's name in Envoy's stats, which come of Kafka 3.9's schemas: one was renamed since. */
export const envoyName = ({ key, kind }: Api): string =>
  key === ApiKey.listConfigResources ? 'list_client_metrics_resources' : kind;

/** All APIs without a name share these. */
const UNKNOWN = 'Unknown';
/** Codes without a name that have stats of their own; and of pairs of API and code, against brokers that make them up. */
const MAX_UNNAMED = 32;
const MAX_ERRORS = 1024;
const ERROR_CODES = 65_536;

/** The stats of one API, resolved once. */
export interface ApiCounts {
  readonly own: StatIds<keyof typeof KAFKA_API_STATS.stats>;
  /** Envoy's; -1: of an API that has no name. */
  readonly request: number;
  readonly response: number;
  /** Envoy's; made with the API's first response. */
  duration: Histogram | null;
}

/** Stats by API, and of errors by API and code. */
export class ApiTable {
  readonly #registry: StatsRegistry;
  readonly #statPrefix: string;
  readonly #byKey: (ApiCounts | undefined)[] = [];
  #unknown: ApiCounts | null = null;
  readonly #errors = new Map<number, number>();
  readonly #unnamed = new Set<number>();

  constructor(registry: StatsRegistry, statPrefix: string) {
    this.#registry = registry;
    this.#statPrefix = statPrefix;
    // Envoy has all its counters from the start.
    for (const api of APIS.map(envoyName)) {
      registry.open(KAFKA_API_REQUEST_STATS, { stat_prefix: statPrefix, api });
      registry.open(KAFKA_API_RESPONSE_STATS, { stat_prefix: statPrefix, api });
    }
  }

  of(key: number): ApiCounts {
    return this.#byKey[key] ?? this.#open(key);
  }

  duration(key: number): Histogram | null {
    const counts = this.of(key);
    const api = apiOf(key);
    if (api === null) return null;
    if (counts.duration === null) {
      const parts = { stat_prefix: this.#statPrefix, api: envoyName(api), unit: 'ms' };
      counts.duration = this.#registry.histogram(
        this.#registry.open(KAFKA_API_DURATION_STATS, parts).response_duration,
      );
    }
    return counts.duration;
  }

  error(key: number, code: number): void {
    const at = key * ERROR_CODES + (code & 0xffff);
    this.#registry.inc(this.#errors.get(at) ?? this.#openError(key, code, at));
  }

  #open(key: number): ApiCounts {
    const api = apiOf(key);
    if (api === null) {
      this.#unknown ??= this.#counts(null);
      return this.#unknown;
    }
    const counts = this.#counts(api);
    this.#byKey[key] = counts;
    return counts;
  }

  #counts(api: Api | null): ApiCounts {
    const registry = this.#registry;
    const stat_prefix = this.#statPrefix;
    const own = registry.open(KAFKA_API_STATS, { stat_prefix, api: api?.name ?? UNKNOWN });
    if (api === null) return { own, request: -1, response: -1, duration: null };
    const { request } = registry.open(KAFKA_API_REQUEST_STATS, { stat_prefix, api: envoyName(api) });
    const { response } = registry.open(KAFKA_API_RESPONSE_STATS, { stat_prefix, api: envoyName(api) });
    return { own, request, response, duration: null };
  }

  #openError(key: number, number: number, at: number): number {
    const isNamed = !errorName(number).startsWith('ERROR_');
    if (!isNamed && this.#unnamed.size < MAX_UNNAMED) this.#unnamed.add(number);
    const isTold = (isNamed || this.#unnamed.has(number)) && this.#errors.size < MAX_ERRORS;
    const api = apiOf(key)?.name ?? UNKNOWN;
    const code = isTold ? errorName(number) : OTHER;
    const id = this.#registry.open(KAFKA_ERROR_STATS, { stat_prefix: this.#statPrefix, api, code }).total;
    if (isTold) this.#errors.set(at, id);
    return id;
  }
}
