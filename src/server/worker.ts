import type { Socket } from 'node:net';
import type { Snapshot } from '../config/snapshot.ts';
import { dialSocket } from '../events/socket-channel.ts';
import { systemClock } from '../net/clock.ts';
import { DoorBook } from '../net/door-book.ts';
import { createDataRole, type DataRole, realWorld } from './data-role.ts';
import { HandedNetwork } from './handed-network.ts';
import { Keys } from './keys.ts';
import { createLogger } from './log.ts';
import { type FromWorker, readBirth, type ToWorker } from './messages.ts';
import { Names } from './names.ts';
import { guardProcess } from './process-guard.ts';
import { ProcessView } from './process-view.ts';

/**
 * A worker process: the data path. Started by worker-pool.ts; the primary accepts for it and hands it connections. When
 * the primary is killed it finishes what it has: no new connections, and it ends with the last open one.
 */

/** How long connections may live on without a primary before they are drained. */
const ORPHAN_LIMIT_MS = 900_000;
const ORPHAN_LOOK_MS = 200;
/** How often the primary hears how many connections are open here. */
const LOAD_MS = 250;

const birth = readBirth();
const log = createLogger({ role: `worker ${birth.worker}`, level: birth.level, format: birth.format });
let role: DataRole | null = null;
guardProcess(log, () => ({ connections: role?.plane.active ?? 0 }));

const network = new HandedNetwork();
const keys = new Keys((changes) => tell({ kind: 'keys', changes }));
const doors = new DoorBook((wanted) => {
  if (process.connected) tell({ kind: 'doors_wanted', wanted });
  else doors.giveUp(); // nobody is there to open them
}, systemClock);
const names = new Names((learned) => tell({ kind: 'names', learned }));
let ending = false;
let latest: Snapshot | null = null;
/** Snapshots and the like are applied one after the other. */
let work: Promise<void> = Promise.resolve();
const next = (step: () => Promise<void>): void => {
  work = work.then(step);
};

function tell(message: FromWorker): void {
  // A message into a channel that has just closed ends in this callback, not in an 'error' that nobody hears.
  if (process.connected) process.send!(message, undefined, undefined, () => {});
}

process.on('message', (message: ToWorker, socket?: Socket) => {
  switch (message.kind) {
    case 'connection':
      tell({ kind: 'took', seq: message.seq });
      if (socket) network.take(message.at, socket);
      break;
    case 'snapshot':
      next(() => apply(message));
      break;
    case 'doors':
      next(async () => {
        await role?.plane.setDoors(message.doors);
        tell({ kind: 'doors_applied', id: message.id });
      });
      break;
    case 'doors_known':
      doors.know(message.doors, message.refused);
      break;
    case 'keys':
      keys.apply(message.changes);
      break;
    case 'names':
      names.apply(message.learned);
      break;
    case 'level':
      log.level = message.level;
      break;
    case 'drain':
      next(() => drain(message.timeoutMs));
      break;
  }
});

process.on('disconnect', () => {
  doors.giveUp();
  next(finishAlone);
});

let told = 0;
setInterval(() => {
  const active = role?.plane.active ?? 0;
  if (active !== told) tell({ kind: 'load', active });
  told = active;
}, LOAD_MS).unref();

// The terminal's Ctrl-C and a service manager's SIGTERM reach every process; the primary decides what they mean.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    if (process.connected || signal === 'SIGHUP') return;
    if (ending) process.exit(1);
    next(() => drain(latest?.process.drainTimeoutMs ?? 0));
  });

async function apply({ id, snapshot, doorsId, doors: open }: ToWorker & { kind: 'snapshot' }): Promise<void> {
  latest = snapshot;
  role ??= await createDataRole({
    worker: birth.worker,
    workers: birth.workers,
    incarnation: birth.incarnation,
    dial: dialSocket(birth.socket),
    snapshot,
    keys,
    doors,
    names,
    log,
    world: { ...realWorld(), network },
    process: new ProcessView(`worker-${birth.worker}`),
  });
  role.apply(snapshot);
  const failures = await role.plane.apply(snapshot, open);
  tell({ kind: 'applied', id, doorsId, failures, listeners: role.plane.listeners() });
}

async function drain(timeoutMs: number): Promise<void> {
  if (ending) return;
  ending = true;
  await role?.plane.drain(timeoutMs);
  await leave();
}

async function finishAlone(): Promise<void> {
  if (ending) return;
  log.warn('the primary is gone: open connections are finished, no new ones are taken', {
    connections: role?.plane.active ?? 0,
  });
  if (role && latest) {
    await role.plane.apply({ ...latest, listeners: [] }, []);
    const limit = performance.now() + ORPHAN_LIMIT_MS;
    while (role.plane.active > 0 && performance.now() < limit && !ending)
      await new Promise((resolve) => setTimeout(resolve, ORPHAN_LOOK_MS));
  }
  await drain(latest?.process.drainTimeoutMs ?? 0);
}

async function leave(): Promise<void> {
  await role?.close();
  await log.flushed();
  process.exit(0);
}
