/**
 * What a known query costs in our own JavaScript, without sockets: the protocol link as in a worker (frame scan, digest,
 * exchange), the aggregates and the event batch, on the bytes of a point select and its reply. `node test/bench/postgres/own-js.ts`
 * prints it alone; `node --cpu-prof` on it shows where the time goes.
 */
import type { PolicySetConfig } from '../../../src/policy/policy-config.ts';
import { int16, int32, loginReply, message, READY_IDLE, startupMessage } from '../../support/postgres-bytes.ts';
import { ownJsWorker, type Traffic } from '../own-js-worker.ts';

const TEXTS = 1_000;

export interface OwnJs {
  readonly simpleUs: number[];
  readonly preparedUs: number[];
}

/** Runs of some hundred thousand queries each; µs a query. */
export async function ownJs(quick: boolean, policies: PolicySetConfig | null = null): Promise<OwnJs> {
  const [rounds, queries] = quick ? [3, 60_000] : [7, 200_000];
  const greeting = [
    [startupMessage({ user: 'postgres', database: 'postgres', application_name: 'bench' }), loginReply(1, 1)],
    [parseRequest, parseReply],
  ] as const;
  const worker = await ownJsWorker('postgres', greeting, policies);
  const results: OwnJs = { simpleUs: [], preparedUs: [] };
  await worker.run(simple, queries);
  await worker.run(prepared, queries);
  for (let round = 0; round < rounds; round++) {
    results.simpleUs.push(await worker.run(simple, queries));
    results.preparedUs.push(await worker.run(prepared, queries));
  }
  await worker.close();
  return results;
}

const select = (literal: string) => `SELECT abalance FROM pgbench_accounts WHERE aid = ${literal};\0`;
const ids = Array.from({ length: TEXTS }, (_, i) => String(((i * 7_919) % 100_000) + 1));
const rowDescription = message(
  'T',
  int16(1),
  'abalance\0',
  int32(16_384),
  int16(4),
  int32(23),
  int16(4),
  int32(-1),
  int16(0),
);
const row = message('D', int16(1), int32(1), '0');
const done = Buffer.concat([message('C', 'SELECT 1\0'), READY_IDLE]);

/** The literal differs each time, as in pgbench: the text is lexed anew, the digest is known. */
const simple: Traffic = {
  requests: ids.map((id) => message('Q', select(id))),
  reply: Buffer.concat([rowDescription, row, done]),
};
const prepared: Traffic = {
  requests: ids.map((id) =>
    Buffer.concat([
      message('B', '\0P_0\0', int16(0), int16(1), int32(id.length), id, int16(1), int16(0)),
      message('D', 'P\0'),
      message('E', '\0', int32(0)),
      message('S'),
    ]),
  ),
  reply: Buffer.concat([message('2'), rowDescription, row, done]),
};
const parseRequest = Buffer.concat([message('P', 'P_0\0', select('$1'), int16(0)), message('S')]);
const parseReply = Buffer.concat([message('1'), READY_IDLE]);

if (import.meta.main) {
  const { simpleUs, preparedUs } = await ownJs(process.argv.includes('--quick'));
  for (const [name, values] of Object.entries({ simple: simpleUs, prepared: preparedUs })) {
    process.stdout.write(`${name.padEnd(9)} ${values.map((us) => us.toFixed(2)).join('  ')} µs a query\n`);
  }
}
