import { chain, type Fields, type FilterCase, filter } from './parts.ts';

export const FLAG = { default_value: false, runtime_key: 'nope' };
export const bucket = (max_tokens: number, more: Fields = {}): Fields => ({
  max_tokens,
  fill_interval: '3600s',
  ...more,
});

export const OTHERS: FilterCase[] = [
  chain('echo', [filter('echo.v3.Echo', {})], { sends: ['a', 'b'] }),
  chain('echo with a field', [filter('echo.v3.Echo', { nope: 1 })]),
  chain('direct_response text', [filter('direct_response.v3.Config', { response: { inline_string: 'hello' } })]),
  chain('direct_response bytes', [filter('direct_response.v3.Config', { response: { inline_bytes: 'aGVsbG8=' } })]),
  chain('direct_response empty', [filter('direct_response.v3.Config', {})]),
  chain('direct_response of nothing', [filter('direct_response.v3.Config', { response: {} })]),
  chain('direct_response of a file that is not there', [
    filter('direct_response.v3.Config', { response: { filename: '/nonexistent/file' } }),
  ]),
  chain('direct_response before another', [
    filter('direct_response.v3.Config', { response: { inline_string: 'hello' } }),
    filter('echo.v3.Echo', {}),
  ]),
  chain(
    'connection_limit',
    [filter('connection_limit.v3.ConnectionLimit', { stat_prefix: '{{name}}', max_connections: 2 })],
    {
      clients: 4,
    },
  ),
  chain(
    'connection_limit delayed',
    [filter('connection_limit.v3.ConnectionLimit', { stat_prefix: '{{name}}', max_connections: 1, delay: '0.05s' })],
    { clients: 2 },
  ),
  chain(
    'connection_limit switched off',
    [
      filter('connection_limit.v3.ConnectionLimit', {
        stat_prefix: '{{name}}',
        max_connections: 1,
        runtime_enabled: FLAG,
      }),
    ],
    { clients: 2 },
  ),
  chain('connection_limit of none', [
    filter('connection_limit.v3.ConnectionLimit', { stat_prefix: '{{name}}', max_connections: 0 }),
  ]),
  chain('connection_limit without one', [filter('connection_limit.v3.ConnectionLimit', { stat_prefix: '{{name}}' })]),
  chain('connection_limit without a prefix', [filter('connection_limit.v3.ConnectionLimit', { max_connections: 1 })]),
  chain(
    'local_ratelimit',
    [filter('local_ratelimit.v3.LocalRateLimit', { stat_prefix: '{{name}}', token_bucket: bucket(2) })],
    {
      clients: 4,
    },
  ),
  chain(
    'local_ratelimit switched off',
    [
      filter('local_ratelimit.v3.LocalRateLimit', {
        stat_prefix: '{{name}}',
        token_bucket: bucket(1),
        runtime_enabled: FLAG,
      }),
    ],
    { clients: 3 },
  ),
  chain(
    'local_ratelimit shared',
    [
      filter('local_ratelimit.v3.LocalRateLimit', { stat_prefix: '{{name}}', token_bucket: bucket(5), share_key: 'k' }),
      filter('local_ratelimit.v3.LocalRateLimit', {
        stat_prefix: '{{name}}.b',
        token_bucket: bucket(5),
        share_key: 'k',
      }),
    ],
    { clients: 4 },
  ),
  chain(
    'local_ratelimit of another bucket',
    [
      filter('local_ratelimit.v3.LocalRateLimit', { stat_prefix: '{{name}}', token_bucket: bucket(3), share_key: 'l' }),
      filter('local_ratelimit.v3.LocalRateLimit', {
        stat_prefix: '{{name}}.b',
        token_bucket: bucket(4),
        share_key: 'l',
      }),
    ],
    { clients: 4 },
  ),
  chain('local_ratelimit without a bucket', [filter('local_ratelimit.v3.LocalRateLimit', { stat_prefix: '{{name}}' })]),
  chain('local_ratelimit filled too often', [
    filter('local_ratelimit.v3.LocalRateLimit', {
      stat_prefix: '{{name}}',
      token_bucket: bucket(1, { fill_interval: '0.049s' }),
    }),
  ]),
  chain('local_ratelimit without tokens', [
    filter('local_ratelimit.v3.LocalRateLimit', { stat_prefix: '{{name}}', token_bucket: bucket(0) }),
  ]),
  chain('local_ratelimit filled with nothing', [
    filter('local_ratelimit.v3.LocalRateLimit', {
      stat_prefix: '{{name}}',
      token_bucket: bucket(1, { tokens_per_fill: 0 }),
    }),
  ]),
];
