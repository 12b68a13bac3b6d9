import { call, equal, int, path, select, str } from './condition-cases.ts';
import {
  AUTHZ,
  admit,
  chain,
  type Fields,
  type FilterCase,
  filter,
  matcherOf,
  metadata,
  PRESENT,
  when,
} from './parts.ts';
import { VALUES } from './value-cases.ts';

/** `cluster`: one that allows, one that denies, one that fails, one that is too slow, one that nobody answers at. */
export const authz = (cluster: string, more: Fields = {}): Fields =>
  filter('ext_authz.v3.ExtAuthz', {
    stat_prefix: '{{name}}',
    // Without a timeout Envoy and Sluice wait 0.2 s, which a busy machine exceeds.
    grpc_service: { envoy_grpc: { cluster_name: cluster }, timeout: cluster === 'slow' ? '0.05s' : '15s' },
    transport_api_version: 'V3',
    ...more,
  });
export const AUTHZ_CLUSTERS = ['allows', 'denies', 'fails', 'slow', 'away'] as const;
export const EXT_AUTHZ: FilterCase[] = [
  chain('ext_authz allows', [authz('allows')], { sends: ['a', 'b'] }),
  chain('ext_authz denies', [authz('denies')], { sends: ['a', 'b'] }),
  chain('ext_authz fails', [authz('fails')]),
  chain('ext_authz is too slow', [authz('slow')]),
  chain('ext_authz is away', [authz('away')]),
  chain('ext_authz denies, failures allowed', [authz('denies', { failure_mode_allow: true })]),
  chain('ext_authz fails, failures allowed', [authz('fails', { failure_mode_allow: true })]),
  chain('ext_authz disabled', [authz('denies', { filter_enabled_metadata: matcherOf(['a'], PRESENT) })]),
  chain('ext_authz of no version', [authz('allows', { transport_api_version: undefined })]),
  chain('ext_authz of version 2', [authz('allows', { transport_api_version: 'V2' })]),
  chain('ext_authz of no cluster', [authz('nobody')]),
  ...Object.entries(VALUES).map(([name, [at, value, more]]) =>
    chain(`value ${name}`, [authz('allows', { stat_prefix: 'values' }), admit(metadata(at, value, more))]),
  ),
  chain('condition on metadata', [
    authz('allows', { stat_prefix: 'values' }),
    when(equal(select(call('_[_]', path('metadata', 'filter_metadata'), str(AUTHZ)), 'text'), str('Orders'))),
  ]),
  chain('condition on a number of metadata', [
    authz('allows', { stat_prefix: 'values' }),
    when(equal(select(call('_[_]', path('metadata', 'filter_metadata'), str(AUTHZ)), 'number'), int(5))),
  ]),
  chain('condition on a list of metadata', [
    authz('allows', { stat_prefix: 'values' }),
    when(call('@in', str('insert'), select(call('_[_]', path('metadata', 'filter_metadata'), str(AUTHZ)), 'list'))),
  ]),
];
