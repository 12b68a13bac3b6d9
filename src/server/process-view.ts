import { ProcessSampler } from '../stats/process-metrics.ts';
import { type ProcessSample, parseProcessSample } from '../stats/process-sample.ts';

/**
 * This process's own metrics. A sample is asked for and taken in two steps, because taking one has to wait for a turn of
 * the loop and an answer to facts cannot.
 */
export class ProcessView {
  readonly #sampler: ProcessSampler;
  #last: ProcessSample | null = null;

  constructor(role: string) {
    this.#sampler = new ProcessSampler(role);
  }

  sample(): void {
    void this.#sampler.sample().then((sample) => {
      this.#last = sample;
    });
  }

  last(): ProcessSample | null {
    return this.#last;
  }

  fresh(): Promise<ProcessSample> {
    return this.#sampler.sample();
  }
}

/** A sample that another process told; null if it is none. */
export const readSample = (told: unknown): ProcessSample | null => parseProcessSample(JSON.stringify(told) ?? '');
