/** What `server.properties` and the log's configuration say, for throw-away brokers on 127.0.0.1. */

/** Of every user that SASL knows. */
export const KAFKA_PASSWORD = 'not-a-secret';
/** The user that ACLs hold; `super` is held by none. */
export const KAFKA_USER = 'ada';
export const KAFKA_SUPER = 'super';

/** The ports of one broker: for clients, for brokers among themselves, and the controller's on the first. */
export interface BrokerPorts {
  readonly id: number;
  readonly client: number;
  readonly internal: number;
  readonly controller: number;
}

export interface BrokerSettings {
  /** Clients log in: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512. */
  readonly sasl: boolean;
  /** `host:port` that it tells to clients. */
  readonly advertised: string;
  readonly home: string;
  readonly properties: Readonly<Record<string, string | number>>;
}

export const CLUSTER_ID = Buffer.from('sluice-test-0000').toString('base64url');

/** What `kafka-storage format` would have written: one process less to start. */
export const metaProperties = (id: number): string =>
  lines({ version: 1, 'cluster.id': CLUSTER_ID, 'node.id': id, 'directory.id': directoryOf(id) });

const directoryOf = (id: number): string => Buffer.alloc(16, 0x40 + id).toString('base64url');

export function serverProperties(
  { id, client, internal, controller }: BrokerPorts,
  { sasl, advertised, home, properties }: BrokerSettings,
): string {
  const isController = id === 1;
  const own = isController ? `,CONTROLLER://127.0.0.1:${controller}` : '';
  return lines({
    'process.roles': isController ? 'broker,controller' : 'broker',
    'node.id': id,
    'controller.quorum.voters': `1@127.0.0.1:${controller}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `CLIENT://127.0.0.1:${client},INTERNAL://127.0.0.1:${internal}${own}`,
    'advertised.listeners': `CLIENT://${advertised},INTERNAL://127.0.0.1:${internal}`,
    'listener.security.protocol.map': `CLIENT:${sasl ? 'SASL_PLAINTEXT' : 'PLAINTEXT'},INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT`,
    'inter.broker.listener.name': 'INTERNAL',
    'log.dirs': `${home}/data`,
    // One copy of everything, and nothing that waits for more.
    'default.replication.factor': 1,
    'offsets.topic.num.partitions': 2,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1000,
    'controlled.shutdown.enable': false,
    'log.cleaner.enable': false, // its buffer is 128 MiB
    'log.segment.bytes': 64 << 20,
    'log.index.size.max.bytes': 65_536,
    'num.network.threads': 2,
    'num.io.threads': 2,
    'background.threads': 2,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'allow.everyone.if.no.acl.found': true,
    'super.users': `User:ANONYMOUS;User:${KAFKA_SUPER}`,
    'delete.topic.enable': true,
    ...(sasl && SASL),
    ...properties,
  });
}

const SASL = {
  'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
  'listener.name.client.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required user_${KAFKA_USER}="${KAFKA_PASSWORD}" user_${KAFKA_SUPER}="${KAFKA_PASSWORD}";`,
  'listener.name.client.scram-sha-256.sasl.jaas.config':
    'org.apache.kafka.common.security.scram.ScramLoginModule required;',
  'listener.name.client.scram-sha-512.sasl.jaas.config':
    'org.apache.kafka.common.security.scram.ScramLoginModule required;',
};

/** Warnings to stdout; Kafka's own journal of requests, one JSON a line, to `requests` where it is asked for. */
export const log4j1 = (requests: string | null): string =>
  lines({
    'log4j.rootLogger': 'WARN, out',
    'log4j.appender.out': 'org.apache.log4j.ConsoleAppender',
    'log4j.appender.out.layout': 'org.apache.log4j.PatternLayout',
    'log4j.appender.out.layout.ConversionPattern': '%d %p %m (%c)%n',
    ...(requests !== null && {
      'log4j.logger.kafka.request.logger': 'DEBUG, requests',
      'log4j.additivity.kafka.request.logger': false,
      'log4j.appender.requests': 'org.apache.log4j.FileAppender',
      'log4j.appender.requests.File': requests,
      'log4j.appender.requests.layout': 'org.apache.log4j.PatternLayout',
      'log4j.appender.requests.layout.ConversionPattern': '%m%n',
    }),
  });

export const log4j2 = (requests: string | null): string =>
  lines({
    'rootLogger.level': 'WARN',
    'rootLogger.appenderRef.out.ref': 'out',
    'appender.out.type': 'Console',
    'appender.out.name': 'out',
    'appender.out.layout.type': 'PatternLayout',
    'appender.out.layout.pattern': '%d %p %m (%c)%n',
    ...(requests !== null && {
      'appender.requests.type': 'File',
      'appender.requests.name': 'requests',
      'appender.requests.fileName': requests,
      'appender.requests.layout.type': 'PatternLayout',
      'appender.requests.layout.pattern': '%m%n',
      'logger.requests.name': 'kafka.request.logger',
      'logger.requests.level': 'DEBUG',
      'logger.requests.additivity': false,
      'logger.requests.appenderRef.requests.ref': 'requests',
    }),
  });

const lines = (properties: Readonly<Record<string, string | number | boolean>>): string =>
  Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
