import type { Admin } from 'kafkajs';
import type { Target, Workload } from '../house.ts';
import { type Actor, runActors } from '../lanes.ts';
import { Random } from '../random.ts';
import { Consumers, type Group } from './consumers.ts';
import { book, click, order, pay, Sender } from './producers.ts';
import { kafkaOf, quietTimers, TOPICS } from './topics.ts';

const BILLING: Group = { id: 'billing', topics: ['orders', 'payments'], falters: true };
const ANALYTICS: Group = { id: 'analytics', topics: ['clicks', 'ledger'], falters: false };
const HELP_MS = 3_000;

/** Starts all who send, read and administer; about 100 requests a second, until stop(). */
export function startWorkload(target: Target): Workload {
  quietTimers();
  const surprises: Error[] = [];
  const stopped = new AbortController();
  const random = new Random(41);
  const kafka = (clientId: string) => kafkaOf(target, clientId);
  const shop = new Sender(kafka('shop-web'));
  const payments = new Sender(kafka('payments'));
  const tracker = new Sender(kafka('click-tracker'));
  const books = new Sender(kafka('bookkeeping'), 'bookkeeping-1');
  const office = new Office(kafka('back-office').admin());
  const consumers = new Consumers(stopped.signal, surprises);
  const members: [clientId: string, group: Group][] = [
    ['billing-1', BILLING],
    ['billing-2', BILLING],
    ['analytics', ANALYTICS],
  ];
  const joining = members.map(([clientId, group]) =>
    consumers.join(kafka(clientId), group).catch((error: Error) => {
      if (!stopped.signal.aborted) surprises.push(new Error(`group ${group.id}: ${error.message}`, { cause: error }));
    }),
  );
  const actors: Actor[] = [
    { name: 'order', perSecond: 10, lanes: 2, act: () => order(shop, random) },
    { name: 'payment', perSecond: 3, lanes: 1, act: () => pay(payments, random) },
    { name: 'click', perSecond: 6, lanes: 1, act: () => click(tracker, random) },
    { name: 'bookkeeping', perSecond: 1, lanes: 1, act: () => book(books, random) },
    { name: 'monitoring', perSecond: 1, lanes: 1, act: () => office.look() },
    { name: 'mistake', perSecond: 0.7, lanes: 1, act: () => office.makeAgain() },
    { name: 'helper', perSecond: 0.1, lanes: 1, act: () => consumers.help(kafka('billing-3'), BILLING, HELP_MS) },
  ];
  const acting = runActors(actors, stopped.signal, surprises);
  return {
    surprises,
    async stop() {
      stopped.abort();
      await acting;
      await Promise.all(joining);
      await Promise.all([consumers.close(), ...[shop, payments, tracker, books, office].map((one) => one.close())]);
    },
  };
}

/** Who looks after the cluster. */
class Office {
  readonly #admin: Admin;
  #connected: Promise<void> | null = null;

  constructor(admin: Admin) {
    this.#admin = admin;
  }

  /** How far the readers are behind, and who they are. */
  async look(): Promise<void> {
    const admin = await this.#open();
    await admin.describeCluster();
    await admin.fetchTopicOffsets('orders');
    await admin.fetchOffsets({ groupId: BILLING.id, topics: [...BILLING.topics] });
    await admin.describeGroups([BILLING.id]);
  }

  /** Makes a topic that is there already, as code does that nobody has looked at for years. */
  async makeAgain(): Promise<void> {
    const admin = await this.#open();
    await admin.createTopics({ topics: [{ topic: 'orders', numPartitions: TOPICS.orders, replicationFactor: 1 }] });
  }

  async close(): Promise<void> {
    await this.#admin.disconnect().catch(() => undefined);
  }

  async #open(): Promise<Admin> {
    this.#connected ??= this.#admin.connect();
    try {
      await this.#connected;
    } catch (error) {
      this.#connected = null;
      throw error;
    }
    return this.#admin;
  }
}
