import { type FileHandle, mkdtemp, open, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { which } from '../../scripts/debian-packages.mjs';
import { freePort } from './free-port.ts';
import { startGuarded } from './guarded-process.ts';
import { poll } from './poll.ts';
import { RedisError, RedisWire, type Reply } from './redis-wire.ts';

const START_LIMIT_MS = 60_000;

/** Password of the user `limited`, who may read keys `app:*` and nothing else, and of a server with `requirepass`. */
export const REDIS_PASSWORD = 'not-a-secret';

/** What a directive says: `{ maxmemory: '10mb' }`; several lines of one name as a list. */
export type RedisSettings = Readonly<Record<string, string | number | readonly string[]>>;

export interface CommandCount {
  readonly calls: number;
  readonly rejected: number;
  readonly failed: number;
}

export interface RealRedis {
  readonly port: number;
  /** Of redis-server itself. */
  readonly pid: number;
  /** `7.0.15` */
  readonly version: string;
  /** Folder of the server: its log, its configuration file. Gone when it has ended. */
  readonly home: string;
  /** `redis://127.0.0.1:port` */
  readonly url: string;
  /** One command on a connection straight to the server that the tests keep for this. Throws for an error reply. */
  ask(...args: readonly (string | Uint8Array | number)[]): Promise<Reply>;
  /** The fields of an INFO section. */
  info(section: string): Promise<ReadonlyMap<string, string>>;
  /** `INFO commandstats` without what ask() itself added: `get`, `config|set`. Commands never called are not there. */
  commandStats(): Promise<ReadonlyMap<string, CommandCount>>;
  /** `INFO errorstats`: how many error replies of each prefix. */
  errorStats(): Promise<ReadonlyMap<string, number>>;
  log(): Promise<string>;
  /** SIGKILL; resolves when it is gone. The folder too. */
  stop(): Promise<void>;
}

/** Path of a program of Debian's redis packages. Throws when it is not installed. */
export function redisProgram(name: 'redis-server' | 'redis-cli' | 'redis-benchmark'): string {
  const found = which(name);
  if (found === null) throw new Error(`${name} is not installed (Debian: apt-get install redis-server redis-tools)`);
  return found;
}

/**
 * A throw-away server on a port of its own at 127.0.0.1: nothing is saved; DEBUG is allowed; besides `default`, who needs
 * no password, there is the user `limited`. Gone with this process, however it ends. Rejects with the server's log when it does
 * not come up.
 */
export function startRealRedis(settings: RedisSettings = {}): Promise<RealRedis> {
  return start({ ...PLAIN, ...LIMITED_USER, ...settings });
}

/** A replica of the server that listens at `port` on 127.0.0.1 (a proxy, for tests). It may be in sync only later. */
export function startRedisReplica(port: number, settings: RedisSettings = {}): Promise<RealRedis> {
  return startRealRedis({ replicaof: `127.0.0.1 ${port}`, ...settings });
}

/** A sentinel that watches a server as `main`, alone. */
export function startRedisSentinel(port: number): Promise<RealRedis> {
  return start({ 'sentinel monitor main': `127.0.0.1 ${port} 1`, 'sentinel down-after-milliseconds': 'main 60000' }, [
    '--sentinel',
  ]);
}

export interface RealCluster {
  /** Each has half of the slots: the first 0–8191, the second the rest. */
  readonly nodes: readonly [RealRedis, RealRedis];
  /** Slot of a key. */
  slotOf(key: string): Promise<number>;
  /** A slot of the first node begins to move to the second: there, keys that are gone are answered with ASK. */
  migrate(slot: number): Promise<void>;
  stop(): Promise<void>;
}

/** Two nodes that know each other; takes about three seconds, because a node waits for two before it takes writes. */
export async function startRedisCluster(): Promise<RealCluster> {
  const node = async () =>
    startRealRedis({
      'cluster-enabled': 'yes',
      'cluster-port': await freePort(),
      'cluster-node-timeout': 5000,
      'cluster-allow-replica-migration': 'no',
    });
  const nodes = await Promise.all([node(), node()]);
  const stop = async () => void (await Promise.all(nodes.map((each) => each.stop())));
  try {
    const [first, second] = nodes;
    await first.ask('cluster', 'addslotsrange', 0, 8191);
    await second.ask('cluster', 'addslotsrange', 8192, 16383);
    await second.ask('cluster', 'set-config-epoch', 2);
    const [, bus] = (await second.ask('config', 'get', 'cluster-port')) as string[];
    await first.ask('cluster', 'meet', '127.0.0.1', second.port, bus!);
    await poll('the cluster is whole', async () => {
      const states = await Promise.all(nodes.map(async (each) => String(await each.ask('cluster', 'info'))));
      return states.every((text) => text.includes('cluster_state:ok'));
    });
    const [from, to] = await Promise.all(nodes.map(async (each) => String(await each.ask('cluster', 'myid'))));
    return {
      nodes,
      slotOf: async (key) => Number(await first.ask('cluster', 'keyslot', key)),
      migrate: async (slot) => {
        await second.ask('cluster', 'setslot', slot, 'importing', from!);
        await first.ask('cluster', 'setslot', slot, 'migrating', to!);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const PLAIN: RedisSettings = {
  save: '""',
  appendonly: 'no',
  'enable-debug-command': 'local',
  'repl-diskless-sync': 'yes',
  'repl-diskless-sync-delay': 0,
};

const LIMITED_USER: RedisSettings = {
  user: `limited on >${REDIS_PASSWORD} ~app:* &news +@read +ping +hello +client +info +select +subscribe +multi +exec`,
};

async function start(settings: RedisSettings, args: readonly string[] = []): Promise<RealRedis> {
  const program = redisProgram('redis-server');
  const home = await mkdtemp(path.join(tmpdir(), 'sluice-redis-'));
  const [port, log, config] = [await freePort(), path.join(home, 'log'), path.join(home, 'redis.conf')];
  const lines = Object.entries({ port, bind: '127.0.0.1', dir: home, daemonize: 'no', ...settings }).flatMap(
    ([name, value]) => (typeof value === 'object' ? value : [value]).map((each) => `${name} ${each}`),
  );
  await writeFile(config, `${lines.join('\n')}\n`);
  // Held open: a server that ends at once takes the folder with it, and the reason stands in its log.
  const logged = await open(log, 'a+');
  const server = await startGuarded([program, config, ...args], { log, home, cwd: home });
  let ended = false;
  void server.ended.then(() => {
    ended = true;
  });
  try {
    const limit = { withinMs: START_LIMIT_MS, everyMs: 10 };
    const wire = await poll('redis-server answers', async () => ended || (await ready(port, settings)), limit);
    if (wire === true) throw new Error('it ended');
    return await realRedis(wire, port, home, server.pid, logged, async () => {
      wire.socket.destroy();
      await server.stop();
      await logged.close();
    });
  } catch (error) {
    const said = await wholeOf(logged);
    await server.stop();
    await logged.close();
    throw new Error(`redis-server did not start:\n${said}`, { cause: error });
  }
}

async function wholeOf(file: FileHandle): Promise<string> {
  const { size } = await file.stat();
  const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, 0);
  return buffer.toString('utf8', 0, bytesRead);
}

/** A connection that is answered, logged in where that is asked; null while there is none. */
async function ready(port: number, settings: RedisSettings): Promise<RedisWire | null> {
  const wire = await RedisWire.to(port).catch(() => null);
  if (wire === null) return null;
  const { requirepass } = settings;
  if (typeof requirepass === 'string') await wire.send('auth', requirepass);
  return (await wire.send('ping')) === 'PONG' ? wire : null;
}

async function realRedis(
  wire: RedisWire,
  port: number,
  home: string,
  pid: number,
  logged: FileHandle,
  stop: () => Promise<void>,
): Promise<RealRedis> {
  const own = new Map<string, number>();
  /** Commands that the server counts by their subcommand. */
  const CONTAINERS = new Set(['acl', 'client', 'cluster', 'config', 'debug', 'object', 'memory', 'latency', 'script']);
  const count = (name: string) => own.set(name, (own.get(name) ?? 0) + 1);
  const ask = async (...args: readonly (string | Uint8Array | number)[]): Promise<Reply> => {
    const [name = '', sub = ''] = args.slice(0, 2).map((arg) => String(arg).toLowerCase());
    const asked = wire.send(...args);
    count(CONTAINERS.has(name) && name !== 'debug' ? `${name}|${sub}` : name);
    const reply = await asked;
    if (reply === undefined) throw new Error('the server has closed the connection');
    if (reply instanceof RedisError) throw new Error(`${args.slice(0, 2).join(' ')}: ${reply.text}`);
    return reply;
  };
  const info = async (section: string) => {
    const fields = String(await ask('info', section))
      .split('\r\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)] as const);
    return new Map(fields);
  };
  const version = (await info('server')).get('redis_version') ?? '';
  // What it took to come up counts for nothing.
  await ask('config', 'resetstat').catch(() => null); // a sentinel does not have it
  own.clear();
  own.set('config|resetstat', 1);
  return {
    port,
    pid,
    version,
    home,
    url: `redis://127.0.0.1:${port}`,
    ask,
    info,
    commandStats: async () => {
      const before = new Map(own); // the INFO that asks is not in its own answer
      const counts = new Map<string, CommandCount>();
      for (const [field, value] of await info('commandstats')) {
        const name = field.slice('cmdstat_'.length);
        const number = (key: string) => Number(new RegExp(`(?:^|,)${key}=(\\d+)`).exec(value)?.[1] ?? Number.NaN);
        const calls = number('calls') - (before.get(name) ?? 0);
        const [rejected, failed] = [number('rejected_calls'), number('failed_calls')];
        if (calls > 0 || rejected > 0) counts.set(name, { calls, rejected, failed });
      }
      return counts;
    },
    errorStats: async () => {
      const fields = [...(await info('errorstats'))];
      return new Map(
        fields.map(([field, value]) => [field.slice('errorstat_'.length), Number(value.slice('count='.length))]),
      );
    },
    log: () => wholeOf(logged),
    stop,
  };
}
