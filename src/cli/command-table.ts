import type { Command } from './args.ts';

type CommandName = Command['name'];

export interface OptionSpec {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly multiple?: boolean;
  readonly value?: string;
  readonly help: string;
}
export interface CommandSpec {
  readonly usage: string;
  readonly help: string;
  readonly more?: string;
  readonly options: Readonly<Record<string, OptionSpec>>;
}

const CONFIG: OptionSpec = {
  type: 'string',
  short: 'c',
  value: 'FILE',
  help: 'sluice.yaml, or a bootstrap file in Envoy v3 form',
};
export const DEMO_DATABASES = ['postgres', 'mysql', 'redis', 'mongodb', 'zookeeper', 'kafka'];
export const DEFAULT_ADMIN = '127.0.0.1:9901';

/** Every command with its options: what is parsed and what `help` prints come from this one table. */
export const COMMANDS: Readonly<Record<CommandName, CommandSpec>> = {
  run: {
    usage: 'run [URL…] [-c FILE] [options]',
    help: 'proxy databases, from URLs or from a file',
    more: `A URL is postgres://, mysql://, redis://, mongodb://, zookeeper:// or kafka://HOST[:PORT], or
tcp://HOST:PORT for bytes of no known protocol.
Each listens on 127.0.0.1 at its port + 10000, or the next free one, unless --listen says otherwise.`,
    options: {
      config: CONFIG,
      listen: {
        type: 'string',
        multiple: true,
        value: 'ADDR:PORT',
        help: 'where to listen; once for each URL, in the same order',
      },
      name: {
        type: 'string',
        multiple: true,
        value: 'NAME',
        help: 'what a listener is called, in place of its protocol; once for each URL',
      },
      admin: { type: 'string', value: 'ADDR:PORT', help: `admin page and API (${DEFAULT_ADMIN})` },
      metrics: { type: 'string', value: 'ADDR:PORT', help: 'a second port, with /metrics and /ready only' },
      concurrency: {
        type: 'string',
        value: 'N',
        help: 'worker processes; 0 is everything in one (cores − 1, at least 1)',
      },
      'access-log': { type: 'string', value: 'PATH', help: 'one JSON line an exchange and a connection; - is stdout' },
      history: {
        type: 'string',
        value: 'DIR',
        help: 'keep a history in this folder, in an embedded ClickHouse (package chdb)',
      },
      'show-literals': { type: 'boolean', help: 'show the values in queries, too; they are left out by default' },
    },
  },
  check: {
    usage: 'check -c FILE',
    help: 'check a file and tell everything that is wrong with it',
    options: { config: CONFIG },
  },
  expand: {
    usage: 'expand -c FILE | URL…',
    help: 'print a file, or what URLs say, in the full, Envoy v3 form',
    options: { config: CONFIG },
  },
  demo: {
    usage: 'demo [--only postgres] [--for 20s] [--history DIR]',
    help: 'databases of six kinds, Sluice in front, a small shop as workload',
    more: `Postgres comes with npm; MariaDB, Redis and ZooKeeper take part where they are installed. For MongoDB, where there is
no mongod, and for Kafka stand-ins of Sluice's own take part: a checkout brings them. With the package chdb (npm install
chdb) there is a history, too: on the live page, and below the last table.`,
    options: {
      only: {
        type: 'string',
        multiple: true,
        value: 'NAME',
        help: `one of ${DEMO_DATABASES.join(', ')}; may be repeated`,
      },
      for: { type: 'string', value: '20s', help: 'end by itself after this long (until Ctrl-C)' },
      history: { type: 'string', value: 'DIR', help: 'keep the history in this folder (one that goes with the demo)' },
    },
  },
  top: {
    usage: 'top [--once --json] [--admin ADDR:PORT]',
    help: 'the top queries of a running Sluice',
    options: {
      once: { type: 'boolean', help: 'print one table and end' },
      json: { type: 'boolean', help: 'as JSON; with --once' },
      admin: { type: 'string', value: 'ADDR:PORT', help: `where its admin API is (${DEFAULT_ADMIN})` },
    },
  },
  clickhouse: {
    usage: 'clickhouse migrate [-c FILE | --url URL | --path DIR] [--dry-run]',
    help: 'make or update the tables of ClickHouse sinks',
    more: `With -c, those of every clickhouse sink of the file. The user and the password are taken from CLICKHOUSE_USER
and CLICKHOUSE_PASSWORD where the file or --username do not say them: a password has no place on a command line.`,
    options: {
      config: CONFIG,
      url: { type: 'string', value: 'URL', help: 'the server, http(s)://HOST:8123' },
      path: { type: 'string', value: 'DIR', help: 'the folder of an embedded ClickHouse (package chdb)' },
      database: { type: 'string', value: 'NAME', help: 'where the tables are (sluice)' },
      username: { type: 'string', value: 'NAME', help: 'who may make tables (default)' },
      cluster: { type: 'string', value: 'NAME', help: 'ON CLUSTER: Replicated engines and Distributed tables' },
      'ttl-days': { type: 'string', value: 'N', help: 'days that single exchanges are kept (7)' },
      'dry-run': { type: 'boolean', help: 'print the statements and change nothing' },
    },
  },
  policy: {
    usage: 'policy suggest [--from FILE] [--shadow] | policy test -c FILE --against FILE',
    help: 'write the least policy for what was seen, or try a policy on what was',
    more: `suggest prints policies that allow each user and application what a running Sluice has seen it do, or what the JSON
access log --from has, and nothing else. test tells which exchanges of a JSON access log the policies of a file would deny,
and ends with 1 if there are any. docs/policy.md says more.`,
    options: {
      admin: {
        type: 'string',
        value: 'ADDR:PORT',
        help: `suggest: where the running one's admin API is (${DEFAULT_ADMIN})`,
      },
      from: { type: 'string', value: 'FILE', help: 'suggest: from this JSON access log instead; - is stdin' },
      by: { type: 'string', value: 'user', help: 'suggest: do not tell the applications of a user apart' },
      shadow: { type: 'boolean', help: 'suggest: policies in shadow mode' },
      config: { ...CONFIG, help: 'test: the file with the policies' },
      against: { type: 'string', value: 'FILE', help: 'test: a JSON access log; - is stdin' },
      json: { type: 'boolean', help: 'test: as JSON' },
    },
  },
  version: { usage: 'version', help: 'print the version', options: {} },
  help: { usage: 'help [COMMAND]', help: 'this, or more on one command', options: {} },
};
