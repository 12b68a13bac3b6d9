let last: NodeJS.MemoryUsage = { rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 };

/** This process's memory, bytes. Reading it takes a descriptor: where none is left, the figures of the last reading. */
export function memoryUsage(): NodeJS.MemoryUsage {
  try {
    last = process.memoryUsage();
  } catch {
    // EMFILE: a figure is not worth the process
  }
  return last;
}
