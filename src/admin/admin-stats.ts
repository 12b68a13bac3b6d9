import { statGroup } from '../stats/registry.ts';

/** What the admin server counts of itself. */
export const adminStats = statGroup('sluice.admin.', {
  requests: { kind: 'counter', help: 'Requests answered by the admin and metrics servers.' },
  requests_refused: {
    kind: 'counter',
    help: 'Requests refused because Host or Origin named a place that this server does not go by.',
  },
  stream_events: { kind: 'counter', help: 'Exchanges sent to readers of /api/exchanges.' },
  stream_dropped: {
    kind: 'counter',
    help: 'Exchanges not sent to a reader of /api/exchanges because it, or the stream, was too slow.',
  },
  stream_readers: { kind: 'gauge', help: 'Readers of /api/exchanges now.' },
});
