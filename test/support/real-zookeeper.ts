import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { which } from '../../scripts/debian-packages.mjs';
import { freePort } from './free-port.ts';
import { startGuarded } from './guarded-process.ts';
import { poll } from './poll.ts';
import { fourLetters } from './zookeeper-wire.ts';

const START_LIMIT_MS = 60_000;
/** Its manifest names the other jars that it needs. */
export const ZOOKEEPER_JAR = '/usr/share/java/zookeeper.jar';
/** The reason why a server does not come up; without it the server is silent. */
const LOG_JAR = '/usr/share/java/slf4j-simple.jar';

/** Of the user `super`, whom no ACL holds, and of `bob`, who may log in by SASL where the server has it. */
export const ZOOKEEPER_PASSWORD = 'not-a-secret';
/** The user that no ACL holds. */
export const SUPER_USER = `super:${ZOOKEEPER_PASSWORD}`;

export interface ZooKeeperSettings {
  /** `ensemble`: one server that takes itself for a whole ensemble (reconfig); `readOnly`: one of three that is alone. */
  readonly kind?: 'standalone' | 'ensemble' | 'readOnly';
  /** A free one unless said. */
  readonly port?: number;
  /** SASL by DIGEST-MD5. */
  readonly sasl?: boolean;
  /** Milliseconds; a session lives for two of them at least, and for 60 s at most. */
  readonly tickMs?: number;
  /** Four-letter words that it answers; all of them unless said. */
  readonly words?: string;
  /** Sessions that no other server knows; without them a read-only server grants none at all. True unless said. */
  readonly localSessions?: boolean;
  /** Largest packet that it takes; ZooKeeper's own limit unless said. */
  readonly maxBufferBytes?: number;
  /** 128 unless said. */
  readonly heapMb?: number;
  /** System properties, without `zookeeper.`. */
  readonly properties?: Readonly<Record<string, string | number>>;
}

export interface RealZooKeeper {
  readonly port: number;
  readonly pid: number;
  /** `3.8.0` */
  readonly version: string;
  /** Gone when it has ended. */
  readonly home: string;
  /** `zookeeper://127.0.0.1:port` */
  readonly url: string;
  /** Milliseconds it took until it served. */
  readonly startedInMs: number;
  /** What it says to a four-letter word on a connection of its own. */
  word(word: string): Promise<string>;
  /** Numbers of `mntr`, without `zk_`: those that are numbers. */
  monitor(): Promise<ReadonlyMap<string, number>>;
  log(): Promise<string>;
  /** SIGKILL; resolves when it is gone. The folder too. */
  stop(): Promise<void>;
}

/** Why there is no server to start on this machine; '' = there is one. */
export function zooKeeperMissing(): string {
  if (which('java') === null) return 'java is not installed (Debian package default-jre-headless)';
  return existsSync(ZOOKEEPER_JAR) ? '' : `${ZOOKEEPER_JAR} is not there (Debian package libzookeeper-java)`;
}

/** What makes a JVM start quickly and stay small. */
export const QUICK_JVM = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto', '-XX:-UsePerfData'];

/**
 * A throw-away server on a port of its own at 127.0.0.1 that writes nothing through to the disk and has everything
 * switched on that clients may ask for: TTL, containers, reconfiguration, all four-letter words, the user `super`.
 * Gone with this process, however it ends. Rejects with the server's log when it does not come up.
 */
export async function startRealZooKeeper(settings: ZooKeeperSettings = {}): Promise<RealZooKeeper> {
  const missing = zooKeeperMissing();
  if (missing !== '') throw new Error(missing);
  const { kind = 'standalone', sasl = false, maxBufferBytes, heapMb = 128, properties = {} } = settings;
  const home = await mkdtemp(path.join(tmpdir(), 'sluice-zookeeper-'));
  const [port, data, config, log] = [
    settings.port ?? (await freePort()),
    path.join(home, 'data'),
    path.join(home, 'zoo.cfg'),
    path.join(home, 'log'),
  ];
  await mkdir(data);
  await writeFile(path.join(data, 'myid'), '1\n');
  await writeFile(config, await configOf(settings, port, data, home));
  await writeFile(path.join(home, 'jaas.conf'), JAAS);
  const own = {
    forceSync: 'no',
    extendedTypesEnabled: 'true',
    'DigestAuthenticationProvider.superDigest': superDigest(),
    'admin.enableServer': 'false',
    ...properties,
  };
  const flags = Object.entries(own).map(([name, value]) => `-Dzookeeper.${name}=${value}`);
  if (maxBufferBytes !== undefined) flags.push(`-Djute.maxbuffer=${maxBufferBytes}`);
  if (sasl) flags.push(`-Djava.security.auth.login.config=${path.join(home, 'jaas.conf')}`);
  if (kind === 'readOnly') flags.push('-Dreadonlymode.enabled=true');
  const startedAt = performance.now();
  const server = await startGuarded(
    [
      which('java')!,
      `-Xmx${heapMb}m`,
      ...QUICK_JVM,
      '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
      ...flags,
      '-cp',
      `${ZOOKEEPER_JAR}:${LOG_JAR}`,
      'org.apache.zookeeper.server.quorum.QuorumPeerMain',
      config,
    ],
    { log, home, cwd: home },
  );
  let ended = false;
  void server.ended.then(() => {
    ended = true;
  });
  const logged = () => readFile(log, 'utf8').catch(() => '');
  try {
    const serves = async () => ended || /^Zookeeper version: (\S+?)[-,]/.exec(await fourLetters(port, 'srvr'))?.[1];
    const version = await poll('ZooKeeper serves', serves, { withinMs: START_LIMIT_MS, everyMs: 15 });
    if (version === true) throw new Error('it ended');
    return {
      port,
      pid: server.pid,
      version,
      home,
      url: `zookeeper://127.0.0.1:${port}`,
      startedInMs: performance.now() - startedAt,
      word: (word) => fourLetters(port, word),
      monitor: async () => numbersOf(await fourLetters(port, 'mntr')),
      log: logged,
      stop: () => server.stop(),
    };
  } catch (error) {
    const said = await logged();
    await server.stop();
    throw new Error(`ZooKeeper did not start:\n${said}`, { cause: error });
  }
}

const JAAS = `Server {
  org.apache.zookeeper.server.auth.DigestLoginModule required user_bob="${ZOOKEEPER_PASSWORD}";
};
`;

/** As the server keeps passwords: SHA-1 of `user:password`, in base64. */
const superDigest = (): string => `super:${createHash('sha1').update(SUPER_USER).digest('base64')}`;

async function configOf(
  { kind = 'standalone', sasl = false, tickMs = 200, words = '*', localSessions = true }: ZooKeeperSettings,
  port: number,
  data: string,
  home: string,
): Promise<string> {
  const lines = [
    `tickTime=${tickMs}`,
    `dataDir=${data}`,
    'admin.enableServer=false',
    `4lw.commands.whitelist=${words}`,
    'maxClientCnxns=0',
    // Far more than 20 ticks: a client that is late as the machine is busy keeps its session.
    'maxSessionTimeout=60000',
    'preAllocSize=1024',
    'reconfigEnabled=true',
  ];
  if (sasl) lines.push('authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider');
  if (kind === 'standalone') return [...lines, `clientPort=${port}`, 'clientPortAddress=127.0.0.1', ''].join('\n');
  lines.push('initLimit=50', 'syncLimit=50', 'standaloneEnabled=false');
  if (kind === 'readOnly' && localSessions) lines.push('localSessionsEnabled=true');
  const member = async (id: number, client: number) =>
    `server.${id}=127.0.0.1:${await freePort()}:${await freePort()}:participant;127.0.0.1:${client}`;
  const members = [await member(1, port)];
  if (kind === 'readOnly') for (const id of [2, 3]) members.push(await member(id, await freePort()));
  const dynamic = path.join(home, 'zoo.cfg.dynamic');
  await writeFile(dynamic, `${members.join('\n')}\n`);
  return [...lines, `dynamicConfigFile=${dynamic}`, ''].join('\n');
}

const numbersOf = (text: string): ReadonlyMap<string, number> =>
  new Map(
    text
      .split('\n')
      .map((line) => line.split('\t'))
      .filter((cells) => cells.length === 2 && cells[1] !== '' && !Number.isNaN(Number(cells[1])))
      .map(([name, value]) => [name!.replace(/^zk_/, ''), Number(value)] as const),
  );
