import { statSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import type { AddressConfig, ListenerConfig, Snapshot } from '../config/snapshot.ts';
import { addressOf } from '../net/address.ts';

/** An address that cannot be listened on, and what for: `listener pg`, `admin`. */
export interface Refused {
  readonly who: string;
  readonly address: AddressConfig;
  /** Node's code: EADDRINUSE, EACCES … */
  readonly code: string;
}

export interface PreflightOptions {
  /** Addresses (as text) that this process listens on already. */
  readonly held?: ReadonlySet<string>;
  /**
   * How long a taken admin or metrics address is tried again: the kernel frees a killed primary's listeners at once, its
   * facts process gives these ports back some milliseconds later.
   */
  readonly patienceMs?: number;
}

export interface PreflightResult {
  /** With the ports that were chosen for listeners nobody chose one for. */
  readonly snapshot: Snapshot;
  readonly refused: readonly Refused[];
}

/** How many ports after the wanted one are tried for a listener whose port nobody chose. */
const AUTO_PORT_TRIES = 200;

/**
 * Binds every address once, all of them together, and frees them: what cannot be listened on is told before anything
 * listens. Removes socket files that nobody answers on any more.
 */
export async function preflight(snapshot: Snapshot, options: PreflightOptions = {}): Promise<PreflightResult> {
  const held = options.held ?? new Set();
  const deadline = performance.now() + (options.patienceMs ?? 0);
  const servers: Server[] = [];
  const refused: Refused[] = [];
  const claim = async (who: string, address: AddressConfig, until = 0): Promise<void> => {
    if (held.has(addressOf(address).text)) return;
    const code = await bindWithin(address, servers, until);
    if (code !== '') refused.push({ who, address, code });
  };

  const chosen: ListenerConfig[] = [];
  const auto = snapshot.listeners.filter(({ autoPort }) => autoPort);
  // Those whose port somebody chose come first: an automatic one must not take it from them.
  for (const { name, address, additionalAddresses } of snapshot.listeners.filter(({ autoPort }) => !autoPort))
    for (const at of [address, ...additionalAddresses]) await claim(`listener ${name}`, at);
  if (snapshot.admin) await claim('admin', snapshot.admin.address, deadline);
  if (snapshot.metrics) await claim('metrics', snapshot.metrics.address, deadline);
  for (const listener of auto) {
    const address = held.has(addressOf(listener.address).text)
      ? listener.address
      : await claimNextFree(listener.address, servers);
    if (address === null)
      refused.push({ who: `listener ${listener.name}`, address: listener.address, code: 'EADDRINUSE' });
    else chosen.push({ ...listener, address });
  }

  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  const listeners = snapshot.listeners.map((one) => chosen.find(({ name }) => name === one.name) ?? one);
  return { snapshot: { ...snapshot, listeners }, refused };
}

async function claimNextFree(wanted: AddressConfig, servers: Server[]): Promise<AddressConfig | null> {
  if (wanted.kind === 'pipe') return null;
  for (let tried = 0; tried < AUTO_PORT_TRIES; tried++) {
    // Above the last port: on from the first that needs no rights.
    const port = wanted.port + tried > 65_535 ? wanted.port + tried - 64_511 : wanted.port + tried;
    const address = { ...wanted, port };
    if ((await bindWithin(address, servers, 0)) === '') return address;
  }
  return null;
}

const RETRY_MS = 20;

async function bindWithin(address: AddressConfig, servers: Server[], deadline: number): Promise<string> {
  for (;;) {
    if (address.kind === 'pipe') await removeStale(address.path);
    const bound = await bind(address);
    if (typeof bound !== 'string') {
      servers.push(bound);
      return '';
    }
    if (bound !== 'EADDRINUSE' || performance.now() > deadline) return bound;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

function bind(address: AddressConfig): Promise<Server | string> {
  return new Promise((resolve) => {
    // A client that comes in these milliseconds is told to come back.
    const server = createServer((socket) => socket.on('error', () => {}).resetAndDestroy());
    server.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'UNKNOWN'));
    const at = address.kind === 'pipe' ? { path: address.path } : { host: address.host, port: address.port };
    server.listen({ ...at, exclusive: true }, () => resolve(server));
  });
}

/** A socket file that nobody answers on is left over from a process that died; one that answers is in use. */
function removeStale(path: string): Promise<void> {
  // Connecting to an ordinary file is refused just like connecting to a dead socket.
  if (!statSync(path, { throwIfNoEntry: false })?.isSocket()) return Promise.resolve();
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve();
    });
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') unlinkSync(path);
      resolve();
    });
  });
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is already in use',
  EACCES: 'not permitted (ports below 1024 and socket folders need the right)',
  EADDRNOTAVAIL: 'not an address of this machine',
  ENOENT: 'its folder does not exist',
  EINVAL: 'not an address one can listen on (a socket path may be too long)',
};

/** `listener pg: cannot listen on 127.0.0.1:5432: the address is already in use (EADDRINUSE)` */
export const refusal = ({ who, address, code }: Refused): string =>
  `${who}: cannot listen on ${addressOf(address).text}${REASONS[code] ? `: ${REASONS[code]}` : ''} (${code})`;
