import { statGroup } from '../stats/registry.ts';

/** Envoy's tcp_proxy stats that exist here. */
export const tcpProxyStats = statGroup('tcp.<stat_prefix>.', {
  downstream_cx_total: { kind: 'counter', help: 'Connections handled.' },
  downstream_cx_no_route: { kind: 'counter', help: 'Connections whose cluster does not exist.' },
  downstream_cx_rx_bytes_total: { kind: 'counter', help: 'Bytes received from clients.' },
  downstream_cx_tx_bytes_total: { kind: 'counter', help: 'Bytes sent to clients.' },
  downstream_flow_control_paused_reading_total: {
    kind: 'counter',
    help: 'Times reading from a client stopped because its server was slow.',
  },
  downstream_flow_control_resumed_reading_total: {
    kind: 'counter',
    help: 'Times reading from a client went on again.',
  },
  early_data_received_count_total: {
    kind: 'counter',
    help: 'Connections that sent bytes before their server was connected.',
  },
  idle_timeout: { kind: 'counter', help: 'Connections closed after idle_timeout without a byte.' },
  upstream_flush_total: {
    kind: 'counter',
    help: 'Connections whose client left while bytes for the server were still on their way.',
  },
});
