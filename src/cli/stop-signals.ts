/** Under npm a terminal's Ctrl-C can come twice, from the terminal and forwarded: closer than this is one. */
const SAME_STOP_MS = 250;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Calls `first` for the first stop signal and `again` for every later one, until the returned function is called.
 * `first` gets the signal's name.
 */
export function onStopSignals(
  first: (signal: NodeJS.Signals) => void,
  again: (signal: NodeJS.Signals) => void,
): () => void {
  let firstAt = 0;
  const listener = (signal: NodeJS.Signals) => {
    const now = performance.now();
    if (firstAt === 0) {
      firstAt = now;
      first(signal);
    } else if (now - firstAt > SAME_STOP_MS) again(signal);
  };
  for (const signal of SIGNALS) process.on(signal, listener);
  return () => {
    for (const signal of SIGNALS) process.off(signal, listener);
  };
}
