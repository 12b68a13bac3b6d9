export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export interface SaslOptions {
  /** Name to password. */
  readonly users: Readonly<Record<string, string>>;
  readonly mechanisms?: readonly ('PLAIN' | 'SCRAM-SHA-256')[];
  /** Clients must authenticate anew within it (KIP-368); 0 = never. */
  readonly sessionLifetimeMs?: number;
}

export interface KafkaBrokerOptions {
  /** Their ids are 1, 2 … */
  readonly brokers?: number;
  readonly host?: string;
  /** One a broker; 0 = any that is free. */
  readonly ports?: readonly number[];
  /** Name to number of partitions, whose leaders go round the brokers. */
  readonly topics?: Readonly<Record<string, number>>;
  /** A Metadata request that allows it makes the topics that it names. */
  readonly autoCreate?: boolean;
  readonly autoPartitions?: number;
  readonly sasl?: SaslOptions;
  /** What Metadata and the others say of a broker. */
  readonly advertised?: (broker: Endpoint & { readonly id: number }) => Endpoint;
  /** How far the batches that producers send are looked into; `none` is for benchmarks. */
  readonly verify?: 'records' | 'crc' | 'none';
  readonly maxMessageBytes?: number;
  /** Per partition; what is older is gone. */
  readonly retentionBytes?: number;
  /** How long a group that begins waits for further members. */
  readonly rebalanceDelayMs?: number;
  /** Narrows what ApiVersions says, and what is taken: `{ Fetch: [4, 11] }`. */
  readonly versions?: Readonly<Record<string, readonly [number, number]>>;
  /** Tagged fields that the schema has not are passed over instead of being a fault. */
  readonly unknownTags?: boolean;
  /** Told of every frame that is served, without its size, by the port that it came from. */
  readonly onFrame?: (frame: Buffer, remotePort: number) => void;
}

export type Settings = Required<Omit<KafkaBrokerOptions, 'sasl'>> & { readonly sasl: Required<SaslOptions> | null };

export function settingsOf(options: KafkaBrokerOptions): Settings {
  const { sasl } = options;
  return {
    brokers: 1,
    host: '127.0.0.1',
    ports: [],
    topics: {},
    autoCreate: true,
    autoPartitions: 1,
    advertised: ({ host, port }) => ({ host, port }),
    verify: 'records',
    maxMessageBytes: 1_048_588,
    retentionBytes: 64 * 1024 * 1024,
    rebalanceDelayMs: 0,
    versions: {},
    unknownTags: false,
    onFrame: () => {},
    ...options,
    sasl: sasl === undefined ? null : { mechanisms: ['PLAIN', 'SCRAM-SHA-256'], sessionLifetimeMs: 0, ...sasl },
  };
}
