import type { Client, Metadata } from '@grpc/grpc-js';

/** Calls the authorization service once. Never rejects. */
export interface AuthzClient {
  /** `target`: `host:port`, or `unix:/path`. `done` gets the answer's bytes, or why there is none; never within the call. */
  check(target: string, request: Buffer, done: (answer: Buffer | AuthzError) => void): { cancel(): void };
}

/** Why there is no answer, in the operator's words. */
export interface AuthzError {
  readonly why: string;
}

export interface AuthzClientOptions {
  readonly timeoutMs: number;
  readonly headers: readonly { readonly key: string; readonly value: string }[];
}

/** Envoy's limit of what a filter keeps of an answer is its buffers'; ours is this. */
const MAX_ANSWER_BYTES = 65_536;
const METHOD = '/envoy.service.auth.v3.Authorization/Check';
/** Channels to hosts that a cluster had once are closed when there are more. */
const MAX_CHANNELS = 64;
const asIs = (bytes: Buffer): Buffer => bytes;

type Grpc = typeof import('@grpc/grpc-js');

/** Loaded where an ext_authz filter is configured, and nowhere else. */
export class GrpcAuthzClient implements AuthzClient {
  readonly #options: AuthzClientOptions;
  readonly #grpc: Promise<Grpc>;
  readonly #channels = new Map<string, Client>();
  #metadata: Metadata | null = null;

  constructor(options: AuthzClientOptions) {
    this.#options = options;
    this.#grpc = import('@grpc/grpc-js');
    this.#grpc.catch(() => {}); // told to each check
  }

  check(target: string, request: Buffer, done: (answer: Buffer | AuthzError) => void): { cancel(): void } {
    const deadline = Date.now() + this.#options.timeoutMs;
    let cancelled = false;
    let call: { cancel(): void } | null = null;
    const tell = (answer: Buffer | AuthzError): void => {
      if (!cancelled) done(answer);
    };
    this.#grpc
      .then((grpc) => {
        if (cancelled) return;
        this.#metadata ??= this.#headers(grpc);
        call = this.#channel(grpc, target).makeUnaryRequest(
          METHOD,
          asIs,
          asIs,
          request,
          this.#metadata.clone(),
          { deadline },
          (error, answer) => tell(error ? { why: grpc.status[error.code] ?? 'error' } : (answer ?? Buffer.alloc(0))),
        );
      })
      .catch(() => tell({ why: 'no gRPC client' }));
    return {
      cancel: () => {
        cancelled = true;
        call?.cancel();
      },
    };
  }

  #channel(grpc: Grpc, target: string): Client {
    const known = this.#channels.get(target);
    if (known !== undefined) return known;
    const [oldest] = this.#channels;
    if (this.#channels.size >= MAX_CHANNELS && oldest !== undefined) {
      oldest[1].close();
      this.#channels.delete(oldest[0]);
    }
    const client = new grpc.Client(target, grpc.credentials.createInsecure(), {
      'grpc.max_receive_message_length': MAX_ANSWER_BYTES,
      'grpc.enable_retries': 0,
      'grpc.service_config_disable_resolution': 1,
      'grpc.initial_reconnect_backoff_ms': 200,
      'grpc.max_reconnect_backoff_ms': 2000,
      'grpc.enable_http_proxy': 0,
      'grpc.use_local_subchannel_pool': 1,
    });
    this.#channels.set(target, client);
    return client;
  }

  #headers(grpc: Grpc): Metadata {
    const metadata = new grpc.Metadata();
    for (const { key, value } of this.#options.headers)
      metadata.add(key.toLowerCase(), key.toLowerCase().endsWith('-bin') ? Buffer.from(value, 'base64') : value);
    return metadata;
  }
}
