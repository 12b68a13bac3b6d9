/**
 * A worker's event path without a worker: `node test/support/event-generator.ts --socket PATH [--rate 20000]
 * [--seconds 10] [--worker 1000] [--incarnation 1] [--sessions 64] [--digests 50] [--errors 0.01] [--denied 0.001]
 * [--traceparents 0] [--max-per-second 0] [--turnover 1] [--seed 1]` dials the socket of a facts process as that worker and
 * records exchanges at a fixed rate. Prints `{"connected":true}` when facts has answered, and at the end, or at SIGTERM,
 * one line with what was put in and its own ledger (GeneratorReport).
 */
import { parseArgs } from 'node:util';
import { RowStore } from '../../src/digest/rows/rows.ts';
import { OperationStore } from '../../src/digest/rows/rows-operations.ts';
import { FactsLink } from '../../src/events/link.ts';
import { Recorder } from '../../src/events/recorder.ts';
import { Sampler } from '../../src/events/sampling.ts';
import { dialSocket } from '../../src/events/socket-channel.ts';
import { ExchangePool } from '../../src/exchange/exchange.ts';
import { systemClock } from '../../src/net/clock.ts';
import type { GeneratorReport } from './event-generator-report.ts';
import { EventTraffic } from './event-traffic.ts';

/** Between two handfuls. */
const TICK_MS = 5;
/** What a pause of the machine left undone is done in handfuls of at most so many ms. */
const CATCH_UP_MS = 100;
const CONNECT_MS = 60_000;
const GOODBYE_MS = 90_000;

const { values } = parseArgs({
  options: {
    socket: { type: 'string' },
    rate: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '10' },
    worker: { type: 'string', default: '1000' },
    incarnation: { type: 'string', default: '1' },
    sessions: { type: 'string', default: '64' },
    digests: { type: 'string', default: '50' },
    errors: { type: 'string', default: '0.01' },
    denied: { type: 'string', default: '0.001' },
    traceparents: { type: 'string', default: '0' },
    'max-per-second': { type: 'string', default: '0' },
    /** Sessions that end, and begin, a second. */
    turnover: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
  },
});
if (values.socket === undefined) throw new Error('--socket PATH: the unix socket of a facts process');
const number = (name: Exclude<keyof typeof values, 'socket'>): number => Number(values[name]);
const rate = number('rate');
const worker = number('worker');
const perSecond = number('max-per-second');

const rows = new RowStore();
const operations = new OperationStore();
const pool = new ExchangePool();
const link = new FactsLink({
  worker,
  incarnation: number('incarnation'),
  dial: dialSocket(values.socket),
  clock: systemClock,
  rows,
  operations,
  sampler: perSecond === 0 ? null : new Sampler({ perSecond, slowMs: 1000, seed: number('seed') }),
});
const recorder = new Recorder({ rows, operations, link, clock: systemClock, pool });
const traffic = new EventTraffic({
  worker,
  sessions: number('sessions'),
  digests: number('digests'),
  errors: number('errors'),
  denied: number('denied'),
  traceparents: number('traceparents'),
  seed: number('seed'),
});
let stopped = false;
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => (stopped = true));
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

link.start();
const patience = performance.now() + CONNECT_MS;
while (!link.connected && !stopped) {
  if (performance.now() > patience) throw new Error(`no facts process answers at ${values.socket}`);
  await pause(10);
}
console.log(JSON.stringify({ connected: true }));

let sessionStarts = 0;
let sessionEnds = 0;
const cpuBefore = process.cpuUsage();
const startedAt = performance.now();
const endsAt = startedAt + number('seconds') * 1000;
for (const session of traffic.sessions) {
  recorder.sessionStart(session);
  sessionStarts++;
}
let done = 0;
let turned = 0;
while (!stopped) {
  const now = Math.min(performance.now(), endsAt);
  // endsAt - startedAt is not the whole second it was made of, to the last bit.
  const due = Math.floor((rate * (now - startedAt)) / 1000 + 1e-6) - done;
  const count = Math.min(due, Math.ceil((rate * CATCH_UP_MS) / 1000));
  for (let i = 0; i < count; i++) {
    const x = pool.take();
    traffic.fill(x, startedAt + (++done * 1000) / rate);
    recorder.end(x);
  }
  for (const wanted = Math.floor((number('turnover') * (now - startedAt)) / 1000); turned < wanted; turned++) {
    const place = turned % traffic.sessions.length;
    recorder.sessionEnd(traffic.sessions[place]!, 'client_closed');
    recorder.sessionStart(traffic.open(place));
    sessionEnds++;
    sessionStarts++;
  }
  if (now >= endsAt && count === due) break;
  await pause(count < due ? 0 : TICK_MS);
}
for (const session of traffic.sessions) {
  recorder.sessionEnd(session, 'client_closed');
  sessionEnds++;
}
const seconds = (performance.now() - startedAt) / 1000;
const cpu = process.cpuUsage(cpuBefore);
await link.close(GOODBYE_MS);
const report: GeneratorReport = {
  ...link.ledger,
  waiting: link.waiting,
  put: traffic.sums,
  sessionStarts,
  sessionEnds,
  seconds,
  perSecond: traffic.sums.exchanges / seconds,
  cpuUsAnEvent: (cpu.user + cpu.system) / traffic.sums.exchanges,
};
console.log(JSON.stringify(report));
