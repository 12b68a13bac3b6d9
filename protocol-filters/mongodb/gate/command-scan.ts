import type { Fault } from '../../../src/exchange/fault.ts';
import { BsonCursor } from '../bson/bson-cursor.ts';
import { Bson } from '../bson/bson-type.ts';
import { i32At, isName, isTrue, numberAt, stringEnd, stringStart } from '../bson/bson-values.ts';
import { type CommandInfo, lookUpCommand, UNKNOWN_COMMAND } from '../commands/command-table.ts';
import { noteAsked } from './asked.ts';
import { Claims } from './claims.ts';
import { FactsRecord } from './facts-record.ts';
import { contextOf, sequenceContext } from './field-contexts.ts';
import { Field, type FieldNumber, Fields } from './fields.ts';
import { Context, OUT_WRITES, READS } from './meaning.ts';
import { bit, PLAN_OF, type Plan } from './plans.ts';
import { Reading } from './reading.ts';
import { MsgSections } from './sections.ts';
import { Verb } from './verbs.ts';

const DOLLAR = 0x24;
const walk = new BsonCursor();

/**
 * One command, whole, read for policies: what it does to which collections, by its bytes in the order of the wire. Nothing is
 * taken from its digest, which is folded and bounded. What cannot be read for certain is `fault` (the connection closes) or
 * `doubt` (the command is denied). One object a filter chain, reused: valid until the next read.
 */
export class CommandScan {
  fault: Fault | null = null;
  readonly record = new FactsRecord();
  readonly reading = new Reading(this.record);
  readonly sections = new MsgSections();
  /** The command's own fields: the first is the command. */
  fields = new Fields();
  info: CommandInfo = UNKNOWN_COMMAND;
  /** Of an explain: the command within. */
  #acting: CommandInfo = UNKNOWN_COMMAND;
  readonly #inner = new Fields();
  readonly #who = new Claims();
  #buf: Buffer = Buffer.alloc(0);

  /** Why it cannot be judged, as the client is told; '' = it can. */
  get doubt(): string {
    if (this.reading.doubt !== '') return this.reading.doubt;
    if (this.reading.namespaces.fault !== '') return this.reading.namespaces.fault;
    return this.record.overflow ? 'the command names too much to be judged' : '';
  }

  /** Where all places are. */
  get buf(): Buffer {
    return this.#buf;
  }

  /** A field as it stood on the wire, copied: type, name and value. */
  element(place: number): Uint8Array {
    const { nameStart, valueEnd } = this.fields;
    return Uint8Array.prototype.slice.call(this.#buf, nameStart[place]! - 1, valueEnd[place]!);
  }

  /** The field at this place is there, and true as servers take it. */
  isSet(place: number): boolean {
    const { type, valueStart } = this.fields;
    return place >= 0 && isTrue(type[place]!, this.#buf, valueStart[place]!);
  }

  get plan(): Plan {
    return PLAN_OF[this.info.slot]!;
  }

  /** The content of an OP_MSG without its checksum, from its flagBits: buf[start..end). */
  readMsg(buf: Buffer, start: number, end: number): void {
    this.#begin(buf);
    const { sections } = this;
    this.fault = sections.read(buf, start + 4, end);
    if (this.fault !== null) return;
    this.#command(sections.bodyStart, sections.bodyEnd, 0, 0);
    if (this.fault === null) this.#sequences();
    this.#finish();
  }

  /** The query of an OP_QUERY; its namespace names the database. */
  readQuery(buf: Buffer, from: number, to: number, start: number, end: number): void {
    this.#begin(buf);
    this.sections.clear();
    // Nothing stands behind it: no driver sends a selector of fields with a hello.
    if (end - start < 5 || i32At(buf, start) !== end - start) this.fault = 'ambiguous';
    else this.#command(start, end, from, to);
    if (this.fields.has(Field.$db)) this.fault ??= 'ambiguous';
    this.#finish();
  }

  #begin(buf: Buffer): void {
    this.#buf = buf;
    this.fault = null;
    this.info = this.#acting = UNKNOWN_COMMAND;
    this.reading.begin(buf);
    this.record.begin(UNKNOWN_COMMAND.slot);
  }

  #finish(): void {
    const { reading } = this;
    this.fault ??= reading.walk.fault;
    if (reading.namespaces.isAmbiguous) this.fault ??= 'ambiguous';
    if (this.fault === null) this.#conclude();
  }

  /** The command's document. Its database is buf[from..to), or `$db`. */
  #command(start: number, end: number, from: number, to: number): void {
    const { fields, reading } = this;
    if (!this.#note(fields, start, end)) return;
    this.info = lookUpCommand(this.#buf, fields.nameStart[0]!, fields.nameEnd[0]!) ?? UNKNOWN_COMMAND;
    this.record.begin(this.info.slot);
    if (to > from) reading.namespaces.database(from, to);
    else this.#database();
    if (this.info === UNKNOWN_COMMAND) this.#unknown();
    if (this.info.name === 'explain') this.#explained();
    else this.#body(this.info, fields);
  }

  /** Notes the fields. False: nobody can say what the command is. */
  #note(fields: Fields, start: number, end: number): boolean {
    fields.clear();
    walk.over(this.#buf, start, end);
    while (walk.next()) fields.add(this.#buf, walk.type, walk.nameStart, walk.nameEnd, walk.valueStart, walk.valueEnd);
    if (walk.fault !== null) this.fault ??= walk.fault;
    else if (fields.isAmbiguous) this.fault ??= 'ambiguous';
    else if (fields.count === 0) this.reading.doubts('the message holds no command');
    return this.fault === null && fields.count > 0;
  }

  #database(): void {
    const place = this.fields.place(Field.$db);
    const { namespaces } = this.reading;
    if (place < 0 || this.fields.type[place] !== Bson.string) {
      this.reading.doubts('the command names no database');
      return;
    }
    namespaces.database(stringStart(this.fields.valueStart[place]!), stringEnd(this.fields.valueEnd[place]!));
  }

  #unknown(): void {
    const { record, fields } = this;
    const start = fields.nameStart[0]!;
    record.name(this.#buf, start, Math.min(fields.nameEnd[0]!, start + 64));
    record.unresolved('unknown command');
  }

  /** The command in its first field: of the same database, whatever it says. */
  #explained(): void {
    const { fields, reading } = this;
    this.#fields(fields, UNKNOWN_COMMAND, 1);
    if (fields.type[0] !== Bson.document) {
      reading.doubts('what is explained is no command');
      return;
    }
    const inner = this.#inner;
    if (!this.#note(inner, fields.valueStart[0]!, fields.valueEnd[0]!)) return;
    const place = inner.place(Field.$db);
    if (place >= 0 && !this.#isSameDatabase(inner, place)) this.fault ??= 'ambiguous';
    const info = lookUpCommand(this.#buf, inner.nameStart[0]!, inner.nameEnd[0]!);
    if (info === null || info.name === 'explain' || info.category === 'cursor') {
      this.record.unresolved('unknown command');
      return;
    }
    this.#body(info, inner);
  }

  #isSameDatabase(inner: Fields, place: number): boolean {
    const { from, to } = this.reading.namespaces;
    if (inner.type[place] !== Bson.string) return false;
    const [start, end] = [stringStart(inner.valueStart[place]!), stringEnd(inner.valueEnd[place]!)];
    return end - start === to - from && this.#buf.compare(this.#buf, from, to, start, end) === 0;
  }

  // ---- what it does

  #body(info: CommandInfo, fields: Fields): void {
    this.#acting = info;
    const plan = PLAN_OF[info.slot]!;
    this.#resource(info, plan, fields);
    this.#fields(fields, info, 1);
    this.#besides(info, fields);
    if (plan.hides !== '') this.record.unresolved(plan.hides);
    if (plan.changesFacts) this.#claims(info, plan, fields);
  }

  /** Of hello and logins: who says it. */
  #claims(info: CommandInfo, plan: Plan, fields: Fields): void {
    const claims = this.#who;
    if (plan.isHello) claims.ofHello(this.#buf, fields);
    else if (info.name === 'saslStart' || info.name === 'authenticate')
      claims.ofLogin(fields, info.name === 'authenticate');
    else return;
    if (claims.isAmbiguous) this.fault ??= 'ambiguous';
    if (claims.doubt !== '') this.reading.doubts(claims.doubt);
  }

  /** What the command is about, and what it does to it. */
  #resource(info: CommandInfo, plan: Plan, fields: Fields): void {
    const { namespaces } = this.reading;
    const type = fields.type[0]!;
    const [start, end] = [fields.valueStart[0]!, fields.valueEnd[0]!];
    switch (plan.place) {
      case 'first':
        if (type === Bson.string) this.#collection(plan.verbs, info, stringStart(start), stringEnd(end));
        else if (info.name === 'aggregate' || info.name === 'clusterAggregate') this.#databaseLevel(plan.verbs, fields);
        else this.#unnamed(plan.verbs);
        return;
      case 'collection': {
        const place = fields.place(Field.collection);
        if (place < 0 || fields.type[place] !== Bson.string) this.#unnamed(plan.verbs);
        else
          this.#collection(
            plan.verbs,
            info,
            stringStart(fields.valueStart[place]!),
            stringEnd(fields.valueEnd[place]!),
          );
        return;
      }
      case 'namespace':
        if (type !== Bson.string || !namespaces.namespace(plan.verbs, stringStart(start), stringEnd(end)))
          this.#unnamed(plan.verbs);
        return;
      case 'database':
        namespaces.own(plan.verbs);
        return;
      default:
        namespaces.plain(plan.verbs);
    }
  }

  #collection(verbs: number, info: CommandInfo, start: number, end: number): void {
    const { namespaces } = this.reading;
    // Cursors of commands that have no collection: `$cmd.aggregate`. Who asks knows where they came from.
    if (info.opensCursor && info.category === 'cursor' && isCommandCursor(this.#buf, start, end)) return;
    if (info.name === 'killCursors' && isCommandCursor(this.#buf, start, end)) return;
    namespaces.here(verbs, start, end);
    namespaces.start = start;
    namespaces.end = end;
  }

  /** `aggregate: 1`: of the database, or of none. */
  #databaseLevel(verbs: number, fields: Fields): void {
    if (numberAt(fields.type[0]!, this.#buf, fields.valueStart[0]!) === 1) this.reading.namespaces.own(verbs);
    else this.#unnamed(verbs);
  }

  /** It is about a collection that is not named, or named by its UUID (threats MG-10). */
  #unnamed(verbs: number): void {
    this.record.unresolved('its collection is not named');
    this.reading.namespaces.own(verbs);
  }

  // ---- fields

  /** Walks all fields from a place on; the first one is the command itself. */
  #fields(fields: Fields, info: CommandInfo, from: number): void {
    const { reading } = this;
    for (let place = from; place < fields.count && this.fault === null; place++) {
      const type = fields.type[place]!;
      const number = fields.number[place]!;
      if (number < 0 && this.#buf[fields.nameStart[place]!] === DOLLAR) this.#dollar(fields, place);
      if (type === Bson.document || type === Bson.array) {
        const context = contextOf(info, number, type);
        reading.isOwnPipeline = number === Field.pipeline;
        reading.walk.over(fields.valueStart[place]!, fields.valueEnd[place]!, context, type === Bson.array);
        this.fault ??= reading.walk.fault;
      } else if (type === Bson.bool && this.#buf[fields.valueStart[place]!]! > 1) this.fault ??= 'ambiguous';
    }
    // The command's own value, where it is more than a name.
    const type = fields.type[0]!;
    if (from === 1 && info !== UNKNOWN_COMMAND && (type === Bson.document || type === Bson.array)) {
      const context = info.opaque && type === Bson.array ? Context.appliedList : Context.expression;
      reading.walk.over(fields.valueStart[0]!, fields.valueEnd[0]!, context, type === Bson.array);
      this.fault ??= reading.walk.fault;
    }
  }

  /** Fields that are for servers among themselves begin with $, as few do that drivers send. */
  #dollar(fields: Fields, place: number): void {
    const [start, end] = [fields.nameStart[place]!, fields.nameEnd[place]!];
    for (const known of DRIVERS_OWN) if (isName(this.#buf, start, end, known)) return;
    this.reading.namespaces.plain(bit(Verb.internal));
  }

  /** What fields say beside the command's name. */
  #besides(info: CommandInfo, fields: Fields): void {
    const { record, reading } = this;
    const { namespaces } = reading;
    noteAsked(record, info, this.#buf, fields);
    switch (info.name) {
      case 'findAndModify':
        this.#findAndModify(fields);
        return;
      case 'create':
      case 'collMod': {
        const place = fields.place(Field.viewOn);
        if (place >= 0) this.#otherCollection(fields, place, READS);
        return;
      }
      case 'mapReduce': {
        const place = fields.place(Field.out);
        if (place >= 0 && fields.type[place] === Bson.string) this.#otherCollection(fields, place, OUT_WRITES);
        else if (place >= 0 && fields.type[place] !== Bson.document) record.unresolved('its collection is not named');
        return;
      }
      case 'cloneCollectionAsCapped': {
        const place = fields.place(Field.toCollection);
        if (place < 0) record.unresolved('its collection is not named');
        else this.#otherCollection(fields, place, bit(Verb.create) | bit(Verb.insert));
        return;
      }
      case 'renameCollection': {
        const place = fields.place(Field.to);
        const verbs = bit(Verb.create) | bit(Verb.insert) | (fields.has(Field.dropTarget) ? bit(Verb.drop) : 0);
        const isNamed =
          place >= 0 &&
          fields.type[place] === Bson.string &&
          namespaces.namespace(verbs, stringStart(fields.valueStart[place]!), stringEnd(fields.valueEnd[place]!));
        if (!isNamed) record.unresolved('its collection is not named');
        return;
      }
    }
  }

  #findAndModify(fields: Fields): void {
    const { namespaces } = this.reading;
    const removes = this.#isSet(fields, Field.remove);
    let verbs = removes ? bit(Verb.delete) : 0;
    if (fields.has(Field.update) || !removes) verbs |= bit(Verb.update);
    if (this.#isSet(fields, Field.upsert)) verbs |= bit(Verb.insert);
    namespaces.own(verbs);
    this.record.limit = 1;
  }

  #otherCollection(fields: Fields, place: number, verbs: number): void {
    if (fields.type[place] !== Bson.string) this.record.unresolved('its collection is not named');
    else
      this.reading.namespaces.here(verbs, stringStart(fields.valueStart[place]!), stringEnd(fields.valueEnd[place]!));
  }

  #isSet(fields: Fields, field: FieldNumber): boolean {
    const place = fields.place(field);
    return place >= 0 && isTrue(fields.type[place]!, this.#buf, fields.valueStart[place]!);
  }

  // ---- sequences

  /** Documents beside the body: of the commands that take them, under the names that these take them by. */
  #sequences(): void {
    const { sections, reading, info } = this;
    for (let n = 0; n < sections.count; n++) {
      const context = sequenceContext(info, this.#buf, sections.nameStart[n]!, sections.nameEnd[n]!);
      if (context < 0) {
        this.fault ??= 'ambiguous';
        return;
      }
      for (let at = sections.start[n]!; at < sections.end[n]!; ) {
        const size = i32At(this.#buf, at);
        if (!reading.walk.over(at, at + size, context, false)) {
          this.fault ??= reading.walk.fault;
          return;
        }
        at += size;
      }
    }
  }

  // ---- the end

  /** All is walked: what statements and operations said together. */
  #conclude(): void {
    const { reading, record } = this;
    const { namespaces } = reading;
    const { name } = this.#acting;
    if (name === 'bulkWrite' || name === 'clusterBulkWrite') {
      namespaces.endBulk();
      if (record.accesses === 0) reading.doubts('the command names no namespace');
    } else if (reading.upserts) namespaces.own(bit(Verb.insert));
    if (reading.statements > 0 && TAKES_STATEMENTS.test(name)) {
      record.hasWhere = reading.allHaveWhere;
      if (reading.allSingle) record.limit = reading.statements;
    }
  }
}

/** Of others a list that is called so says nothing. */
const TAKES_STATEMENTS = /^(update|delete|bulkWrite|cluster(Update|Delete|BulkWrite))$/;
const DRIVERS_OWN = ['$clusterTime', '$readPreference', '$queryOptions', '$maxTimeMS', '$comment'];

/** `$cmd.aggregate`, `$cmd.listCollections`: where cursors of commands without a collection live. */
const isCommandCursor = (buf: Uint8Array, start: number, end: number): boolean =>
  end - start > 5 && isName(buf, start, start + 5, '$cmd.');
