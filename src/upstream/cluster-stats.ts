import { statGroup } from '../stats/registry.ts';

/** Envoy's cluster stats that exist here. */
export const clusterStats = statGroup('cluster.<cluster_name>.', {
  upstream_cx_total: { kind: 'counter', help: 'Connections dialled.' },
  upstream_cx_connect_fail: { kind: 'counter', help: 'Connections that could not be made.' },
  upstream_cx_connect_timeout: { kind: 'counter', help: 'Connections not made within connect_timeout.' },
  upstream_cx_connect_attempts_exceeded: { kind: 'counter', help: 'Clients given up after max_connect_attempts.' },
  upstream_cx_none_healthy: { kind: 'counter', help: 'Times no host was there to dial.' },
  upstream_cx_destroy: { kind: 'counter', help: 'Connections ended.' },
  upstream_cx_destroy_local: { kind: 'counter', help: 'Connections ended by us.' },
  upstream_cx_destroy_remote: { kind: 'counter', help: 'Connections ended by the server.' },
  upstream_cx_rx_bytes_total: { kind: 'counter', help: 'Bytes received from servers.' },
  upstream_cx_tx_bytes_total: { kind: 'counter', help: 'Bytes sent to servers.' },
  upstream_flow_control_paused_reading_total: {
    kind: 'counter',
    help: 'Times reading from a server stopped because its client was slow.',
  },
  upstream_flow_control_resumed_reading_total: { kind: 'counter', help: 'Times reading from a server went on again.' },
  upstream_flow_control_backed_up_total: { kind: 'counter', help: 'Times a server did not take what its client sent.' },
  upstream_flow_control_drained_total: { kind: 'counter', help: 'Times a backed-up server took everything again.' },
  membership_change: { kind: 'counter', help: 'Changes of the set of hosts.' },
  update_attempt: { kind: 'counter', help: 'DNS resolutions begun.' },
  update_success: { kind: 'counter', help: 'DNS resolutions that gave addresses.' },
  update_failure: { kind: 'counter', help: 'DNS resolutions that failed; the hosts stay as they were.' },
  upstream_cx_active: { kind: 'gauge', help: 'Connections to servers open now.' },
  membership_total: { kind: 'gauge', merge: 'max', help: 'Hosts.' },
  membership_healthy: { kind: 'gauge', merge: 'max', help: 'Hosts that can be chosen.' },
  upstream_cx_connect_ms: { kind: 'histogram', help: 'Time to connect to a server.' },
  upstream_cx_length_ms: { kind: 'histogram', help: 'Time from connect to close of a server connection.' },
});
