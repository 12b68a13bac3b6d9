import { type Exchange, Flag, Replies } from '../../src/exchange/exchange.ts';
import type { Fault } from '../../src/exchange/fault.ts';
import { Side } from '../../src/exchange/side.ts';
import type { Backend } from './backend.ts';
import { COMMANDS, Command, isSaidInStream, KINDS, mostBytesOf, Reply } from './commands.ts';
import type { ConnectionPhase } from './connection-phase.ts';
import { type Conversation, Phase } from './conversation.ts';
import { effect } from './effects.ts';
import { Inquiry } from './inquiry.ts';
import { KEEP } from './keep.ts';
import { u32leAt } from './lenenc.ts';
import { type PacketSink, Packets } from './packets.ts';
import { readExecute } from './query-attributes.ts';
import { QueryTexts } from './query-texts.ts';
import { describe, LAST_PREPARED, Statement } from './statements.ts';
import { MAX_LOGIN_BYTES, MAX_PAYLOAD_BYTES } from './wire.ts';

/** What the client says: commands become exchanges that wait for their replies. */
export class Frontend implements PacketSink {
  readonly packets: Packets;
  readonly #talk: Conversation;
  readonly #backend: Backend;
  readonly #connection: ConnectionPhase;
  readonly #texts: QueryTexts;

  constructor(talk: Conversation, backend: Backend, connection: ConnectionPhase) {
    this.#talk = talk;
    this.#backend = backend;
    this.#connection = connection;
    this.packets = new Packets(this);
    talk.client = this.packets;
    this.#texts = new QueryTexts(talk);
    if (talk.host.judges) talk.inquiry = new Inquiry(talk, this.#texts);
  }

  wanted(first: number): number {
    const talk = this.#talk;
    if (talk.phase === Phase.login) return MAX_LOGIN_BYTES;
    // Secrets, files and acknowledgements: only counted.
    if (talk.phase !== Phase.ready || talk.infile || talk.streaming) return 1;
    if (talk.awaitsAuth && this.packets.sequence !== 0) return 1;
    // What is judged by its text is judged whole.
    if (talk.gate !== null && (first === Command.query || first === Command.stmtPrepare))
      return talk.bound.options.max_held_bytes;
    return first === Command.stmtExecute && !talk.queryAttributes ? KEEP[Command.stmtFetch]! : KEEP[first]!;
  }

  onRun(): void {}

  onFault(fault: Fault): void {
    this.#talk.fault(fault);
  }

  onPacket(buf: Buffer, start: number, end: number, payloadBytes: number): boolean {
    const talk = this.#talk;
    const { packets } = this;
    if (talk.phase !== Phase.ready) return this.#connection.onClient(buf, start, end, payloadBytes, packets);
    if (talk.infile) return this.#file(payloadBytes);
    if (talk.streaming) {
      // Once its stream is over the server takes for a command whatever else has come: that waits, and is judged then.
      if (talk.gate !== null && !isSaidInStream(buf, start, payloadBytes)) return !talk.gate.hold();
      // A replica acknowledges what it has (semi-synchronous replication), or says that it leaves.
      talk.host.aside(Side.downstream, 'replica', packets.wireBytes);
      packets.expected = -1;
      return true;
    }
    if (talk.awaitsAuth && packets.sequence !== 0) return this.#connection.onClientAuth(payloadBytes, packets);
    // The server would take a command for the answer that it waits for.
    if (talk.awaitsAuth && talk.gate !== null) return this.#fault('out_of_order');
    if (this.#answered) return this.#next();
    if (!packets.inOrder || (packets.sequence !== 0 && payloadBytes < MAX_PAYLOAD_BYTES)) {
      talk.faultSequence();
      return false;
    }
    packets.expected = talk.awaitsAuth ? -1 : 0;
    if (payloadBytes === 0) {
      talk.fault('undersized');
      return false;
    }
    const command = buf[start]!;
    if (talk.inquiry !== null) return this.#judged(talk.inquiry, command, buf, start, end, payloadBytes);
    talk.bound.stats.command(command);
    return this.#command(command, buf, start, end, payloadBytes);
  }

  /** Policies are asked first. */
  #judged(inquiry: Inquiry, command: number, buf: Buffer, start: number, end: number, payloadBytes: number): boolean {
    const talk = this.#talk;
    if (talk.gate !== null) {
      if (payloadBytes > mostBytesOf(command)) return this.#fault('ambiguous');
      if (talk.gate.holds(command, buf, start, end)) return false;
    }
    const answer = inquiry.ask(command, buf, start, end, payloadBytes);
    if (answer === 'hold') return false;
    talk.bound.stats.command(command);
    if (answer === 'drop') return true;
    if (answer === 'deny') return talk.phase !== Phase.over;
    const goesOn = this.#command(command, buf, start, end, payloadBytes);
    inquiry.done();
    if (talk.raisesBarrier) {
      talk.raisesBarrier = false;
      talk.gate?.raiseBarrier();
    }
    return goesOn;
  }

  #command(command: number, buf: Buffer, start: number, end: number, payloadBytes: number): boolean {
    const talk = this.#talk;
    const { wireBytes } = this.packets;
    switch (command) {
      case Command.query:
        return this.#query(buf, start, end, payloadBytes, wireBytes);
      case Command.stmtExecute:
      case Command.stmtBulkExecute:
        return this.#execute(command, buf, start, end, wireBytes);
      case Command.stmtPrepare:
        return this.#prepare(buf, start, end, wireBytes);
      case Command.stmtFetch:
        return this.#fetch(buf, start, end, wireBytes);
      case Command.stmtSendLongData:
        return this.#longData(buf, start, end, wireBytes);
      case Command.stmtClose:
        return this.#close(buf, start, end, wireBytes);
      case Command.quit:
        talk.transaction.rolledBack();
        return true;
      case Command.initDb:
        return this.#initDb(buf, start, end, wireBytes);
      case Command.changeUser:
        return this.#changeUser(buf, start, end, wireBytes);
      default:
        return this.#plain(command, wireBytes);
    }
  }

  // ---- text

  #query(buf: Buffer, start: number, end: number, payloadBytes: number, bytes: number): boolean {
    const talk = this.#talk;
    const texts = this.#texts;
    const { inquiry, gate } = talk;
    // What was judged has been read.
    const wrong = inquiry === null ? texts.readQuery(buf, start, end, payloadBytes) : null;
    if (wrong !== null) return this.#fault(wrong);
    const { digests } = texts;
    const at = this.packets.startedAt;
    const count = digests.length;
    if (count === 0) return this.#emptyQuery(at, bytes);
    if (!this.#hasRoom(count)) return false;
    talk.bound.countParsed(digests);
    const turn = ++talk.turns;
    const pipelined = talk.pending.size > 0;
    for (let i = 0; i < count; i++) {
      const x = talk.take('query', digests[i]!, at, i === 0 ? bytes : 0);
      x.index = i;
      if (texts.truncated) x.flags |= Flag.truncated;
      if (texts.traceparent !== '') x.traceparent = texts.traceparent;
      if (count > 1) x.flags |= Flag.batch;
      const does = inquiry !== null && gate !== null ? inquiry.effectAt(i) : texts.effectAt(i, buf);
      const open = talk.begin(x, turn, pipelined) ? x : null;
      const place = this.#await(Command.query, turn, open, null, at, bytes);
      if (does !== null) talk.pending.setEffect(place, does);
      if (i < count - 1) talk.pending.markMore(place);
    }
    if (count > 1) this.#inc('multi_statements');
    return true;
  }

  /** Nothing but blanks and comments: the server says so in an error. */
  #emptyQuery(at: number, bytes: number): boolean {
    const talk = this.#talk;
    if (!this.#hasRoom(1)) return false;
    const x = talk.take('query', talk.bound.nothing, at, bytes);
    if (this.#texts.truncated) x.flags |= Flag.truncated;
    else this.#inc('empty_queries');
    if (this.#texts.traceparent !== '') x.traceparent = this.#texts.traceparent;
    this.#begin(Command.query, x, null, at, bytes);
    return true;
  }

  // ---- prepared statements

  #prepare(buf: Buffer, start: number, end: number, bytes: number): boolean {
    const talk = this.#talk;
    const texts = this.#texts;
    if (!this.#hasRoom(1)) return false;
    const { inquiry, gate } = talk;
    if (inquiry === null) texts.readPrepare(buf, start, end);
    const turn = ++talk.turns;
    const digest = texts.digests[0] ?? talk.bound.nothing;
    const statement = new Statement(digest, texts.traceparent, texts.truncated, turn);
    if (inquiry !== null && gate !== null) {
      statement.effect = inquiry.effectAt(0);
      talk.preparing++;
    } else if (texts.digests.length === 1) statement.effect = texts.effectAt(0, buf);
    statement.facts = inquiry?.prepared ?? null;
    statement.said = inquiry?.said ?? null;
    talk.book.last = statement;
    this.#await(Command.stmtPrepare, turn, null, statement, this.packets.startedAt, bytes);
    return true;
  }

  #execute(command: number, buf: Buffer, start: number, end: number, bytes: number): boolean {
    const talk = this.#talk;
    if (end - start < 5) return this.#fault('truncated');
    if (!this.#hasRoom(1)) return false;
    const id = u32leAt(buf, start + 1);
    const statement = talk.book.find(id);
    const at = this.packets.startedAt;
    const x = talk.take(KINDS[command]!, talk.bound.unknown, at, bytes);
    x.flags |= Flag.prepared;
    let traceparent = '';
    this.#inc('executes');
    if (command === Command.stmtBulkExecute) this.#inc('bulk_executes');
    else if (talk.queryAttributes) {
      const hasLongData = statement === null || statement.longBytes > 0;
      const head = readExecute(buf, start, end, true, hasLongData);
      if (typeof head !== 'string') traceparent = head.traceparent;
    }
    if (statement !== null) describe(x, statement, traceparent === '');
    if (traceparent !== '') x.traceparent = traceparent;
    const place = this.#begin(command, x, statement, at, bytes);
    // An id that was guessed before the server gave it: known when the reply is there.
    if (statement === null) talk.pending.setEffect(place, effect('resolves', '', false, id));
    else if (statement.effect !== null) talk.pending.setEffect(place, statement.effect);
    return true;
  }

  /** Goes on with the rows of an execution that opened a cursor. */
  #fetch(buf: Buffer, start: number, end: number, bytes: number): boolean {
    const talk = this.#talk;
    if (end - start < 5) return this.#fault('truncated');
    if (!this.#hasRoom(1)) return false;
    const statement = talk.book.find(u32leAt(buf, start + 1));
    const at = this.packets.startedAt;
    const x = talk.take('fetch', statement === null ? talk.bound.unknown : statement.digest, at, bytes);
    x.flags |= Flag.prepared | Flag.continuation;
    if (statement === null) this.#inc('unknown_statements');
    else x.story = statement.story;
    this.#inc('fetches');
    this.#begin(Command.stmtFetch, x, statement, at, bytes);
    return true;
  }

  /** A piece of a parameter: it counts to the next execution of its statement. No reply. */
  #longData(buf: Buffer, start: number, end: number, bytes: number): boolean {
    const talk = this.#talk;
    if (end - start < 5) return this.#fault('truncated');
    const { registry, own } = talk.bound.stats;
    registry.add(own.long_data_bytes, bytes);
    const statement = talk.book.find(u32leAt(buf, start + 1));
    if (statement === null) return true;
    if (statement.longBytes === 0) statement.longFrom = this.packets.beganAt;
    statement.longBytes += bytes;
    if (statement.longAt === 0) statement.longAt = this.packets.startedAt;
    return true;
  }

  /** No reply. */
  #close(buf: Buffer, start: number, end: number, bytes: number): boolean {
    const talk = this.#talk;
    if (end - start < 5) return this.#fault('truncated');
    const id = u32leAt(buf, start + 1);
    if (id !== LAST_PREPARED) talk.book.remove(id);
    this.#inc('statements_closed');
    talk.host.aside(Side.downstream, 'stmt_close', bytes);
    return true;
  }

  // ---- the rest

  #initDb(buf: Buffer, start: number, end: number, bytes: number): boolean {
    const place = this.#plainPlace(Command.initDb, bytes);
    if (place < 0) return false;
    const name = buf.toString('utf8', start + 1, Math.min(end, start + KEEP[Command.initDb]!));
    this.#talk.pending.setEffect(place, effect('database', name));
    return true;
  }

  #changeUser(buf: Buffer, start: number, end: number, bytes: number): boolean {
    const claim = this.#connection.readChange(buf, start, end);
    if (typeof claim === 'string') return this.#fault(claim);
    const place = this.#plainPlace(Command.changeUser, bytes);
    if (place < 0) return false;
    this.#talk.pending.setEffect(place, effect('identity', '', false, 0, claim));
    return true;
  }

  /** A command without a text. */
  #plain(command: number, bytes: number): boolean {
    return this.#plainPlace(command, bytes) >= 0;
  }

  #plainPlace(command: number, bytes: number): number {
    const talk = this.#talk;
    if (!this.#hasRoom(1)) return -1;
    const at = this.packets.startedAt;
    const x = talk.take(KINDS[command]!, talk.bound.commandDigest(command), at, bytes);
    if (COMMANDS[command]!.reply === Reply.stream) x.replies = Replies.endless;
    return this.#begin(command, x, null, at, bytes);
  }

  /** A packet of a file that the server asked for; an empty one ends it. */
  #file(payloadBytes: number): boolean {
    const talk = this.#talk;
    const { packets } = this;
    if (!packets.inOrder) {
      talk.faultSequence();
      return false;
    }
    const x = talk.pending.size > 0 ? talk.pending.exchangeAt(talk.pending.head) : null;
    if (x !== null) {
      x.requestBytes += packets.wireBytes;
      x.requestLastByteAt = talk.host.now();
    }
    const { registry, own } = talk.bound.stats;
    registry.add(own.local_infile_bytes, payloadBytes);
    if (payloadBytes > 0) return true;
    talk.infile = false;
    this.#backend.fileEnded((packets.sequence + 1) & 0xff);
    packets.expected = 0;
    return true;
  }

  // ---- an answer that does not wait for the end of the question

  /** The command at hand had its answer before it was whole. */
  #answered = false;

  /**
   * The server refuses a command (it is too large, mostly) that the client is still sending: the exchange that it has not
   * become yet, with what is known of it. Null where no command is on its way.
   */
  refused(): Exchange | null {
    const talk = this.#talk;
    const { packets } = this;
    const { kept } = packets;
    // Of what is held nothing has left: that is no answer to it.
    if (talk.gate !== null) return null;
    if (!packets.inside || this.#answered || talk.infile || kept.bytes === 0) return null;
    this.#answered = true;
    const command = kept.buffer[0]!;
    let digest = talk.bound.commandDigest(command);
    if (command === Command.query) {
      const wrong = this.#texts.readQuery(kept.buffer, 0, kept.bytes, MAX_PAYLOAD_BYTES);
      digest = (wrong === null ? this.#texts.digests[0] : null) ?? talk.bound.nothing;
    }
    talk.bound.stats.command(command);
    const x = talk.take(KINDS[command]!, digest, packets.startedAt, packets.arrivedBytes);
    x.flags |= Flag.truncated;
    return talk.begin(x, ++talk.turns, false) ? x : null;
  }

  #next(): true {
    this.#answered = false;
    this.packets.expected = 0;
    return true;
  }

  // ---- shared

  #begin(command: number, x: Exchange, statement: Statement | null, at: number, bytes: number): number {
    const talk = this.#talk;
    const turn = ++talk.turns;
    const open = talk.begin(x, turn, talk.pending.size > 0) ? x : null;
    return this.#await(command, turn, open, statement, at, bytes);
  }

  #await(
    command: number,
    turn: number,
    x: Exchange | null,
    statement: Statement | null,
    at: number,
    bytes: number,
  ): number {
    return this.#talk.await(command, (this.packets.sequence + 1) & 0xff, turn, x, statement, at, bytes);
  }

  #hasRoom(answers: number): boolean {
    if (this.#talk.hasRoom(answers)) return true;
    this.#talk.fault('too_many_in_flight');
    return false;
  }

  #inc(name: Parameters<Conversation['count']>[0]): void {
    this.#talk.count(name);
  }

  #fault(fault: Fault): false {
    this.#talk.fault(fault);
    return false;
  }
}
