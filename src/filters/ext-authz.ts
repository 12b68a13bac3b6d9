import type { ExtAuthzConfig } from '../config/ext-authz-schema.ts';
import {
  type ConnectionEvent,
  type FilterBuilder,
  type FilterCallbacks,
  FilterStatus,
  type NetworkFilter,
} from '../net/filter.ts';
import { metadataTest } from '../policy/rbac/value-match.ts';
import { type StatIds, type StatsRegistry, statGroup } from '../stats/registry.ts';
import type { Cluster, Host } from '../upstream/cluster.ts';
import { type AuthzClient, type AuthzError, GrpcAuthzClient } from './ext-authz-client.ts';
import { checkRequest, checkResponse } from './ext-authz-messages.ts';
import { peerAddress } from './rbac-input.ts';
import { connectionMetadata } from './rbac-metadata.ts';

/** Envoy's network ext_authz. */
export const extAuthzStats = statGroup('ext_authz.<stat_prefix>.', {
  total: { kind: 'counter', help: 'Connections that the authorization service was asked about.' },
  error: {
    kind: 'counter',
    help: 'Of these, those about which it gave no answer in time, or none that could be read.',
  },
  denied: { kind: 'counter', help: 'Of these, those that it denied.' },
  disabled: { kind: 'counter', help: 'Connections that it was not asked about, as filter_enabled_metadata says.' },
  failure_mode_allowed: { kind: 'counter', help: 'Connections that went on without an answer: failure_mode_allow.' },
  ok: { kind: 'counter', help: 'Connections that it allowed.' },
  cx_closed: { kind: 'counter', help: 'Connections that were closed.' },
  active: { kind: 'gauge', help: 'Connections that wait for its answer.' },
});

export interface ExtAuthzEnv {
  readonly stats: StatsRegistry;
  cluster(name: string): Cluster | undefined;
  /** Of tests. */
  readonly client?: AuthzClient;
}

const NAME = 'envoy.filters.network.ext_authz';

/**
 * Asks an authorization service about each connection when its first bytes come, which wait for the answer. Without one the
 * connection is closed, unless `failure_mode_allow` says otherwise.
 */
export function extAuthz(config: ExtAuthzConfig, env: ExtAuthzEnv): FilterBuilder {
  const ids = env.stats.open(extAuthzStats, { stat_prefix: config.stat_prefix });
  const client = env.client ?? new GrpcAuthzClient(config.service);
  const enabled = config.enabled === null ? () => true : metadataTest(config.enabled);
  return (callbacks) => new ExtAuthz({ config, env, ids, client, enabled }, callbacks);
}

interface Shared {
  readonly config: ExtAuthzConfig;
  readonly env: ExtAuthzEnv;
  readonly ids: StatIds<keyof typeof extAuthzStats.stats>;
  readonly client: AuthzClient;
  readonly enabled: ReturnType<typeof metadataTest>;
}

class ExtAuthz implements NetworkFilter {
  readonly name = NAME;
  readonly #shared: Shared;
  readonly #callbacks: FilterCallbacks;
  #state: 'not_asked' | 'asking' | 'allowed' | 'closed' = 'not_asked';
  #call: { cancel(): void } | null = null;
  /** Whom, where the service is a cluster's. */
  #asked: { readonly cluster: Cluster; readonly host: Host } | null = null;

  constructor(shared: Shared, callbacks: FilterCallbacks) {
    this.#shared = shared;
    this.#callbacks = callbacks;
  }

  onData(): FilterStatus {
    if (this.#state === 'not_asked') this.#ask();
    return this.#state === 'allowed' ? FilterStatus.Continue : FilterStatus.StopIteration;
  }

  onEvent(event: ConnectionEvent): void {
    if (event === 'connected') return;
    this.#call?.cancel();
    if (this.#state === 'asking') this.#count('active', -1);
    this.#state = 'closed';
  }

  #count(stat: keyof typeof extAuthzStats.stats, by = 1): void {
    this.#shared.env.stats.add(this.#shared.ids[stat], by);
  }

  #ask(): void {
    const { info } = this.#callbacks.connection;
    if (!this.#shared.enabled(connectionMetadata(info.metadata))) {
      this.#count('disabled');
      this.#state = 'allowed';
      return;
    }
    this.#state = 'asking';
    this.#count('active');
    this.#count('total');
    const { service } = this.#shared.config;
    if (service.cluster === null) {
      this.#callAt(service.target);
      return;
    }
    const cluster = this.#shared.env.cluster(service.cluster);
    if (cluster === undefined) this.#later({ why: 'no cluster' });
    else
      cluster.whenResolved(() => {
        const host = cluster.pick();
        if (host !== null) this.#asked = { cluster, host };
        if (host === null) this.#later({ why: 'no host' });
        else this.#callAt(host.address.kind === 'pipe' ? `unix:${host.address.host}` : host.address.text);
      });
  }

  #callAt(target: string): void {
    if (this.#state !== 'asking') return;
    const { facts, info } = this.#callbacks.connection;
    const wanted = this.#shared.config.metadata_context_namespaces;
    const request = checkRequest({
      source: peerAddress(facts.clientAddress),
      destination: peerAddress(facts.localAddress),
      metadata: Object.fromEntries([...info.metadata].filter(([namespace]) => wanted.includes(namespace))),
    });
    this.#call = this.#shared.client.check(target, request, (answer) => this.#answered(answer));
  }

  /** Not within onData, whose caller has the bytes in its hands. */
  #later(error: AuthzError): void {
    queueMicrotask(() => this.#answered(error));
  }

  #answered(answer: Buffer | AuthzError): void {
    if (this.#state !== 'asking') return;
    const { connection } = this.#callbacks;
    try {
      this.#count('active', -1);
      this.#decide(answer);
    } catch (error) {
      connection.fail(error);
    }
  }

  #decide(answer: Buffer | AuthzError): void {
    const { connection } = this.#callbacks;
    const { info } = connection;
    const read = 'why' in answer ? null : checkResponse(answer);
    // For the operator: one line when it begins, one when it is over.
    if (read !== null) this.#asked?.cluster.reached(this.#asked.host);
    else this.#asked?.cluster.failed(this.#asked.host, 'why' in answer ? answer.why : 'an answer that cannot be read');
    if (read !== null && Object.keys(read.metadata).length > 0)
      info.metadata.set(NAME, { ...info.metadata.get(NAME), ...read.metadata });
    this.#count(read === null ? 'error' : read.ok ? 'ok' : 'denied');
    if (read === null ? !this.#shared.config.failure_mode_allow : !read.ok) {
      this.#state = 'closed';
      this.#count('cx_closed');
      info.flags.add('UAEX');
      connection.close('no_flush', 'ext_authz_close');
      return;
    }
    if (read === null) this.#count('failure_mode_allowed');
    this.#state = 'allowed';
    this.#callbacks.continueReading();
  }
}
