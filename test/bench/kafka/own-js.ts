/**
 * What a small produce and its reply cost in our own JavaScript, without sockets: reading, exchange, aggregates and event columns.
 * `node test/bench/kafka/own-js.ts` prints µs a produce, several runs; `node --cpu-prof` on it shows where the time goes.
 */
import { ownJsWorker } from '../own-js-worker.ts';
import { REPLY_CORRELATION_AT, REQUEST_CORRELATION_AT, REQUESTS, replies } from './messages.ts';

const [ROUNDS, PRODUCES] = [8, 200_000];
const PRODUCE = 0;
const API_VERSIONS = 18;

/** With the one correlation id that all of them have. */
function pair(request: Buffer, api: number): readonly [request: Buffer, reply: Buffer] {
  const reply = replies(1).get(api)!;
  request.writeInt32BE(1, REQUEST_CORRELATION_AT);
  reply.writeInt32BE(1, REPLY_CORRELATION_AT);
  return [request, reply];
}

const worker = await ownJsWorker('kafka', [pair(REQUESTS.apiVersions(), API_VERSIONS)]);
const [request, reply] = pair(REQUESTS.produce(), PRODUCE);
const figures: string[] = [];
for (let round = 0; round < ROUNDS; round++)
  figures.push((await worker.run({ requests: [request], reply }, PRODUCES)).toFixed(2));
process.stdout.write(`${figures.join('  ')} µs a produce\n`);
await worker.close();
