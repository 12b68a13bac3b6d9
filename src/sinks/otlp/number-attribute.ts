import { ProtobufWriter } from '../../bytes/protobuf-writer.ts';
import { writeKeyValue } from './any-value.ts';

/** An attribute with a number for a value, its key encoded beforehand: a short loop, and the number. */
export class NumberAttribute {
  readonly #template: Uint8Array;
  readonly #isDouble: boolean;

  constructor(field: number, key: string, type: 'int' | 'double') {
    const w = new ProtobufWriter();
    writeKeyValue(w, field, key, type === 'double' ? 0.5 : 1);
    this.#isDouble = type === 'double';
    // Ends before the number: an int's one byte, a double's eight.
    this.#template = Uint8Array.from(w.written.subarray(0, w.at - (this.#isDouble ? 8 : 1)));
    if (w.at > 0x7f) throw new Error(`attribute key is too long: ${key}`);
  }

  write(w: ProtobufWriter, value: number): void {
    const template = this.#template;
    const { length } = template;
    w.reserve(length + 10);
    const { buf } = w;
    const from = w.at;
    for (let i = 0; i < length; i++) buf[from + i] = template[i]!;
    w.at = from + length;
    if (this.#isDouble) {
      w.rawDouble(value);
      return;
    }
    w.varint(value);
    const more = w.at - from - length - 1;
    // Lengths of the KeyValue (after its tag) and of the AnyValue (before `int_value`'s tag).
    buf[from + 1] = buf[from + 1]! + more;
    buf[from + length - 2] = buf[from + length - 2]! + more;
  }
}
