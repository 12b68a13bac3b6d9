const ROUNDS = 20;

/**
 * Bytes of heap that a run takes when it takes the least, of up to twenty runs: the first ones are interpreted, which costs
 * numbers on the heap, and the collector comes by when it likes. Stops at the first run that takes less than `enough`.
 */
export function heapGrowth(run: () => void, enough: number): number {
  let least = Infinity;
  for (let i = 0; i < ROUNDS && least >= enough; i++) {
    const before = process.memoryUsage().heapUsed;
    run();
    const growth = process.memoryUsage().heapUsed - before;
    if (growth >= 0) least = Math.min(least, growth); // below: it was collected meanwhile
  }
  return least;
}
