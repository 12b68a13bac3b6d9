import { type FilterBuilder, FilterStatus } from '../net/filter.ts';

/** Envoy's echo: what the client says comes back, its FIN too. */
export const echo = (): FilterBuilder => {
  return ({ connection, injectWrite }) => {
    let paused = false;
    connection.onDownstreamDrain = () => {
      if (paused) connection.readDisable(false);
      paused = false;
    };
    return {
      name: 'envoy.filters.network.echo',
      onData(buf, start, end, _given, endStream) {
        injectWrite(buf, start, end, false, endStream);
        if (!paused && !connection.closed && connection.pendingWrite > connection.bufferLimitBytes) {
          paused = true;
          connection.readDisable(true);
        }
        return FilterStatus.Consumed;
      },
    };
  };
};
