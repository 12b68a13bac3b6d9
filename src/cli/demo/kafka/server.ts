import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from '../free-port.ts';
import { startGuarded } from '../guarded-server.ts';
import type { DemoServer } from '../house.ts';
import { untilReady } from '../until-ready.ts';

/** Said wherever the stand-in is told of. */
export const STAND_IN = "a stand-in: two of Sluice's own small brokers, for want of a Kafka";

/** The tests' brokers. They are no part of the package: only a checkout has them. */
const PROGRAM = path.resolve(import.meta.dirname, '../../../../test/support/kafka-broker/main.ts');

export const standInThere = (): boolean => existsSync(PROGRAM);

/** Starts a cluster of two brokers on 127.0.0.1; the port is the first one's, and leads to the other. */
export async function startBrokers(): Promise<DemoServer> {
  const home = await mkdtemp(path.join(tmpdir(), 'sluice-kafka-'));
  const log = path.join(home, 'log');
  const ports = [await freePort(), await freePort()] as const;
  const argv = [process.execPath, PROGRAM, '--brokers', '2', '--ports', ports.join(','), '--stay'];
  const server = startGuarded({ home, log, argv, signal: 'KILL' });
  await untilReady("Kafka's stand-in", server, log, new RegExp(`:${ports[0]},.*:${ports[1]}\\b`));
  return { port: ports[0], stop: server.stop };
}
