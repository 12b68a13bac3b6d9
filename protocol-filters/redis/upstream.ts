import { Flag } from '../../src/exchange/exchange.ts';
import { Side } from '../../src/exchange/side.ts';
import type { Conversation } from './conversation.ts';
import type { Downstream } from './downstream.ts';
import { confirmClaims, confirmHello, Hello } from './identity.ts';
import { isConfirmation, PushKind, pushKindOf } from './push-kind.ts';
import { Replies } from './replies.ts';
import { ReplyCut } from './reply-cut.ts';
import { type ReplySink, Watch } from './reply-sink.ts';
import { SPECIALS, Special } from './special.ts';
import { Told } from './told.ts';
import { Type } from './wire.ts';

/** What the elements of the present reply are read for. */
const Reading = { nothing: 0, push: 1, message: 2, exec: 3, hello: 4 } as const;

/** Stands for a reply that went well and returned nothing: confirmed subscriptions, EXEC. */
const CONFIRMED = new Told();
CONFIRMED.begin(Type.simple);

/** What the server says: replies end exchanges, in the order of the commands; messages belong to none. */
export class Upstream implements ReplySink {
  readonly replies: Replies;
  readonly #talk: Conversation;
  readonly #downstream: Downstream;
  readonly #hello = new Hello();
  #reading: number = Reading.nothing;
  /** Of a push or of what may be a message: its first element, and the count in its third. */
  #kind: PushKind = PushKind.other;
  #count = 0;
  /** Of EXEC's reply: bytes of its elements. */
  #elementBytes = 0;
  /** Type of the reply that is being read; 0 = not known, or there is none. */
  #type = 0;
  /** Of replies that may be cut; null: no policy cuts any. */
  readonly #cut: ReplyCut | null;

  constructor(talk: Conversation, downstream: Downstream) {
    this.#talk = talk;
    this.#downstream = downstream;
    this.replies = new Replies(this);
    talk.replies = this.replies;
    this.#cut = talk.host.cuts ? new ReplyCut(talk, this.replies) : null;
    this.replies.tellsSize = this.#cut !== null;
  }

  /**
   * In the gate gear: the offset below which bytes may leave, of those up to `upTo`. An error that may answer a stand-in
   * stays until it is whole, a reply that may be cut until its length is known.
   */
  mayLeave(upTo: number): number {
    const { replies } = this;
    const talk = this.#talk;
    if (this.#cut !== null) return this.#cut.mayLeave(upTo, this.#type);
    if (!replies.inside || talk.gate?.answersStandIn !== true) return upTo;
    return this.#type === 0 || this.#type === Type.error || talk.gate.answersDiscard ? replies.from : upTo;
  }

  // ---- ReplySink

  onReplyBegins(type: number): Watch {
    const talk = this.#talk;
    const { pending } = talk;
    this.#type = type;
    this.#reading = Reading.nothing;
    this.#elementBytes = 0;
    if (talk.monitor !== null) this.#passMonitors();
    if (type === Type.push) return this.#watch(Reading.push);
    const special = pending.size > 0 ? SPECIALS[pending.slot]! : Special.none;
    const isRead = type === Type.array && talk.resp === 2;
    if (isRead && (special === Special.subscribe || talk.subscriptions.any)) return this.#watch(Reading.message);
    switch (special) {
      case Special.sync:
        if (type === Type.error) return Watch.whole;
        this.#beginReplication();
        return Watch.stop;
      case Special.exec:
        talk.gate?.restoreDatabase();
        return type === Type.array && talk.transaction.inside ? this.#watch(Reading.exec) : Watch.whole;
      case Special.hello:
        if (talk.transaction.inside) return Watch.whole;
        return type === Type.array || type === Type.map ? this.#watch(Reading.hello) : Watch.whole;
      default:
        return Watch.whole;
    }
  }

  onReplySize(bytes: number, count: number): void {
    const { pending, transaction } = this.#talk;
    if (this.#reading !== Reading.nothing || transaction.inside || pending.size === 0) return;
    if (SPECIALS[pending.slot] === Special.none || SPECIALS[pending.slot] === Special.script)
      this.#cut?.size(bytes, count);
  }

  onElement(element: Told, index: number, bytes: number): void {
    switch (this.#reading) {
      case Reading.push:
      case Reading.message:
        if (index === 0) this.#kind = pushKindOf(element.buf, element.start, element.end);
        else if (index === 2) this.#count = element.value;
        return;
      case Reading.exec:
        this.#onQueuedReply(element, bytes);
        return;
      case Reading.hello:
        this.#hello.element(index, element.text, element.value);
        return;
    }
  }

  onReply(reply: Told, bytes: number): void {
    const talk = this.#talk;
    this.#type = 0;
    if (this.#reading === Reading.push || this.#reading === Reading.message) {
      if (this.#reading === Reading.push) talk.resp = 3;
      if (isConfirmation(this.#kind)) {
        this.#onConfirmation(bytes);
        return;
      }
      if (this.#reading === Reading.push || this.#kind === PushKind.message) {
        this.#onMessage(this.#kind, bytes);
        return;
      }
    }
    if (talk.monitor !== null && isMonitorLine(reply)) {
      talk.bound.stats.registry.inc(talk.bound.stats.own.monitor_lines);
      talk.advance(talk.monitor, 0, bytes, 1);
      return;
    }
    const { pending } = talk;
    if (pending.size === 0) {
      this.#onUnexpected(reply, bytes);
      return;
    }
    if (talk.gate?.answersStandIn) {
      this.#onStandIn(reply);
      return;
    }
    if (this.#cut?.onReply(bytes)) return;
    const special = SPECIALS[pending.slot]!;
    if (talk.transaction.inside) {
      if (this.#wasQueued(special, reply, bytes)) return;
    } else if (special === Special.none) {
      talk.answer(pending, reply, bytes, this.replies.startedAt);
      return;
    }
    this.#onSpecial(special, reply, bytes);
  }

  onNestedPush(kind: PushKind, bytes: number): void {
    this.#talk.resp = 3;
    this.#onMessage(kind, bytes);
  }

  // ---- out of order

  #onMessage(kind: PushKind, bytes: number): void {
    const { host, bound } = this.#talk;
    const { registry, own } = bound.stats;
    if (kind === PushKind.message) {
      registry.inc(own.messages);
      host.aside(Side.upstream, 'message', bytes);
      return;
    }
    registry.inc(own.pushes);
    host.aside(Side.upstream, kind === PushKind.invalidate ? 'invalidate' : 'push', bytes);
  }

  /** A reply that nobody waits for. Before any command, the server may say why it will not serve. */
  #onUnexpected(reply: Told, bytes: number): void {
    const talk = this.#talk;
    if (reply.isError && talk.turns === 0) talk.host.aside(Side.upstream, 'refused', bytes);
    else this.#fault('unexpected_reply');
  }

  /** Nobody has a command of that name: any answer but an error is to something else. */
  #onStandIn(reply: Told): void {
    const { replies } = this;
    const gate = this.#talk.gate!;
    const isAnswer = reply.type === Type.error || (gate.answersDiscard && reply.type === Type.simple);
    const answered = isAnswer && gate.answer(replies.from, replies.to, replies.startedAt);
    if (!answered) this.#fault('unexpected_reply');
  }

  #fault(fault: Parameters<Conversation['fault']>[0]): void {
    this.replies.stop();
    this.#talk.fault(fault);
  }

  /** Who already sees everything asks for it again: the server says nothing. */
  #passMonitors(): void {
    const { pending, transaction } = this.#talk;
    while (!transaction.inside && pending.size > 0 && SPECIALS[pending.slot] === Special.monitor) this.#talk.passOver();
  }

  // ---- subscriptions

  #onConfirmation(bytes: number): void {
    const talk = this.#talk;
    const { pending, subscriptions, host } = talk;
    const kind = this.#kind;
    subscriptions.confirm(kind, this.#count);
    if (host.facts.kind === '' && subscriptions.any) host.confirm({ kind: 'pubsub' });
    else if (host.facts.kind === 'pubsub' && !subscriptions.any) host.confirm({ kind: '' });
    const extra = pending.size > 0 ? pending.extra : null;
    if (extra === null || extra.confirmedBy !== kind) {
      this.#onMessage(kind, bytes); // the server took it away: a slot moved, an ACL changed
      return;
    }
    const isLast = extra.remaining > 0 ? --extra.remaining === 0 : subscriptions.of(kind) === 0;
    if (isLast) {
      talk.answer(pending, CONFIRMED, bytes, this.replies.startedAt);
      return;
    }
    const x = pending.exchange!;
    if (x.replyFirstByteAt === 0) x.replyFirstByteAt = this.replies.startedAt;
    x.replyBytes += bytes;
  }

  // ---- transactions

  /** The reply within MULTI to a command that is not run at once. */
  #wasQueued(special: number, reply: Told, bytes: number): boolean {
    const talk = this.#talk;
    const { pending, transaction } = talk;
    const x = pending.exchange;
    if (x !== null) transaction.mark(x);
    if (special === Special.exec || special === Special.discard || special === Special.reset) return false;
    if (reply.isError) {
      if (special !== Special.multi && special !== Special.watch) transaction.spoil();
      return false;
    }
    if (reply.type !== Type.simple || !reply.says('QUEUED')) return false;
    if (special === Special.subscribe) {
      this.#fault('ambiguous'); // its confirmations stand in EXEC's reply, which does not count them
      return true;
    }
    if (x !== null) {
      x.flags |= Flag.untimed;
      x.replyFirstByteAt = this.replies.startedAt;
      x.replyBytes = bytes;
    }
    const { extra } = pending;
    if (extra?.waits) {
      extra.waits = false; // EXEC does not wait
      talk.waiting--;
    }
    pending.moveTo(talk.queued);
    return true;
  }

  /** An element of EXEC's reply: what became of the oldest queued command. */
  #onQueuedReply(element: Told, bytes: number): void {
    const talk = this.#talk;
    const { queued } = talk;
    this.#elementBytes += bytes;
    if (queued.size === 0) {
      this.#fault('unexpected_reply');
      return;
    }
    const special = SPECIALS[queued.slot]!;
    if (!element.isError && queued.extra !== null) this.#claims(special, queued.extra);
    const x = queued.exchange;
    if (this.#cut !== null && x !== null && this.#cut.endsConnection(x, element, bytes)) return;
    talk.answer(queued, element, bytes, this.replies.startedAt);
  }

  #onExec(reply: Told, bytes: number): void {
    const talk = this.#talk;
    const { registry, own } = talk.bound.stats;
    const { pending, queued, transaction } = talk;
    let wasRun = false;
    if (transaction.inside) {
      wasRun = this.#reading === Reading.exec && !reply.isNull;
      if (wasRun && queued.size > 0) {
        this.#fault('unexpected_reply');
        return;
      }
      registry.inc(wasRun ? own.transactions : own.transactions_aborted);
      talk.skipQueued();
      transaction.leave();
    }
    // Its elements are told by the commands they answer.
    talk.answer(pending, wasRun ? CONFIRMED : reply, bytes - this.#elementBytes, this.replies.startedAt);
  }

  // ---- commands that change the session

  #onSpecial(special: number, reply: Told, bytes: number): void {
    const talk = this.#talk;
    const { pending, host, bound } = talk;
    const { registry, own } = bound.stats;
    const { extra } = pending;
    const firstByteAt = this.replies.startedAt;
    if (special === Special.exec) {
      this.#onExec(reply, bytes);
      return;
    }
    if (reply.isError) {
      if (special === Special.multi && pending.exchange !== null) talk.transaction.refuse(pending.exchange.turn);
      const isLogin = special === Special.auth || (special === Special.hello && extra !== null && extra.user !== '');
      if (isLogin) registry.inc(own.login_failures);
      talk.answer(pending, reply, bytes, firstByteAt);
      return;
    }
    switch (special) {
      case Special.hello:
        if (this.#reading === Reading.hello) confirmHello(talk, extra, this.#hello);
        break;
      case Special.multi:
        talk.transaction.enter(pending.exchange);
        break;
      case Special.discard:
        talk.leaveTransaction();
        break;
      case Special.reset:
        this.#reset();
        break;
      case Special.subscribe:
        this.#fault('unexpected_reply'); // it was refused in silence, and this answers another
        return;
      case Special.topology:
        if (!reply.isNull) bound.bypassHint();
        break;
      case Special.replconf:
        if (host.facts.kind !== 'replication') host.confirm({ kind: 'replication' });
        break;
      case Special.monitor:
        talk.monitor = talk.beginEndless(bytes, firstByteAt);
        host.confirm({ kind: 'monitor' });
        return;
      default:
        if (extra !== null) this.#claims(special, extra);
    }
    talk.answer(pending, reply, bytes, firstByteAt);
  }

  #claims(special: number, extra: NonNullable<Conversation['pending']['extra']>): void {
    confirmClaims(this.#talk, special, extra);
  }

  /** What comes now is a data file and a stream of commands, no replies. */
  #beginReplication(): void {
    const talk = this.#talk;
    const { registry, own } = talk.bound.stats;
    registry.inc(own.replication_sessions);
    talk.replication = talk.beginEndless(0, this.replies.startedAt);
    if (talk.host.facts.kind !== 'replication') talk.host.confirm({ kind: 'replication' });
  }

  /** RESET: a new connection in all but the socket. */
  #reset(): void {
    const talk = this.#talk;
    talk.leaveTransaction();
    if (talk.monitor !== null) talk.endEndless(talk.monitor);
    talk.monitor = null;
    talk.subscriptions.clear();
    talk.resp = 2;
    talk.isAnonymous = true;
    this.#downstream.reset();
    talk.host.confirm({ user: talk.nobody, database: '0', application: '', kind: '' });
  }

  #watch(reading: number): Watch {
    this.#reading = reading;
    this.#kind = PushKind.other;
    this.#count = 0;
    if (reading === Reading.hello) this.#hello.clear();
    return Watch.elements;
  }
}

/** `+1700000000.123456 [0 127.0.0.1:5] "GET" "k"`: replies are words. */
const isMonitorLine = (reply: Told): boolean =>
  reply.type === Type.simple &&
  reply.end > reply.start &&
  reply.buf[reply.start]! >= 0x30 &&
  reply.buf[reply.start]! <= 0x39;
