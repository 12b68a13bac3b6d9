import type { Snapshot } from '../config/snapshot.ts';

/** Ports that were chosen for listeners nobody chose one for: a reload must not move a listener that did not change. */
export class AutoPorts {
  /** Listener and port as configured → the port in use. */
  readonly #chosen = new Map<string, number>();

  /** `chosen` is `wanted` after the preflight: same listeners, same order. */
  keep(wanted: Snapshot, chosen: Snapshot): void {
    for (const [i, { autoPort, address, name }] of wanted.listeners.entries()) {
      const got = chosen.listeners[i]!.address;
      if (autoPort && address.kind === 'ip' && got.kind === 'ip') this.#chosen.set(`${name} ${address.port}`, got.port);
    }
  }

  /** The snapshot with the ports that its listeners have already. */
  recall(snapshot: Snapshot): Snapshot {
    const listeners = snapshot.listeners.map((listener) => {
      const { autoPort, address, name } = listener;
      if (!autoPort || address.kind !== 'ip') return listener;
      const port = this.#chosen.get(`${name} ${address.port}`) ?? address.port;
      return { ...listener, address: { ...address, port } };
    });
    return { ...snapshot, listeners };
  }
}
