import { type Exchange, Outcome } from '../../src/exchange/exchange.ts';
import type { Fault } from '../../src/exchange/fault.ts';
import { Side } from '../../src/exchange/side.ts';
import { At, END_BYTES, ENDLESS_RUN } from './at.ts';
import { COMMANDS, Command, Reply } from './commands.ts';
import type { ConnectionPhase } from './connection-phase.ts';
import { type Conversation, Phase } from './conversation.ts';
import { Endings } from './endings.ts';
import { confirmReplica } from './facts.ts';
import { type PacketSink, Packets } from './packets.ts';
import {
  isEnd,
  isProgress,
  type OkPacket,
  readColumnCount,
  readEnd,
  readErr,
  readOk,
  readPrepareOk,
} from './replies.ts';
import { Head, MAX_AUTH_BYTES, ServerStatus } from './wire.ts';

/** What the server says: replies are matched with the commands that wait for them, in order. */
export class Backend implements PacketSink {
  readonly packets: Packets;
  readonly #talk: Conversation;
  readonly #connection: ConnectionPhase;
  readonly #endings: Endings;
  #at: At = At.first;
  /** Definitions still to come. */
  #left = 0;
  /** Columns of a prepared statement, whose definitions come after those of its parameters. */
  #columns = 0;

  /** The exchange of a command that is still being sent, or null. Set by the session. */
  refusedCommand: () => Exchange | null = () => null;

  constructor(talk: Conversation, connection: ConnectionPhase) {
    this.#talk = talk;
    this.#connection = connection;
    this.#endings = new Endings(talk);
    this.packets = new Packets(this);
    talk.server = this.packets;
  }

  wanted(first: number): number {
    if (this.#talk.phase !== Phase.ready) return MAX_AUTH_BYTES;
    if (first >= Head.eof || this.#at === At.first || this.#at === At.file || this.#at === At.auth) return END_BYTES;
    return 1;
  }

  onFault(fault: Fault): void {
    // No greeting is so long: these are the first letters of something else.
    this.#talk.fault(this.#talk.phase === Phase.greeting ? 'foreign_protocol' : fault);
  }

  /** Whole rows or definitions, counted past. */
  onRun(packets: number, wireBytes: number): void {
    const talk = this.#talk;
    talk.replyBytes += wireBytes;
    talk.cuts?.packet(this.packets.beganAt, this.packets.endsAt);
    switch (this.#at) {
      case At.rows:
        talk.rows += packets;
        return;
      case At.stream:
        this.#endings.progress();
        return;
      default:
        this.#left -= packets;
        if (this.#left === 0) this.#definitionsDone();
    }
  }

  onPacket(buf: Buffer, start: number, end: number, payloadBytes: number): boolean {
    const talk = this.#talk;
    const { packets } = this;
    if (talk.phase !== Phase.ready) return this.#connection.onServer(buf, start, end, payloadBytes, packets);
    const first = payloadBytes === 0 ? -1 : buf[start]!;
    // Errors may come from outside of the statement, with a sequence id of their own.
    if (!packets.inOrder && first !== Head.err) {
      talk.faultSequence();
      return false;
    }
    const { pending, gate } = talk;
    if (pending.size === 0) return this.#unasked(first, buf, start, end);
    talk.replyBytes += packets.wireBytes;
    if (talk.replyFirstAt === 0) talk.replyFirstAt = packets.startedAt;
    if (gate !== null && gate.open > 0 && gate.awaitsStandIn(pending.head))
      return this.#standIn(first, buf, start, end);
    talk.cuts?.packet(packets.beganAt, packets.endsAt);
    if (first < 0 && this.#at !== At.auth) return this.#fault('undersized');
    if (first === Head.err) return this.#error(buf, start, end);
    switch (this.#at) {
      case At.rows:
        return this.#row(first, buf, start, end, payloadBytes);
      case At.first:
        return this.#first(first, buf, start, end, payloadBytes);
      case At.definitionsEnd:
        return this.#definitionsEnd(first, buf, start, end);
      case At.definitions:
      case At.parameters:
      case At.columns:
        this.packets.run = --this.#left;
        if (this.#left === 0) this.#definitionsDone();
        return true;
      case At.parametersEnd:
      case At.columnsEnd:
        if (first !== Head.eof) return this.#unexpected();
        this.#prepareGoesOn();
        return true;
      case At.fields:
        return first === Head.eof ? this.#end(buf, start, end) : true;
      case At.stream:
        if (first === Head.eof && payloadBytes < 9) return this.#end(buf, start, end);
        this.#endings.progress();
        return true;
      case At.auth:
        return this.#auth(buf, start, end);
      case At.file:
        return this.#unexpected();
    }
  }

  /** The answer to what stands in for a denied command. */
  #standIn(first: number, buf: Buffer, start: number, end: number): boolean {
    if (first === Head.err && isProgress(buf, start, end)) return true;
    const fault = this.#talk.gate!.onAnswer(first, buf, start, end);
    if (fault !== null) return this.#fault(fault);
    this.#replyDone();
    return true;
  }

  /** The next packet is a row. */
  get isAtRows(): boolean {
    return this.#at === At.rows;
  }

  /** The client's file is over: the reply goes on with this sequence id. */
  fileEnded(sequence: number): void {
    if (this.#at !== At.file) return;
    this.#at = At.first;
    this.packets.expected = sequence;
  }

  // ---- the first packet of a reply

  #first(first: number, buf: Buffer, start: number, end: number, payloadBytes: number): boolean {
    const talk = this.#talk;
    const command = talk.pending.commandAt(talk.pending.head);
    switch (COMMANDS[command]!.reply) {
      case Reply.resultSet:
        if (first === Head.ok) return this.#ok(buf, start, end);
        if (first === Head.localInfile && command === Command.query) return this.#localInfile();
        return this.#columnCount(buf, start, end);
      case Reply.status:
        if (first === Head.ok) return this.#ok(buf, start, end);
        return first === Head.eof ? this.#end(buf, start, end) : this.#unexpected();
      case Reply.prepare:
        return first === Head.ok ? this.#prepared(buf, start, end) : this.#unexpected();
      case Reply.rows:
        this.#endings.fetched();
        this.#at = At.rows;
        this.packets.run = this.#rowsAhead();
        return this.#row(first, buf, start, end, payloadBytes);
      case Reply.string:
        this.#endings.finishHead(Outcome.ok);
        this.#replyDone();
        return true;
      case Reply.fieldList:
        if (first === Head.eof) return this.#end(buf, start, end);
        this.#at = At.fields;
        return true;
      case Reply.stream:
        if (first === Head.eof && payloadBytes < 9) return this.#end(buf, start, end);
        confirmReplica(talk);
        talk.streaming = true;
        this.#at = At.stream;
        this.packets.run = ENDLESS_RUN;
        return true;
      case Reply.auth:
        this.#connection.changeBegins(talk.pending.effectAt(talk.pending.head)?.claim ?? null);
        this.#at = At.auth;
        return this.#auth(buf, start, end);
      default:
        // A command that is none, and no error: whatever the peers speak, we do not.
        return this.#fault('unknown_type');
    }
  }

  #ok(buf: Buffer, start: number, end: number): boolean {
    const talk = this.#talk;
    const ok = readOk(buf, start, end, talk.capabilities);
    if (typeof ok === 'string') return this.#fault(ok);
    const x = talk.pending.exchangeAt(talk.pending.head);
    if (x !== null) x.rowsAffected = ok.affectedRows;
    return this.#ended(buf, ok, true);
  }

  #localInfile(): boolean {
    const talk = this.#talk;
    const refused = talk.gate?.refusesFile() ?? null;
    if (refused !== null) return this.#fault(refused);
    // A command that was sent ahead is what the server takes for the file now.
    if (talk.pending.holdsMoreThanOneText || talk.infile) return this.#fault('out_of_order');
    talk.count('local_infiles');
    talk.infile = true;
    this.#at = At.file;
    talk.client.expected = (this.packets.sequence + 1) & 0xff;
    return true;
  }

  #columnCount(buf: Buffer, start: number, end: number): boolean {
    const count = readColumnCount(buf, start, end, this.#talk.optionalMetadata);
    if (typeof count === 'string') return this.#fault(count);
    if (count.columns === 0) return this.#unexpected();
    this.#endings.resolve();
    this.#expect(At.definitions, count.hasMetadata ? count.columns : 0);
    return true;
  }

  // ---- definitions

  /** So many definitions come now. */
  #expect(at: At, definitions: number): void {
    this.#at = at;
    this.#left = this.packets.run = definitions;
    if (definitions === 0) this.#definitionsDone();
  }

  #definitionsDone(): void {
    const isOld = !this.#talk.deprecateEof;
    switch (this.#at) {
      case At.definitions:
        this.#at = isOld ? At.definitionsEnd : At.rows;
        this.packets.run = isOld ? 0 : this.#rowsAhead();
        return;
      case At.parameters:
        if (isOld) this.#at = At.parametersEnd;
        else this.#prepareGoesOn();
        return;
      case At.columns:
        if (isOld) this.#at = At.columnsEnd;
        else this.#prepareGoesOn();
        return;
    }
  }

  #definitionsEnd(first: number, buf: Buffer, start: number, end: number): boolean {
    if (first !== Head.eof) return this.#unexpected();
    const eof = readEnd(buf, start, end, this.#talk.capabilities);
    if (typeof eof === 'string') return this.#fault(eof);
    // The rows of a cursor come when they are fetched.
    if ((eof.status & ServerStatus.cursorExists) !== 0) return this.#setEnded(buf, eof);
    this.#at = At.rows;
    this.packets.run = this.#rowsAhead();
    return true;
  }

  /** How many rows may be counted past without being looked at. */
  #rowsAhead(): number {
    const { cuts, pending } = this.#talk;
    return cuts === null ? ENDLESS_RUN : cuts.ahead(pending.exchangeAt(pending.head));
  }

  // ---- rows

  #row(first: number, buf: Buffer, start: number, end: number, payloadBytes: number): boolean {
    const talk = this.#talk;
    // A row may begin with 0xfe too: its first value is of 16 MiB or more then, and so is the row.
    if (isEnd(first, payloadBytes, talk.capabilities)) {
      const rowsEnd = readEnd(buf, start, end, talk.capabilities);
      if (typeof rowsEnd === 'string') return this.#fault(rowsEnd);
      return this.#setEnded(buf, rowsEnd);
    }
    talk.rows++;
    if (talk.cuts !== null) this.packets.run = talk.cuts.row(talk.pending.exchangeAt(talk.pending.head), this.packets);
    return true;
  }

  #setEnded(buf: Buffer, last: OkPacket): boolean {
    this.#endings.setEnded(last);
    return this.#ended(buf, last, false);
  }

  // ---- the end of a result, or of a reply

  /** OK or EOF as the last packet of a reply that has one only. */
  #end(buf: Buffer, start: number, end: number): boolean {
    const talk = this.#talk;
    const last = readEnd(buf, start, end, talk.capabilities);
    if (typeof last === 'string') return this.#fault(last);
    return this.#ended(buf, last, true);
  }

  /** A statement has ended, or one result of several. `viaOk`: by an OK packet and not behind rows. */
  #ended(buf: Buffer, last: OkPacket, viaOk: boolean): boolean {
    this.#at = At.first;
    this.packets.run = 0;
    if (this.#endings.ended(buf, last, viaOk)) this.#replyDone();
    return true;
  }

  /** The next packet begins the reply to the next command. */
  #replyDone(): void {
    const talk = this.#talk;
    const { pending } = talk;
    this.#at = At.first;
    this.packets.run = 0;
    talk.cuts?.replyDone();
    if (talk.streaming) {
      talk.streaming = false;
      talk.client.expected = 0;
    }
    if (pending.size === 0) {
      this.packets.expected = -1;
      pending.trim();
    } else this.packets.expected = pending.sequenceAt(pending.head);
  }

  // ---- prepared statements

  #prepared(buf: Buffer, start: number, end: number): boolean {
    const talk = this.#talk;
    const prepared = readPrepareOk(buf, start, end, talk.capabilities);
    if (typeof prepared === 'string') return this.#fault(prepared);
    const { statementId, columns, parameters, hasMetadata } = prepared;
    const statement = talk.pending.statementAt(talk.pending.head);
    talk.count('statements_prepared');
    if (talk.preparing > 0) talk.preparing--;
    if (statement !== null) statement.confirmed = true;
    if (statement !== null && !talk.book.add(statementId, statement)) talk.count('untracked_statements');
    this.#columns = hasMetadata ? columns : 0;
    if (hasMetadata && parameters > 0) this.#expect(At.parameters, parameters);
    else this.#prepareGoesOn();
    return true;
  }

  /** The definitions of the parameters are over, or those of the columns. */
  #prepareGoesOn(): void {
    const columns = this.#columns;
    this.#columns = 0;
    if (columns > 0) {
      this.#expect(At.columns, columns);
      return;
    }
    const talk = this.#talk;
    talk.host.aside(Side.upstream, 'stmt_prepare', talk.replyBytes);
    this.#endings.finishHead(Outcome.ok);
    this.#replyDone();
  }

  // ---- errors

  #error(buf: Buffer, start: number, end: number): boolean {
    const talk = this.#talk;
    const { pending } = talk;
    if (isProgress(buf, start, end)) {
      talk.count('progress_reports');
      return true;
    }
    const err = readErr(buf, start, end);
    if (typeof err === 'string') return this.#fault(err);
    if (pending.commandAt(pending.head) === Command.changeUser) this.#connection.dialogueEnded();
    this.#endings.failed(err);
    this.#replyDone();
    return true;
  }

  /** Nobody has asked: only an error may come, when the server ends the connection for reasons of its own. */
  #unasked(first: number, buf: Buffer, start: number, end: number): boolean {
    if (first !== Head.err) return this.#unexpected();
    const err = readErr(buf, start, end);
    if (typeof err === 'string') return this.#fault(err);
    this.packets.expected = -1;
    this.#endings.unasked(this.refusedCommand(), err, this.packets);
    return true;
  }

  // ---- the rest

  #auth(buf: Buffer, start: number, end: number): boolean {
    const talk = this.#talk;
    const done = this.#connection.onServerAuth(buf, start, end, this.packets);
    if (done === null) return false;
    if (!done) return true;
    const { pending } = talk;
    const claim = pending.effectAt(pending.head)?.claim ?? null;
    this.#endings.userChanged();
    this.#connection.confirmed(claim, buf, start, end);
    this.#replyDone();
    return true;
  }

  #fault(fault: Fault): false {
    this.#talk.fault(fault);
    return false;
  }

  #unexpected(): false {
    return this.#fault('unexpected_reply');
  }
}
