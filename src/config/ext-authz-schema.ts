import * as z from 'zod';
import { choice, message, name } from './field-types.ts';
import { grpcServiceSchema } from './grpc-service-schema.ts';
import { metadataMatch } from './rbac-values-schema.ts';
import type { FilterSchema } from './snapshot.ts';

export const EXT_AUTHZ_TYPE_URL = 'type.googleapis.com/envoy.extensions.filters.network.ext_authz.v3.ExtAuthz';

const DEFAULT_TIMEOUT_MS = 200;

/** Envoy's network ExtAuthz. What is of TLS is accepted and has no effect: there is no downstream TLS yet. */
const extAuthzConfig = message(
  {
    stat_prefix: name(),
    grpc_service: grpcServiceSchema(),
    failure_mode_allow: z.boolean().default(false),
    include_peer_certificate: z.boolean().default(false),
    transport_api_version: choice(['AUTO', 'V3'], ['V2']).default('AUTO'), // V3 either way (Envoy)
    filter_enabled_metadata: metadataMatch().optional(),
    include_tls_session: z.boolean().default(false),
    send_tls_alert_on_denial: z.boolean().default(false),
    metadata_context_namespaces: z.array(z.string().min(1).max(256)).max(64).default([]),
  },
  'bootstrap_metadata_labels_key typed_metadata_context_namespaces check_on_new_connection',
).transform(({ grpc_service: service, ...one }) => ({
  stat_prefix: one.stat_prefix,
  failure_mode_allow: one.failure_mode_allow,
  /** Null: always. */
  enabled: one.filter_enabled_metadata ?? null,
  metadata_context_namespaces: one.metadata_context_namespaces,
  service: {
    /** Null: at `target`. */
    cluster: service.envoy_grpc?.cluster_name ?? null,
    target: service.google_grpc?.target_uri ?? '',
    headers: service.initial_metadata,
    timeoutMs: service.timeout ?? DEFAULT_TIMEOUT_MS,
  },
}));

export type ExtAuthzConfig = z.output<typeof extAuthzConfig>;

export const extAuthzSchema: FilterSchema = {
  filterName: 'envoy.filters.network.ext_authz',
  typeUrl: EXT_AUTHZ_TYPE_URL,
  terminal: false,
  protocol: null,
  config: extAuthzConfig,
  options: null,
};
