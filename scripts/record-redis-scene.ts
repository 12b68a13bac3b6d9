import {
  type RealCluster,
  type RealRedis,
  type RedisSettings,
  startRealRedis,
  startRedisCluster,
} from '../test/support/real-redis.ts';

export interface Stage {
  /** Where the recorder listens. */
  readonly port: number;
  /** The server behind it; what is asked of it directly is not recorded. */
  readonly server: RealRedis;
}

export interface Scene {
  readonly name: string;
  /** What was done, for the reader. */
  readonly title: string;
  /** A plain server unless said. */
  readonly server?: () => Promise<RealRedis>;
  /** Ends what `server` started; the server itself unless said. */
  readonly stop?: () => Promise<void>;
  /** Before the recorder hears anything. */
  readonly prepare?: (server: RealRedis) => Promise<void>;
  play(at: Stage): Promise<void>;
  /** Which of the scene's connections to keep: its number, or what its client says. The one that said most unless said. */
  readonly session?: number | string;
}

export const serverWith = (settings: RedisSettings) => () => startRealRedis(settings);

/** A scene before one node of a cluster; `play` may speak to the whole cluster. */
export function clusterScene(
  node: 0 | 1,
  scene: Omit<Scene, 'server' | 'stop' | 'play'> & { play(at: Stage, cluster: RealCluster): Promise<void> },
): Scene {
  let cluster: RealCluster | null = null;
  const running = (): RealCluster => {
    if (cluster === null) throw new Error('no cluster is running');
    return cluster;
  };
  return {
    ...scene,
    server: async () => {
      cluster = await startRedisCluster();
      return cluster.nodes[node];
    },
    stop: () => running().stop(),
    play: (at) => scene.play(at, running()),
  };
}

/** The scene wants the error. */
export async function fails(asked: Promise<unknown>): Promise<void> {
  const error = await asked.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error === null) throw new Error('this was to fail');
}
