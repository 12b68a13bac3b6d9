import { DigestTop } from '../stats/digest-series.ts';
import { PROMETHEUS_CONTENT_TYPE, renderPrometheus } from '../stats/prometheus.ts';
import { type StatsSelection, selectStats } from '../stats/stats-page.ts';
import type { Reply } from './http-server.ts';
import type { AdminSource } from './source.ts';

/** `/metrics`. One for all servers and scrapers, because the choice of the digests with series of their own has a memory. */
export class MetricsPage {
  readonly #source: AdminSource;
  readonly #top = new DigestTop();

  constructor(source: AdminSource) {
    this.#source = source;
  }

  /** Everything, or a selection of the stats alone (as `/stats?format=prometheus&filter=…` asks). */
  async reply(selection: StatsSelection | null = null): Promise<Reply> {
    const source = this.#source;
    const body = selection
      ? renderPrometheus({ stats: selectStats(source.stats(), selection), durations: [], digests: [], processes: [] })
      : renderPrometheus({
          processes: await source.processes(),
          stats: source.stats(),
          durations: source.durations(),
          digests: this.#top.update(source.digests()),
          hotKeys: source.hotKeySeries(),
        });
    return { status: 200, type: PROMETHEUS_CONTENT_TYPE, body };
  }
}
