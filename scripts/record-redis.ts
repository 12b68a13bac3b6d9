import { mkdir } from 'node:fs/promises';
import { startRealRedis } from '../test/support/real-redis.ts';
import type { Recorded } from '../test/support/transcript.ts';
import type { Recorder } from './record-recorder.ts';
import { CLI_SCENES } from './record-redis-cli.ts';
import { IOREDIS_SCENES } from './record-redis-ioredis.ts';
import { NODE_REDIS_SCENES } from './record-redis-node.ts';
import type { Scene } from './record-redis-scene.ts';
import { WIRE_SCENES } from './record-redis-wire.ts';
import { recordScene, retell } from './record-scenes.ts';

/**
 * Records real sessions of real clients with Debian's Redis into protocol-filters/redis/fixtures, and tells them. The
 * passwords in them are the test servers' own.
 */
const FIXTURES = new URL('../protocol-filters/redis/fixtures/', import.meta.url);
const LIMIT_MS = 20_000;

const SCENES: readonly Scene[] = [...CLI_SCENES, ...IOREDIS_SCENES, ...NODE_REDIS_SCENES, ...WIRE_SCENES];

/** Records all scenes, or those whose name begins with `only`. */
export async function record(only = ''): Promise<void> {
  await mkdir(FIXTURES, { recursive: true });
  for (const scene of SCENES.filter(({ name }) => name.startsWith(only))) {
    const server = await (scene.server ?? startRealRedis)();
    try {
      await scene.prepare?.(server);
      const play = (port: number) => within(scene.name, scene.play({ port, server }));
      const { name, title, session } = scene;
      const keep = typeof session === 'number' ? session : largest(session ?? '');
      await recordScene('redis', { name, title, play, session: keep }, server.port, `Redis ${server.version}`);
    } finally {
      await (scene.stop ?? (() => server.stop()))();
    }
  }
  await retell('redis');
}

/** Rejects when a scene hangs. */
async function within(name: string, play: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${name}: not done within ${LIMIT_MS} ms`)), LIMIT_MS);
  });
  await Promise.race([play, late]).finally(() => clearTimeout(timer));
}

const size = (lines: readonly Recorded[]): number => lines.reduce((sum, { bytes }) => sum + bytes.length, 0);

/** Of those whose client says `text`, the one that said most. */
const largest =
  (text: string) =>
  (sessions: Recorder['sessions']): readonly Recorded[] | undefined =>
    sessions
      .filter((lines) => lines.some(({ who, bytes }) => who === '>' && bytes.includes(text)))
      .sort((a, b) => size(b) - size(a))[0];
