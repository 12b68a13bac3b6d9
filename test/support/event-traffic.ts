import { createHash } from 'node:crypto';
import type { Digest } from '../../src/exchange/digest.ts';
import { type Exchange, Flag, Outcome, VerdictCode } from '../../src/exchange/exchange.ts';
import { SessionFacts } from '../../src/exchange/session-facts.ts';

export interface TrafficOptions {
  readonly worker?: number;
  readonly sessions?: number;
  readonly digests?: number;
  /** Shares of all exchanges, 0 … 1. */
  readonly errors?: number;
  readonly denied?: number;
  readonly traceparents?: number;
  readonly seed?: number;
}

/** What was put into exchanges so far: what any sink must add up to. */
export interface TrafficSums {
  exchanges: number;
  errors: number;
  denied: number;
  requestBytes: number;
  replyBytes: number;
  rows: number;
}

/** Of 65536 latencies in ms, log-normal about 0.4 ms; a few are above a second. */
const LATENCIES = 2 ** 16;
const TABLES = ['accounts', 'orders', 'order_lines', 'customers', 'sessions', 'stock', 'prices', 'events'];
const SHAPES: readonly [operation: string, text: (table: string, n: number) => string][] = [
  [
    'SELECT',
    (table, n) => `SELECT id, name, c${n} FROM ${table} WHERE id = $1 AND tenant_id = $2 ORDER BY c${n} LIMIT $3`,
  ],
  ['SELECT', (table, n) => `SELECT count(*), sum(c${n}) FROM ${table} WHERE created_at >= $1 GROUP BY tenant_id`],
  ['UPDATE', (table, n) => `UPDATE ${table} SET c${n} = c${n} + $1, updated_at = now() WHERE id = $2`],
  ['INSERT', (table, n) => `INSERT INTO ${table} (id, tenant_id, c${n}) VALUES ($1, $2, $3) RETURNING id`],
];

/**
 * Exchanges such as a worker sees from a busy shop: few digests make most of the calls, latencies have a long tail, some
 * fail. Makes no object but sessions and traceparents.
 */
export class EventTraffic {
  readonly sums: TrafficSums = { exchanges: 0, errors: 0, denied: 0, requestBytes: 0, replyBytes: 0, rows: 0 };
  readonly sessions: SessionFacts[] = [];
  readonly #digests: Digest[];
  /** A digest for each of 1024 throws: the first stands most often. */
  readonly #deck = new Uint16Array(1024);
  readonly #latencies = new Float64Array(LATENCIES);
  readonly #seqs: number[] = [];
  readonly #errors: number;
  readonly #denied: number;
  readonly #traceparents: number;
  readonly #worker: number;
  #sessionCount = 0;
  #state: number;

  constructor(options: TrafficOptions = {}) {
    const {
      worker = 1000,
      sessions = 64,
      digests = 50,
      errors = 0.01,
      denied = 0.001,
      traceparents = 0,
      seed = 1,
    } = options;
    this.#worker = worker;
    this.#errors = errors;
    this.#denied = denied;
    this.#traceparents = traceparents;
    this.#state = seed;
    this.#digests = Array.from({ length: digests }, (_, n) => digestOf(n));
    this.#deck.forEach((_, i) => {
      // 1/n by its integral: the share of digest n falls as n grows.
      this.#deck[i] = Math.min(digests - 1, Math.floor(digests ** (i / 1024)) - 1);
    });
    // Each digest is seen now and then.
    for (let n = 0; n < digests && n < 1024; n++) this.#deck[1023 - n] = n;
    for (let i = 0; i < LATENCIES; i += 2) {
      const radius = Math.sqrt(-2 * Math.log(1 - this.#random()));
      const angle = 2 * Math.PI * this.#random();
      this.#latencies[i] = 0.4 * Math.exp(1.2 * radius * Math.cos(angle));
      this.#latencies[i + 1] = 0.4 * Math.exp(1.2 * radius * Math.sin(angle));
    }
    for (let i = 0; i < 4; i++) this.#latencies[(i * 9973) % LATENCIES] = 1500;
    for (let i = 0; i < sessions; i++) this.open(i);
  }

  /** A new session at this place; the one that was there is no more. */
  open(place: number): SessionFacts {
    const n = this.#sessionCount++;
    const client = `10.1.${(n >> 8) & 255}.${n & 255}:${40_000 + (n % 20_000)}`;
    const id = this.#worker * 2 ** 40 + n + 1;
    const session = new SessionFacts(id, 'postgres', 'shop', client, '10.0.0.1:5432', Date.now());
    session.user = `app${n % 4}`;
    session.database = n % 8 === 0 ? 'stock' : 'shop';
    session.application = ['web', 'batch', 'api'][n % 3]!;
    session.cluster = 'db';
    session.upstreamAddress = '10.0.0.2:5432';
    session.driver = 'libpq';
    session.serverVersion = '17.2';
    this.sessions[place] = session;
    this.#seqs[place] = 0;
    return session;
  }

  /** Makes `x` one that ended at `at`, ms of the monotonic clock. */
  fill(x: Exchange, at: number): void {
    const place = this.#next() % this.sessions.length;
    const session = this.sessions[place]!;
    const dice = this.#next();
    const digest = this.#digests[this.#deck[dice & 1023]!]!;
    const ms = this.#latencies[(dice >>> 10) & (LATENCIES - 1)]!;
    x.session = session;
    x.seq = x.turn = ++this.#seqs[place]!;
    x.kind = 'execute';
    x.digest = digest;
    x.flags = Flag.prepared;
    x.requestFirstByteAt = x.requestLastByteAt = at - ms;
    x.forwardedAt = at - ms + 0.03;
    x.replyFirstByteAt = at - ms / 4;
    x.replyLastByteAt = x.acceptedAt = at;
    x.requestBytes = 60 + (dice & 63);
    x.replyBytes = 100 + (dice & 0xfff);
    x.rowsReturned = dice & 15;
    this.#outcome(x);
    if (this.#traceparents > 0 && this.#random() < this.#traceparents) x.traceparent = this.#traceparent();
    session.received[0] += x.requestBytes;
    session.received[1] += x.replyBytes;
    this.sums.exchanges++;
    this.sums.requestBytes += x.requestBytes;
    this.sums.replyBytes += x.replyBytes;
    this.sums.rows += x.rowsReturned;
  }

  #outcome(x: Exchange): void {
    const throwOf = this.#random();
    if (throwOf >= this.#errors + this.#denied) return;
    x.rowsReturned = 0;
    x.severity = 'ERROR';
    if (throwOf < this.#errors) {
      x.outcome = Outcome.error;
      x.code = throwOf < this.#errors / 3 ? '40001' : '23505';
      this.sums.errors++;
    } else {
      x.outcome = Outcome.denied;
      x.flags |= Flag.denied;
      x.code = '42501';
      x.policy = 'no_payroll';
      x.verdict = VerdictCode.denied;
      x.shadowPolicy = 'no_drop';
      x.shadowVerdict = VerdictCode.denied;
      x.policySnapshot = '0123456789ab';
      x.requestOffset = x.session.received[0];
      this.sums.denied++;
    }
  }

  #traceparent(): string {
    const hex = () => this.#next().toString(16).padStart(8, '0');
    // From bytes, as sessions read it: a text in one piece.
    return Buffer.from(`00-${hex()}${hex()}${hex()}${hex()}-${hex()}${hex()}-01`).toString('latin1');
  }

  #random(): number {
    return this.#next() / 2 ** 32;
  }

  /** 0 … 2^32 − 1 (xorshift32; the state is never 0). */
  #next(): number {
    let n = this.#state;
    n ^= n << 13;
    n ^= n >>> 17;
    n ^= n << 5;
    this.#state = n;
    return n >>> 0;
  }
}

function digestOf(n: number): Digest {
  const [operation, write] = SHAPES[n % SHAPES.length]!;
  const table = TABLES[n % TABLES.length]!;
  const text = write(table, n);
  return {
    id: createHash('sha256').update(text).digest('hex').slice(0, 16),
    protocol: 'postgres',
    text,
    summary: `${operation} ${table}`,
    operation,
    targets: [{ schema: 'public', name: table, operations: [operation.toLowerCase()] }],
    confidence: 'parsed',
    settled: true,
    literalSensitive: false,
    judged: null,
    sample: '',
    truncated: false,
    slot: n + 1,
  };
}
