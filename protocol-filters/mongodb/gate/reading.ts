import { Bson } from '../bson/bson-type.ts';
import { isTrue, numberAt, stringEnd, stringStart } from '../bson/bson-values.ts';
import type { FactsRecord } from './facts-record.ts';
import {
  CODE,
  Context,
  isOfState,
  MERGE_WRITES,
  OPTION_NAMES,
  Option,
  OUT_WRITES,
  READS,
  STAGE_KINDS,
  STATE_COLLECTIONS,
  StageKind,
} from './meaning.ts';
import { Namespaces } from './namespaces.ts';
import { bit } from './plans.ts';
import { isEmpty, type Meaning, StrictWalk, startsWith } from './strict-walk.ts';
import { Verb } from './verbs.ts';

/** What is looked at of one command (threats MG-11); above it nothing is claimed, and it is denied. */
const MOST_NODES = 100_000;
const MOST_LEVELS = 100;
const DOLLAR = 0x24;
const INTERNAL = '$_internal';
/** An element of a pipeline, of the pipeline of the command itself. */
const OWN_STAGE_DEPTH = 1;

const ONE_OF = (1 << Option.insert) | (1 << Option.update) | (1 << Option.delete);

/**
 * What the documents of one command mean: which collections they name at any depth, what runs code, what is unknown. All of it
 * goes into the record; of what stands twice nobody chooses one (threats R6).
 */
export class Reading implements Meaning {
  readonly walk: StrictWalk;
  readonly record: FactsRecord;
  readonly namespaces: Namespaces;
  /** Why the command cannot be judged, for the client; '' = it can. */
  doubt = '';
  /** The pipeline that is walked is the command's own: its first $match and its last $limit say what it asks for. */
  isOwnPipeline = false;
  /** There were updates, deletes or operations; each had a condition; each is of one document, and how many these are. */
  statements = 0;
  allHaveWhere = true;
  allSingle = true;
  /** Documents that are inserted where nothing is found. */
  upserts = false;

  constructor(record: FactsRecord) {
    this.record = record;
    this.walk = new StrictWalk(this);
    this.namespaces = new Namespaces(record);
  }

  begin(buf: Buffer): void {
    this.walk.begin(buf);
    this.namespaces.begin(buf);
    this.doubt = '';
    this.isOwnPipeline = this.upserts = false;
    this.statements = 0;
    this.allHaveWhere = this.allSingle = true;
  }

  /** The first one stays. */
  doubts(why: string): void {
    if (this.doubt === '') this.doubt = why;
  }

  // ---- Meaning

  element(context: number, walk: StrictWalk): number {
    if (walk.nodes > MOST_NODES || walk.depth >= MOST_LEVELS) {
      this.doubts('the command is too large or too deep to be judged');
      return Context.data;
    }
    switch (context) {
      case Context.expression:
        return this.#expression(walk);
      case Context.pipeline:
        if (walk.type !== Bson.document) this.doubts('a stage of a pipeline is no document');
        return Context.stage;
      case Context.stage:
        if (walk.place > 0) this.doubts('a stage of a pipeline has more than one name');
        return this.#stage(walk);
      case Context.facet:
        if (walk.type !== Bson.array) this.doubts('a pipeline is no list');
        return Context.pipeline;
      case Context.updates:
      case Context.deletes:
      case Context.operations:
      case Context.namespaces:
      case Context.appliedList:
        if (walk.type !== Bson.document) this.doubts('a statement is no document');
        return context + 1;
      case Context.encryption:
        if (STATE_COLLECTIONS.find(walk.buf, walk.nameStart, walk.nameEnd) >= 0 && !isOfState(walk))
          this.doubts('the state of encryption is not kept in another collection');
        return Context.encryption;
      default:
        return this.#option(context, walk);
    }
  }

  leave(context: number, walk: StrictWalk): void {
    switch (context) {
      case Context.stage:
        if (walk.place === 0) this.doubts('a stage of a pipeline has no name');
        return;
      case Context.union:
      case Context.source:
        this.#target(walk, READS, context === Context.source);
        return;
      case Context.outTarget:
        this.#target(walk, OUT_WRITES, true);
        return;
      case Context.mergeTarget:
        this.#target(walk, MERGE_WRITES, true);
        return;
      case Context.update:
      case Context.delete:
        this.#endStatement(context, walk);
        return;
      case Context.operation:
        this.#endOperation(walk);
        return;
      case Context.output:
        this.#endOutput(walk);
        return;
    }
  }

  // ---- filters and expressions

  #expression(walk: StrictWalk): number {
    if (walk.inArray || walk.buf[walk.nameStart] !== DOLLAR) return Context.expression;
    const { buf, nameStart, nameEnd } = walk;
    if (CODE.find(buf, nameStart, nameEnd) >= 0) this.namespaces.own(bit(Verb.code));
    // A stage where none is expected: what it names is noted all the same.
    else if (STAGE_KINDS.find(buf, nameStart, nameEnd) >= StageKind.lookup || startsWith(walk, INTERNAL))
      return this.#stageOf(walk, STAGE_KINDS.find(buf, nameStart, nameEnd));
    return Context.expression;
  }

  // ---- stages

  #stage(walk: StrictWalk): number {
    const { buf, nameStart, nameEnd } = walk;
    const kind = STAGE_KINDS.find(buf, nameStart, nameEnd);
    this.record.stage(buf, nameStart, Math.min(nameEnd, nameStart + 64));
    if (this.isOwnPipeline && walk.depth === OWN_STAGE_DEPTH) this.#ownStage(walk, kind);
    return this.#stageOf(walk, kind);
  }

  /** `place` of a stage's document in its array is not known here: the first stage is the one before which none was seen. */
  #ownStage(walk: StrictWalk, kind: number): void {
    const { record } = this;
    const isFirst = walk.seen[0] === 0;
    walk.seen[0] = 1;
    if (isFirst && kind === StageKind.match) record.hasWhere = walk.type === Bson.document && !isEmpty(walk);
    if (kind === StageKind.limit) {
      const limit = numberAt(walk.type, walk.buf, walk.valueStart);
      record.limit = Number.isInteger(limit) ? limit : -1;
    } else if (kind !== StageKind.narrow && kind !== StageKind.match) record.limit = -1;
  }

  #stageOf(walk: StrictWalk, kind: number): number {
    const isDocument = walk.type === Bson.document;
    switch (kind) {
      case StageKind.lookup:
        return isDocument ? Context.lookup : Context.expression;
      case StageKind.union:
        if (walk.type === Bson.string) this.#named(walk, READS);
        return isDocument ? Context.union : Context.expression;
      case StageKind.out:
        return this.#destination(walk, OUT_WRITES, Context.outTarget);
      case StageKind.merge:
        if (walk.type === Bson.string) this.#named(walk, MERGE_WRITES);
        else if (!isDocument) this.record.unresolved('its collection is not named');
        return Context.merge;
      case StageKind.facet:
        return isDocument ? Context.facet : Context.expression;
      case StageKind.fusion:
        return isDocument ? Context.fusion : Context.expression;
      case StageKind.changeStream:
        return Context.changeStream;
      case StageKind.stats:
        this.namespaces.own(bit(Verb.metadata));
        return Context.expression;
      case StageKind.internal:
        this.namespaces.own(bit(Verb.internal));
        return Context.expression;
      case -1:
        if (startsWith(walk, INTERNAL)) this.namespaces.own(bit(Verb.internal));
        this.record.unresolved('unknown stage');
        return Context.expression;
      default:
        return Context.expression;
    }
  }

  /** A collection's name, or `{ db, coll }`. */
  #destination(walk: StrictWalk, verbs: number, context: number): number {
    if (walk.type === Bson.string) this.#named(walk, verbs);
    else if (walk.type !== Bson.document) this.record.unresolved('its collection is not named');
    return context;
  }

  /** A collection of the command's own database. */
  #named(walk: StrictWalk, verbs: number): void {
    this.namespaces.here(verbs, stringStart(walk.valueStart), stringEnd(walk.valueEnd));
  }

  // ---- options

  /** Which one it is, once: -1 where it is none of those that count. */
  #seen(walk: StrictWalk): number {
    const option = OPTION_NAMES.find(walk.buf, walk.nameStart, walk.nameEnd);
    if (option < 0) return -1;
    const seen = walk.seen[walk.depth]!;
    if ((seen & (1 << option)) !== 0) walk.fail('ambiguous');
    walk.seen[walk.depth] = seen | (1 << option);
    return option;
  }

  #option(context: number, walk: StrictWalk): number {
    const option = this.#seen(walk);
    switch (context) {
      case Context.lookup:
        if (option === Option.from) return this.#destination(walk, READS, Context.source);
        break;
      case Context.merge:
        if (option === Option.into) return this.#destination(walk, MERGE_WRITES, Context.mergeTarget);
        if (option === Option.whenMatched && walk.type === Bson.array) return Context.pipeline;
        break;
      case Context.union:
      case Context.source:
      case Context.outTarget:
      case Context.mergeTarget:
        return this.#part(context, walk, option);
      case Context.fusion:
        if (option === Option.input) return Context.fusion;
        if (option === Option.pipelines) return Context.facet;
        break;
      case Context.changeStream:
        if (option === Option.allChangesForCluster && isTrue(walk.type, walk.buf, walk.valueStart))
          this.namespaces.anything(READS);
        return Context.expression;
      case Context.update:
        return this.#updatePart(walk, option);
      case Context.delete:
        return this.#deletePart(walk, option);
      case Context.operation:
        return this.#operationPart(walk, option);
      case Context.namespace:
        if (option !== Option.ns) return Context.encryption;
        if (walk.type !== Bson.string) this.doubts('a namespace is no text');
        else this.namespaces.listed(walk);
        return Context.data;
      case Context.applied:
        if (option === Option.ns && walk.type === Bson.string) this.namespaces.applied(walk);
        return Context.data;
      case Context.output:
        return this.#outputPart(walk, option);
    }
    if (option === Option.pipeline && walk.type === Bson.array) return Context.pipeline;
    return Context.expression;
  }

  /** `{ db, coll }`: noted until the document is over. */
  #part(context: number, walk: StrictWalk, option: number): number {
    if (option === Option.pipeline && context === Context.union && walk.type === Bson.array) return Context.pipeline;
    if (option === Option.coll || option === Option.db) {
      if (walk.type !== Bson.string) this.record.unresolved('its collection is not named');
      else this.#note(walk, option === Option.db ? 0 : 2);
    } else if (context !== Context.union && option !== Option.timeseries)
      this.record.unresolved('its collection is not named');
    return Context.expression;
  }

  #note(walk: StrictWalk, at: number): void {
    walk.ranges[walk.depth * 4 + at] = stringStart(walk.valueStart);
    walk.ranges[walk.depth * 4 + at + 1] = stringEnd(walk.valueEnd);
  }

  /** The document that names a collection is over. `isNeeded`: it has to. */
  #target(walk: StrictWalk, verbs: number, isNeeded: boolean): void {
    const at = walk.depth * 4;
    const [from, to, start, end] = [walk.ranges[at]!, walk.ranges[at + 1]!, walk.ranges[at + 2]!, walk.ranges[at + 3]!];
    if (end === 0) {
      if (isNeeded || to !== 0) this.record.unresolved('its collection is not named');
    } else if (to === 0) this.namespaces.here(verbs, start, end);
    else this.namespaces.there(verbs, from, to, start, end);
  }

  // ---- statements

  #updatePart(walk: StrictWalk, option: number): number {
    switch (option) {
      case Option.q:
        this.#condition(walk);
        return Context.expression;
      case Option.u:
        return walk.type === Bson.array ? Context.pipeline : Context.data;
    }
    this.#flag(walk, option);
    return Context.expression;
  }

  #deletePart(walk: StrictWalk, option: number): number {
    if (option === Option.q) this.#condition(walk);
    else if (option === Option.limit && numberAt(walk.type, walk.buf, walk.valueStart) === 1)
      walk.ranges[walk.depth * 4 + 1] = 1;
    return Context.expression;
  }

  /** Of the statement at hand: whether it has a condition. */
  #condition(walk: StrictWalk): void {
    if (walk.type !== Bson.document) this.doubts('a filter is no document');
    else if (!isEmpty(walk)) walk.ranges[walk.depth * 4] = 1;
  }

  /** What a statement does beside: insert where nothing is found, change more than one document. */
  #flag(walk: StrictWalk, option: number): void {
    if (!isTrue(walk.type, walk.buf, walk.valueStart)) return;
    if (option === Option.multi) this.allSingle = false;
    if (option !== Option.upsert) return;
    this.upserts = true;
    walk.ranges[walk.depth * 4 + 2] = 1;
  }

  #endStatement(context: number, walk: StrictWalk): void {
    this.statements++;
    walk.nodes = 0; // drivers send a hundred thousand of them: each is bounded by itself
    if (walk.ranges[walk.depth * 4] === 0) this.allHaveWhere = false;
    if (context === Context.delete && walk.ranges[walk.depth * 4 + 1] === 0) this.allSingle = false;
  }

  /** `{ insert: 0, document }`, `{ update: 0, filter, updateMods, upsert }`, `{ delete: 0, filter }`. */
  #operationPart(walk: StrictWalk, option: number): number {
    switch (option) {
      case Option.insert:
      case Option.update:
      case Option.delete: {
        if (walk.place > 0) walk.fail('ambiguous'); // servers take the first field for what it is
        const index = numberAt(walk.type, walk.buf, walk.valueStart);
        walk.ranges[walk.depth * 4 + 3] = Number.isInteger(index) && index >= 0 && index < 1 << 24 ? index + 1 : 0;
        return Context.data;
      }
      case Option.document:
        return Context.data;
      case Option.filter:
        this.#condition(walk);
        return Context.expression;
      case Option.updateMods:
        return walk.type === Bson.array ? Context.pipeline : Context.data;
    }
    this.#flag(walk, option);
    return Context.expression;
  }

  #endOperation(walk: StrictWalk): void {
    const kind = walk.seen[walk.depth]! & ONE_OF;
    const at = walk.depth * 4;
    const index = walk.ranges[at + 3]! - 1;
    walk.nodes = 0;
    if (kind === 0 || index < 0) {
      this.doubts('an operation of bulkWrite names no namespace');
      return;
    }
    let verbs = bit(Verb.update);
    if (kind === 1 << Option.insert) verbs = bit(Verb.insert);
    else {
      this.statements++;
      if (kind === 1 << Option.delete) verbs = bit(Verb.delete);
      if (walk.ranges[at] === 0) this.allHaveWhere = false;
    }
    if (walk.ranges[at + 2] === 1) verbs |= bit(Verb.insert);
    this.namespaces.used(index, verbs);
  }

  // ---- mapReduce

  #outputPart(walk: StrictWalk, option: number): number {
    const isName = option === Option.replace || option === Option.merge || option === Option.reduce;
    if (isName || option === Option.db) {
      if (walk.type !== Bson.string) this.record.unresolved('its collection is not named');
      else this.#note(walk, option === Option.db ? 0 : 2);
    }
    return Context.expression;
  }

  #endOutput(walk: StrictWalk): void {
    const seen = walk.seen[walk.depth]!;
    if ((seen & (1 << Option.inline)) !== 0 && walk.ranges[walk.depth * 4 + 3] === 0) return;
    const isReplaced = (seen & (1 << Option.replace)) !== 0;
    this.#target(walk, isReplaced ? OUT_WRITES | MERGE_WRITES : MERGE_WRITES, true);
  }
}
