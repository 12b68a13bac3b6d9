import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from '../free-port.ts';
import { startGuarded } from '../guarded-server.ts';
import type { DemoServer } from '../house.ts';
import { programPath } from '../programs.ts';
import { untilReady } from '../until-ready.ts';

/** The Redis of this machine, or its successor. */
export const redisProgram = (): string | null => programPath('redis-server') ?? programPath('valkey-server');

/** Starts a throw-away server on 127.0.0.1: nothing is saved. */
export async function startRedis(program: string): Promise<DemoServer> {
  const home = await mkdtemp(path.join(tmpdir(), 'sluice-redis-'));
  const log = path.join(home, 'log');
  const port = await freePort();
  const argv = [
    program,
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    home,
    '--save',
    '',
    '--appendonly',
    'no',
  ];
  const server = startGuarded({ home, log, argv, signal: 'KILL' });
  await untilReady('Redis', server, log, /Ready to accept connections/);
  return { port, stop: server.stop };
}
