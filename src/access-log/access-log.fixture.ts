import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { digestOf, exchangeOf, sessionOf } from '../digest/rows/rows.fixture.ts';
import { BatchEncoder } from '../events/columns.ts';
import { EventBatch } from '../events/event-batch.ts';
import { systemClock } from '../net/clock.ts';
import { AccessLog } from './access-log.ts';

// A process that logs to stdout: argv[2] batches of 1,000 lines, then says on stderr what became of them. A line from
// stdin lets it go on to the second half. With argv[3] = sibling another process has its stdout, too, and ends before the first
// line: Node then puts stdout back as that one found it, so that writing blocks.
const batches = Number(process.argv[2]);
if (process.argv[3] === 'sibling') {
  const sibling = spawn(process.execPath, ['-e', 'process.once("disconnect", () => {}); process.send("up")'], {
    stdio: ['ignore', 'inherit', 'ignore', 'ipc'],
  });
  await once(sibling, 'message');
  if (process.stdout.destroyed) throw new Error('no stdout'); // opens it
  sibling.disconnect();
  await once(sibling, 'exit');
}
const log = new AccessLog({ clock: systemClock, maxBytes: 2 ** 20 });
log.apply([{ name: 'shop', accessLogs: [{ path: '-', exchanges: true, connections: true, format: null }] }]);

function half(from: number): void {
  for (let n = 0; n < batches / 2; n++) {
    const encoder = new BatchEncoder();
    for (let i = 0; i < 1000; i++) encoder.append(exchangeOf(sessionOf(1), digestOf(1), { seq: from + i }), 0);
    log.batch(EventBatch.from(encoder.finish({ worker: 0, incarnation: 1, origin: 9, sequence: n + 1, before: 0 }))!);
  }
}

setInterval(() => {}, 1000); // what facts' servers do: it stays though nothing is left to do
half(0);
await log.flush(1500);
process.stderr.write(`${JSON.stringify({ at: 'half', ...log.counts })}\n`);
process.stdin.once('data', async () => {
  half(1000);
  await log.close(1500);
  process.stderr.write(`${JSON.stringify({ at: 'end', ...log.counts })}\n`);
  process.exit(0);
});
