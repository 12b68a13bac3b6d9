import { once } from 'node:events';
import library, { type Acl, type Client, type Stat, type Transaction } from 'node-zookeeper-client';

type Mode = keyof typeof library.CreateMode;
type Done<T> = (error: Error | null | undefined, result: T) => void;
/** All to whoever made the node. */
export const CREATOR_ALL: readonly Acl[] = library.ACL.CREATOR_ALL_ACL;

/** node-zookeeper-client with promises. It connects again by itself. */
export class NodeZooKeeper {
  readonly client: Client;
  /** `NODE_DATA_CHANGED /a`, as the watches of this client heard them. */
  readonly heard: string[] = [];

  private constructor(client: Client) {
    this.client = client;
  }

  static async to(port: number, auth?: string): Promise<NodeZooKeeper> {
    const client = library.createClient(`127.0.0.1:${port}`, { sessionTimeout: 30_000, spinDelay: 20, retries: 0 });
    if (auth !== undefined) client.addAuthInfo('digest', Buffer.from(auth));
    const connected = new Promise<void>((resolve) => client.once('connected', resolve));
    client.connect();
    await connected;
    return new NodeZooKeeper(client);
  }

  create(path: string, data = '', mode: Mode = 'PERSISTENT', acls = library.ACL.OPEN_ACL_UNSAFE): Promise<string> {
    return this.#ask((done) => this.client.create(path, Buffer.from(data), acls, library.CreateMode[mode], done));
  }

  remove(path: string, version = -1): Promise<void> {
    return this.#ask((done) => this.client.remove(path, version, (error) => done(error, undefined)));
  }

  setData(path: string, data: string | Buffer, version = -1): Promise<Stat> {
    return this.#ask((done) => this.client.setData(path, Buffer.from(data), version, done));
  }

  getData(path: string, watch = false): Promise<Buffer | undefined> {
    return this.#ask((done) =>
      watch ? this.client.getData(path, this.#watcher, done) : this.client.getData(path, done),
    );
  }

  exists(path: string, watch = false): Promise<Stat | undefined> {
    return this.#ask((done) =>
      watch ? this.client.exists(path, this.#watcher, done) : this.client.exists(path, done),
    );
  }

  getChildren(path: string, watch = false): Promise<readonly string[]> {
    return this.#ask((done) =>
      watch ? this.client.getChildren(path, this.#watcher, done) : this.client.getChildren(path, done),
    );
  }

  getACL(path: string): Promise<readonly Acl[]> {
    return this.#ask((done) => this.client.getACL(path, done));
  }

  setACL(path: string, acls: readonly Acl[], version = -1): Promise<Stat> {
    return this.#ask((done) => this.client.setACL(path, acls, version, done));
  }

  /** One transaction of what `fill` puts into it. */
  multi(fill: (transaction: Transaction) => unknown): Promise<readonly unknown[]> {
    const transaction = this.client.transaction();
    fill(transaction);
    return this.#ask((done) => transaction.commit(done));
  }

  get sessionId(): string {
    return this.client.getSessionId().toString('hex');
  }

  /** Cuts the connection; resolves when the client is connected again. */
  async reconnect(): Promise<void> {
    const connected = new Promise<void>((resolve) => this.client.once('connected', resolve));
    this.client.connectionManager.socket.destroy();
    await connected;
  }

  async close(): Promise<void> {
    const { socket } = this.client.connectionManager;
    const closed = once(socket, 'close');
    this.client.close();
    await closed;
  }

  readonly #watcher = (event: { readonly name: string; readonly path: string }): void => {
    this.heard.push(`${event.name} ${event.path}`);
  };

  #ask<T>(run: (done: Done<T>) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      run((error, result) => {
        if (error) reject(error);
        else resolve(result);
      });
    });
  }
}
