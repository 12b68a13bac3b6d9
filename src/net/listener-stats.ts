import { statGroup } from '../stats/registry.ts';

/** Envoy's listener stats that exist here; `address` is the listener's stat_prefix or its address with `:` as `_`. */
export const listenerStats = statGroup('listener.<address>.', {
  downstream_cx_total: { kind: 'counter', help: 'Connections accepted.' },
  downstream_cx_destroy: { kind: 'counter', help: 'Connections ended.' },
  downstream_cx_overflow: {
    kind: 'counter',
    help: 'Connections refused because the worker was at its connection limit.',
  },
  no_filter_chain_match: { kind: 'counter', help: 'Connections closed because no filter chain matched.' },
  downstream_cx_active: { kind: 'gauge', help: 'Connections open now.' },
  downstream_cx_length_ms: { kind: 'histogram', help: 'Time from accept to close of a connection.' },
});

/** Ours beside. */
export const listenerOwnStats = statGroup('sluice.listener.<address>.', {
  internal_errors: {
    kind: 'counter',
    help: 'Connections ended by an error of our own: each is a bug worth reporting.',
  },
  drained_quiet: {
    kind: 'counter',
    help: 'Connections that a drain closed at a quiet point, with the protocol’s farewell.',
  },
  drained_cut: { kind: 'counter', help: 'Connections that a drain cut at its limit.' },
  awaiting_policy: {
    kind: 'gauge',
    help: 'Connections that began before their listener enforced policies, and have not come to a quiet point since: they are not under them yet.',
  },
});

/** A connection that could not be read any more: `reason` is the decoder’s fault. */
export const opaqueStats = statGroup('sluice.opaque.<protocol>.<reason>.', {
  connections: {
    kind: 'counter',
    help: 'Connections whose decoding ended early; in observe mode their bytes flow on unread.',
  },
});

/** Messages that belong to no exchange; `kind` is the protocol’s word. */
export const asideStats = statGroup('sluice.asides.<protocol>.<kind>.', {
  messages: { kind: 'counter', help: 'Messages that answer no request: notices, notifications, pushes, heartbeats.' },
  bytes: { kind: 'counter', help: 'Bytes of such messages.' },
});
