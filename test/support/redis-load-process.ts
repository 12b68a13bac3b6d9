/**
 * Paced Redis traffic, in a process of its own so that its clock is not the test's (see redis-load.ts): `--port PORT --rate
 * COMMANDS_A_SECOND --direct PORT`. Four connections send GET and SET by the clock, a fifth asks one command after the other
 * and times each, a sixth does so with the server itself. Told `{mark: name}` it begins a new phase, told `{end: true}` it waits for every reply and reports.
 */
import { parseArgs } from 'node:util';
import type { Latency, LoadReport, Phase } from './redis-load.ts';
import { command, RedisError, RedisWire, ReplyReader } from './redis-wire.ts';

const WIRES = 4;
const TICK_MS = 10;
const PROBE_PAUSE_MS = 5;
/** A connection with so many open replies is not given more: the load waits for its server as clients do. */
const MAX_OPEN = 500;
const END_MS = 60_000;

const { values } = parseArgs({
  options: { port: { type: 'string' }, rate: { type: 'string', default: '1000' }, direct: { type: 'string' } },
});
const port = Number(values.port);
const rate = Number(values.rate);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

let [sent, answered, errors] = [0, 0, 0];
let ended = false;
let phase = { name: '', times: [] as number[], direct: [] as number[] };
const phases: Phase[] = [];
function latencyOf(times: number[]): Latency {
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { count: times.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}
function closePhase(): void {
  const { name, times, direct } = phase;
  if (times.length > 0) phases.push({ name, ...latencyOf(times), direct: latencyOf(direct) });
}

/** One of those that send by the clock. */
class Sender {
  readonly #wire: RedisWire;
  readonly #reader = new ReplyReader();
  open = 0;

  constructor(wire: RedisWire) {
    this.#wire = wire;
    wire.socket.removeAllListeners('data');
    wire.socket.on('data', (bytes: Buffer) => {
      for (const reply of this.#reader.push(bytes)) {
        this.open--;
        answered++;
        if (reply instanceof RedisError) errors++;
      }
    });
  }

  get closed(): boolean {
    return this.#wire.closed;
  }

  write(commands: readonly Buffer[]): void {
    sent += commands.length;
    this.open += commands.length;
    this.#wire.write(Buffer.concat(commands));
  }

  end(): Promise<void> {
    return this.#wire.end();
  }
}

process.on('message', (told: { mark?: string; end?: boolean }) => {
  if (told.mark !== undefined) {
    closePhase();
    phase = { name: told.mark, times: [], direct: [] };
  }
  if (told.end) ended = true;
});
process.on('disconnect', () => process.exit());

const senders: Sender[] = [];
for (let i = 0; i < WIRES; i++) senders.push(new Sender(await RedisWire.to(port)));
const probe = await RedisWire.to(port);
const probing = (async () => {
  while (!ended) {
    const began = performance.now();
    sent++;
    const reply = await probe.send('get', 'probe:1');
    phase.times.push(performance.now() - began);
    if (reply !== undefined) answered++;
    if (reply === undefined || reply instanceof RedisError) errors++;
    if (reply === undefined) break;
    await pause(PROBE_PAUSE_MS);
  }
})();
const server = await RedisWire.to(Number(values.direct));
const probingDirect = (async () => {
  while (!ended) {
    const began = performance.now();
    if ((await server.send('ping')) === undefined) break;
    phase.direct.push(performance.now() - began);
    await pause(PROBE_PAUSE_MS);
  }
})();
process.send!({ connected: true });

const begunAt = performance.now();
for (let n = 0; !ended; ) {
  await pause(TICK_MS);
  const wanted = Math.floor((rate * (performance.now() - begunAt)) / 1000) - n;
  const share = Math.ceil(Math.min(wanted, rate / 10) / WIRES);
  for (const sender of senders) {
    if (sender.closed || sender.open > MAX_OPEN) continue;
    const commands = Array.from({ length: share }, (_, i) =>
      i % 2 === 0 ? command('set', `k:${(n + i) % 1000}`, 'value') : command('get', `k:${(n + i) % 1000}`),
    );
    n += share;
    if (share > 0) sender.write(commands);
  }
}
const limit = performance.now() + END_MS;
while (senders.some(({ open, closed }) => open > 0 && !closed) && performance.now() < limit) await pause(TICK_MS);
await Promise.all([probing, probingDirect]);
await Promise.all([probe.end(), server.end(), ...senders.map((sender) => sender.end())]);
closePhase();
const report: LoadReport = { sent, answered, errors, seconds: (performance.now() - begunAt) / 1000, phases };
process.send!({ report }, () => process.disconnect());
