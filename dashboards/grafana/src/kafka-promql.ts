import { INSTANCE, rate } from './promql.ts';
import { promql, type Target } from './targets.ts';

/** What the panels of Kafka have in common. Its filters count by their stat_prefix; lag and groups are known by listener. */
export const ALL_FILTERS = 'Of all Kafka filters. Prometheus.';
export const BY_LISTENER = `${INSTANCE},sluice_listener=~"$listener"`;

export const own = (counter: string, legend: string): Target =>
  promql(rate(`sluice_kafka_${counter}_total`, INSTANCE), legend);

/** The busiest of a counter's series, by what their labels say. */
export const ownBy = (counter: string, by: readonly string[], legend = by.map((label) => `{{${label}}}`).join(' ')) =>
  promql(`topk(15, ${rate(`sluice_kafka_${counter}_total`, INSTANCE, { by })})`, legend);

/**
 * A gauge that every Sluice knows alike, or a part of: the greatest. Several before one cluster each see some clients, and
 * their numbers must not be added up.
 */
export const greatest = (metric: string, labels: readonly string[]): string =>
  `max by (${labels.join(', ')}) (${metric}{${BY_LISTENER}})`;
