import { createServer, type Server } from 'node:net';
import type { Cluster } from './cluster.ts';
import { Connection } from './connection.ts';
import { FetchSessions } from './fetch-sessions.ts';
import { emptyJournal } from './journal.ts';
import type { Endpoint } from './options.ts';
import { schemaOf, type Versions } from './schema.ts';

export class Broker {
  readonly id: number;
  readonly cluster: Cluster;
  readonly journal = emptyJournal();
  readonly connections = new Set<Connection>();
  readonly fetchSessions = new FetchSessions();
  port = 0;
  readonly #server: Server;

  constructor(id: number, cluster: Cluster) {
    this.id = id;
    this.cluster = cluster;
    this.#server = createServer((socket) => this.connections.add(new Connection(this, socket)));
  }

  listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, host: this.cluster.settings.host, backlog: 511 }, () => {
        this.#server.off('error', reject);
        const address = this.#server.address();
        if (address !== null && typeof address === 'object') this.port = address.port;
        resolve();
      });
    });
  }

  /** What clients are told of it. */
  get endpoint(): Endpoint & { readonly nodeId: number } {
    const { host, advertised } = this.cluster.settings;
    return { nodeId: this.id, ...advertised({ id: this.id, host, port: this.port }) };
  }

  versionsOf(api: string, own: Versions): Versions {
    const stable = schemaOf('request', api).versions;
    const [from, to] = this.cluster.settings.versions[api] ?? own;
    return [Math.max(from, own[0]), Math.min(to, own[1], stable[1])];
  }

  drop(): void {
    for (const { socket } of this.connections) socket.destroy();
  }

  stop(): Promise<void> {
    this.drop();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}
