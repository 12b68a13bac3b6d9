import type { Worker } from 'node:cluster';

/**
 * node:cluster's round robin hands a connection to a worker and keeps its own handle until the worker says that it took
 * it. A worker that dies in between never does, and the client would wait for ever (seen with kill -9 on Node 24). This
 * answers for the dead: a connection goes to another worker, or is closed where there is none. What was not taken was not
 * read: the worker answers before it looks at the socket, and what it had answered is read before its channel closes.
 *
 * It relies on the internal messages `{cmd: 'NODE_CLUSTER', act: 'newconn', seq}` and `{ack, accepted}` (lib/internal/
 * cluster); where they look different nothing happens here. `others`: whether another worker listens.
 */
export function rescueConnections(worker: Worker, others: () => boolean): void {
  const child = worker.process;
  const open = new Set<number>();
  const send = child.send.bind(child) as (...args: unknown[]) => boolean;
  const watched = (...args: unknown[]): boolean => {
    const seq = handedOver(args[0]);
    if (seq !== null && args[1] !== undefined) open.add(seq);
    return send(...args);
  };
  Object.assign(child, { send: watched });
  child.on('internalMessage', (message: unknown) => {
    const ack = (message as { ack?: unknown } | null)?.ack;
    if (typeof ack === 'number') open.delete(ack);
  });
  child.once('disconnect', () => {
    // "Not accepted" makes cluster give it to the next worker, "accepted" makes it close its own handle.
    const accepted = !others();
    for (const ack of [...open]) child.emit('internalMessage', { cmd: 'NODE_CLUSTER', ack, accepted });
    open.clear();
  });
}

function handedOver(message: unknown): number | null {
  const { cmd, act, seq } = (message ?? {}) as { cmd?: unknown; act?: unknown; seq?: unknown };
  return cmd === 'NODE_CLUSTER' && act === 'newconn' && typeof seq === 'number' ? seq : null;
}
