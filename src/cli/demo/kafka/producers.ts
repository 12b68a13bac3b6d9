import kafkajs, { type Kafka, type Message, type Producer } from 'kafkajs';
import type { Random } from '../random.ts';

const CUSTOMERS = 500;
const createPartitioner = kafkajs.Partitioners.DefaultPartitioner;

/** A producer that connects when it is first needed, and anew after it could not. */
export class Sender {
  readonly #producer: Producer;
  #connected: Promise<void> | null = null;

  constructor(kafka: Kafka, transactionalId = '') {
    const exactlyOnce = { transactionalId, idempotent: true, maxInFlightRequests: 1 };
    this.#producer = kafka.producer({ createPartitioner, ...(transactionalId !== '' && exactlyOnce) });
  }

  async producer(): Promise<Producer> {
    this.#connected ??= this.#producer.connect();
    try {
      await this.#connected;
    } catch (error) {
      this.#connected = null;
      throw error;
    }
    return this.#producer;
  }

  async close(): Promise<void> {
    await this.#producer.disconnect().catch(() => undefined);
  }
}

/** What a traced application writes into the headers of its messages. */
function traceOf(random: Random): string {
  const hex = (digits: number) => Array.from({ length: digits }, () => random.between(0, 15).toString(16)).join('');
  return `00-${hex(32)}-${hex(16)}-01`;
}

/** So many messages of customers; some are traced. */
function messagesOf(random: Random, count: number, what: object): Message[] {
  const headers = random.chance(0.2) ? { traceparent: traceOf(random) } : undefined;
  return Array.from({ length: count }, () => {
    const customer = random.between(1, CUSTOMERS);
    const value = JSON.stringify({ customer, ...what, amount: random.between(1, 900), note: 'x'.repeat(60) });
    return { key: `customer-${customer}`, value, ...(headers && { headers }) };
  });
}

export async function order(sender: Sender, random: Random): Promise<void> {
  const messages = messagesOf(random, random.between(1, 4), { kind: 'order' });
  await (await sender.producer()).send({ topic: 'orders', messages });
}

/** Two topics in one request, compressed. */
export async function pay(sender: Sender, random: Random): Promise<void> {
  const messages = messagesOf(random, random.between(8, 20), { kind: 'payment' });
  await (await sender.producer()).sendBatch({
    compression: kafkajs.CompressionTypes.GZIP,
    topicMessages: [
      { topic: 'payments', messages },
      { topic: 'receipts', messages: messages.slice(0, 4) },
    ],
  });
}

/** Nobody waits for an answer, and there is none. */
export async function click(sender: Sender, random: Random): Promise<void> {
  const messages = messagesOf(random, random.between(2, 6), { kind: 'click' });
  await (await sender.producer()).send({ topic: 'clicks', acks: 0, messages });
}

/** Both sides of an entry, or none. */
export async function book(sender: Sender, random: Random): Promise<void> {
  const transaction = await (await sender.producer()).transaction();
  try {
    await transaction.send({ topic: 'ledger', messages: messagesOf(random, 1, { side: 'debit' }) });
    await transaction.send({ topic: 'ledger', messages: messagesOf(random, 1, { side: 'credit' }) });
  } catch (error) {
    await transaction.abort().catch(() => undefined);
    throw error;
  }
  // The bookkeeper thinks better of it.
  if (random.chance(0.1)) await transaction.abort();
  else await transaction.commit();
}
