import type { Broker } from './broker.ts';
import type { Cluster, ForcedError } from './cluster.ts';
import type { Fields } from './codec.ts';
import type { Connection } from './connection.ts';
import { codeOf } from './errors.ts';
import type { Versions } from './schema.ts';

/** null: the request has no reply. */
export type Reply = Fields | null;

export interface Api {
  readonly versions: Versions;
  handle(request: Fields, call: Call): Reply | Promise<Reply>;
  /** Errors that a test wishes are put in by the handler, a topic each; else the whole reply is that error. */
  readonly topicErrors: boolean;
}

/** `Request` is the shape that the codec makes of the schema: all its fields, in camel case. */
export function api<Request>(
  versions: Versions,
  handle: (request: Request, call: Call) => Reply | Promise<Reply>,
  topicErrors = false,
): Api {
  return { versions, handle: (request, call) => handle(request as unknown as Request, call), topicErrors };
}

/** One request that is being answered. */
export class Call {
  readonly api: string;
  readonly version: number;
  readonly clientId: string;
  readonly connection: Connection;
  readonly broker: Broker;
  readonly cluster: Cluster;
  /** The wish that this request has used up. */
  #forced: ForcedError | null = null;

  constructor(name: string, version: number, clientId: string, connection: Connection) {
    this.api = name;
    this.version = version;
    this.clientId = clientId;
    this.connection = connection;
    this.broker = connection.broker;
    this.cluster = connection.broker.cluster;
  }

  /** The code that a test wants for this topic, or 0. Without a topic: for the request as a whole. */
  forced(topic?: string): number {
    const { forced } = this.cluster;
    if (forced.length === 0 && this.#forced === null) return 0;
    if (this.#forced === null) {
      const fits = (wish: ForcedError): boolean =>
        wish.api === this.api &&
        (wish.broker === undefined || wish.broker === this.broker.id) &&
        (wish.topic === undefined || wish.topic === topic);
      const found = forced.find(fits);
      if (found === undefined) return 0;
      this.#forced = found;
      if (--found.times <= 0) forced.splice(forced.indexOf(found), 1);
    }
    const wish = this.#forced;
    return wish !== null && (wish.topic === undefined || wish.topic === topic) ? wish.code : 0;
  }

  /** The error's code, for a reply. */
  readonly code = codeOf;
}
