import type { Cluster } from './cluster.ts';
import type { Committed } from './group.ts';
import { markerBatch } from './records.ts';

interface Transaction {
  readonly id: string;
  readonly producerId: number;
  epoch: number;
  open: boolean;
  /** `topic-0` */
  readonly partitions: Set<string>;
  /** By group, then by partition: they count once it commits. */
  readonly offsets: Map<string, Map<string, Committed>>;
}

/** Idempotent producers, and transactions as far as clients need them: one coordinator, which forgets nothing. */
export class Transactions {
  readonly #cluster: Cluster;
  readonly #byId = new Map<string, Transaction>();
  #nextProducerId = 1000;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** A producer begins: whatever it had open is aborted, and an older one of its name is fenced. */
  begin(id: string | null, producerId: number, epoch: number): { producerId: number; epoch: number } | string {
    if (id === null) {
      if (producerId >= 0) return { producerId, epoch: epoch + 1 };
      return { producerId: this.#nextProducerId++, epoch: 0 };
    }
    const known = this.#byId.get(id);
    if (known === undefined) {
      const transaction = { id, producerId: this.#nextProducerId++, epoch: 0, open: false };
      this.#byId.set(id, { ...transaction, partitions: new Set(), offsets: new Map() });
      return transaction;
    }
    if (producerId >= 0 && (producerId !== known.producerId || epoch !== known.epoch)) return 'PRODUCER_FENCED';
    if (known.open) this.#finish(known, false);
    known.epoch++;
    return known;
  }

  /** '' or why this producer may not speak for the transactional id. */
  check(id: string, producerId: bigint | number, epoch: number): string {
    const known = this.#byId.get(id);
    if (known === undefined || known.producerId !== Number(producerId)) return 'INVALID_PRODUCER_ID_MAPPING';
    return epoch === known.epoch ? '' : 'PRODUCER_FENCED';
  }

  add(id: string, partition: string): void {
    const known = this.#byId.get(id)!;
    known.open = true;
    known.partitions.add(partition);
  }

  addGroup(id: string, groupId: string): void {
    const known = this.#byId.get(id)!;
    known.open = true;
    if (!known.offsets.has(groupId)) known.offsets.set(groupId, new Map());
  }

  hold(id: string, groupId: string, key: string, offset: Committed): void {
    this.addGroup(id, groupId);
    this.#byId.get(id)!.offsets.get(groupId)!.set(key, offset);
  }

  mayWrite(id: string, producerId: number, epoch: number, partition: string): string {
    const wrong = this.check(id, producerId, epoch);
    if (wrong !== '') return wrong === 'PRODUCER_FENCED' ? 'INVALID_PRODUCER_EPOCH' : wrong;
    return this.#byId.get(id)!.partitions.has(partition) ? '' : 'INVALID_TXN_STATE';
  }

  end(id: string, commit: boolean): string {
    const known = this.#byId.get(id)!;
    if (!known.open) return 'INVALID_TXN_STATE';
    this.#finish(known, commit);
    return '';
  }

  #finish(transaction: Transaction, commit: boolean): void {
    for (const key of transaction.partitions) {
      const at = key.lastIndexOf('-');
      const log = this.#cluster.partition(key.slice(0, at), Number(key.slice(at + 1)));
      log?.mark(markerBatch(transaction.producerId, transaction.epoch, commit), transaction.producerId, commit);
    }
    if (commit) {
      for (const [groupId, offsets] of transaction.offsets)
        for (const [key, offset] of offsets) this.#cluster.group(groupId).offsets.set(key, offset);
    }
    transaction.partitions.clear();
    transaction.offsets.clear();
    transaction.open = false;
  }
}
