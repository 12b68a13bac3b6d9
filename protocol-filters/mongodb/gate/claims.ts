import { BsonCursor } from '../bson/bson-cursor.ts';
import { Bson } from '../bson/bson-type.ts';
import { Field, Fields } from './fields.ts';

const walk = new BsonCursor();
const NO_BINARY = 'the payload of a login is no binary data';
const NO_PAYLOAD = 'a login by name has a payload too';

/**
 * What clients say of themselves in hello, and in what logs in: it has to stand there once (threats MG-15), and the payload as
 * drivers write it. Servers take it as text in base64 too, in which nobody looks for the user's name here.
 */
export class Claims {
  /** A claim stands there twice, or cannot be read. */
  isAmbiguous = false;
  /** Why nobody can say who it is; '' = one can. */
  doubt = '';
  readonly #fields = new Fields();

  /** The fields of a hello. */
  ofHello(buf: Buffer, fields: Fields): void {
    this.#begin();
    for (const field of [Field.client, Field.speculativeAuthenticate]) {
      const place = fields.place(field);
      if (place < 0 || fields.type[place] !== Bson.document) continue;
      const inner = this.#fields;
      this.#once(buf, fields.valueStart[place]!, fields.valueEnd[place]!);
      if (field === Field.speculativeAuthenticate) this.#payload(inner);
      const parts: number[] = [];
      for (let at = 0; at < inner.count; at++)
        if (inner.type[at] === Bson.document) parts.push(inner.valueStart[at]!, inner.valueEnd[at]!);
      for (let at = 0; at < parts.length; at += 2) this.#once(buf, parts[at]!, parts[at + 1]!);
    }
  }

  /** The fields of a saslStart, or of an authenticate, which names the user and has no payload. */
  ofLogin(fields: Fields, isByName: boolean): void {
    this.#begin();
    this.#payload(fields);
    if (isByName && fields.has(Field.payload)) this.doubt = NO_PAYLOAD;
  }

  #begin(): void {
    this.isAmbiguous = false;
    this.doubt = '';
  }

  #payload(fields: Fields): void {
    const place = fields.place(Field.payload);
    if (place >= 0 && fields.type[place] !== Bson.binary) this.doubt = NO_BINARY;
  }

  #once(buf: Buffer, start: number, end: number): void {
    const fields = this.#fields;
    fields.clear();
    walk.over(buf, start, end);
    while (walk.next()) fields.add(buf, walk.type, walk.nameStart, walk.nameEnd, walk.valueStart, walk.valueEnd);
    if (walk.fault !== null || fields.isAmbiguous) this.isAmbiguous = true;
  }
}
