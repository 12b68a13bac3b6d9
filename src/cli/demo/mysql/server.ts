import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../free-port.ts';
import { startGuarded } from '../guarded-server.ts';
import type { DemoServer } from '../house.ts';
import { programPath } from '../programs.ts';
import { untilReady } from '../until-ready.ts';

const run = promisify(execFile);

export interface MariadbPrograms {
  readonly server: string;
  readonly install: string;
}

/** The MariaDB of this machine. */
export function mariadbPrograms(): MariadbPrograms | null {
  const [server, install] = [programPath('mariadbd'), programPath('mariadb-install-db')];
  return server === null || install === null ? null : { server, install };
}

/** Small, and without care for a crash: its data live for minutes. */
const SETTINGS = [
  '--innodb-buffer-pool-size=64M',
  '--innodb-log-file-size=16M',
  '--innodb-flush-log-at-trx-commit=0',
  '--innodb-doublewrite=0',
  '--innodb-use-native-aio=0',
];

/** Starts a throw-away server on 127.0.0.1, where `root` needs no password. */
export async function startMariadb({ server, install }: MariadbPrograms): Promise<DemoServer> {
  const home = await mkdtemp(path.join(tmpdir(), 'sluice-mariadb-'));
  const data = path.join(home, 'data');
  const log = path.join(home, 'log');
  const common = [
    '--no-defaults',
    `--datadir=${data}`,
    ...(process.getuid?.() === 0 ? ['--user=root'] : []),
    ...SETTINGS,
  ];
  try {
    await run(install, [
      ...common,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
      '--skip-name-resolve',
    ]);
  } catch (error) {
    await rm(home, { recursive: true, force: true });
    throw error;
  }
  const port = await freePort();
  const places = [`--socket=${path.join(home, 'socket')}`, `--port=${port}`, `--pid-file=${path.join(home, 'pid')}`];
  const argv = [server, ...common, ...places, '--bind-address=127.0.0.1'];
  const guarded = startGuarded({ home, log, argv, signal: 'KILL' });
  await untilReady('MariaDB', guarded, log, /ready for connections/);
  return { port, stop: guarded.stop };
}
