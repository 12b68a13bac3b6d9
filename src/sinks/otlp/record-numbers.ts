import type { ProtobufWriter } from '../../bytes/protobuf-writer.ts';
import type { EventBatch } from '../../events/event-batch.ts';
import type { Counted } from './conventions.ts';
import { NumberAttribute } from './number-attribute.ts';
import { conventionsOf } from './protocol-conventions.ts';

/** How a row's operations or messages are told. */
interface Count extends Counted {
  readonly attribute: NumberAttribute;
}

/** The numbers of an exchange's row as attributes. */
export class RecordNumbers {
  readonly #field: number;
  readonly #seq: NumberAttribute;
  readonly #transaction: NumberAttribute;
  readonly #rowsSent: NumberAttribute;
  readonly #rowsAffected: NumberAttribute;
  readonly #rowsMatched: NumberAttribute;
  readonly #requestOffset: NumberAttribute;
  readonly #requestBytes: NumberAttribute;
  readonly #responseBytes: NumberAttribute;
  readonly #firstByte: NumberAttribute;
  readonly #proxy: NumberAttribute;
  readonly #weight: NumberAttribute;
  readonly #counts = new Map<Counted, Count>();
  #batch!: EventBatch;
  /** By the digest's place. */
  #countOf: (Count | undefined)[] = [];

  /** `field`: number of `attributes` in the record's message. */
  constructor(field: number) {
    this.#field = field;
    const int = (key: string) => new NumberAttribute(field, key, 'int');
    const double = (key: string) => new NumberAttribute(field, key, 'double');
    this.#seq = int('sluice.seq');
    this.#transaction = int('sluice.transaction');
    this.#rowsSent = int('sluice.rows.sent');
    this.#rowsAffected = int('sluice.rows.affected');
    this.#rowsMatched = int('sluice.rows.matched');
    this.#requestOffset = int('sluice.request.offset');
    this.#requestBytes = int('sluice.request.size');
    this.#responseBytes = int('sluice.response.size');
    this.#firstByte = double('sluice.duration.first_byte');
    this.#proxy = double('sluice.duration.proxy');
    this.#weight = double('sluice.weight');
  }

  begin(batch: EventBatch): void {
    this.#batch = batch;
    this.#countOf = new Array(batch.digestCount + 2);
  }

  write(w: ProtobufWriter, row: number): void {
    const c = this.#batch.columns;
    this.#seq.write(w, c.seq[row]!);
    if (c.transaction[row]! > 0) this.#transaction.write(w, c.transaction[row]!);
    this.#rowsSent.write(w, c.rows_sent[row]!);
    this.#rowsAffected.write(w, c.rows_affected[row]!);
    if (c.rows_matched[row]! > 0) this.#rowsMatched.write(w, c.rows_matched[row]!);
    const count = this.#count(c.digest[row]!, c.session[row]!);
    const counted = c[count.column][row]!;
    if (counted >= count.from) count.attribute.write(w, counted);
    if (c.policy_snapshot[row] !== 0) this.#requestOffset.write(w, c.request_offset[row]!);
    this.#requestBytes.write(w, c.request_bytes[row]!);
    this.#responseBytes.write(w, c.response_bytes[row]!);
    if (c.ttfb_ns[row]! > 0) this.#firstByte.write(w, c.ttfb_ns[row]! / 1e9);
    if (c.proxy_ns[row]! > 0) this.#proxy.write(w, c.proxy_ns[row]! / 1e9);
    if (c.weight[row] !== 1) this.#weight.write(w, c.weight[row]!);
  }

  #count(digest: number, session: number): Count {
    const at = Math.min(digest, this.#batch.digestCount + 1);
    const known = this.#countOf[at];
    if (known !== undefined) return known;
    const counted = conventionsOf(this.#batch.session(session).protocol).counted(this.#batch.digest(at));
    let count = this.#counts.get(counted);
    if (count === undefined) {
      count = { ...counted, attribute: new NumberAttribute(this.#field, counted.key, 'int') };
      this.#counts.set(counted, count);
    }
    // Without a digest there is no telling whose it is.
    if (digest > 0) this.#countOf[at] = count;
    return count;
  }
}
