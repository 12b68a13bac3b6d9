import type { Digest } from '../../src/exchange/digest.ts';
import { type Exchange, Flag, Replies } from '../../src/exchange/exchange.ts';
import { type Said, saidOf } from '../../src/exchange/said.ts';
import { Side } from '../../src/exchange/side.ts';
import type { Args } from './args.ts';
import { type CommandInfo, lookUpCommand, lookUpSubcommand } from './commands.ts';
import type { Conversation } from './conversation.ts';
import { doubtOf, follow, NEEDS_ANSWER } from './followed.ts';
import type { FoundKeys } from './found-keys.ts';
import { Gate } from './gate.ts';
import { argumentIs, doubtClaims, maySecret, readClaims } from './identity.ts';
import { findKeys } from './key-finder.ts';
import { asksToWait, isHttp, unknownDigest } from './odd-commands.ts';
import { Extra } from './pending.ts';
import { ReplyMode } from './reply-mode.ts';
import { type RequestSink, Requests } from './requests.ts';
import { CONFIRMATIONS, HOLDS, isGuarded, nameOf, READS, Reads, SPECIALS, Special, UNKNOWN } from './special.ts';

/** Exchanges open at once, and commands in flight: above the first they are counted untimed, above the second is a fault. */
export const MAX_OPEN = 10_000;
export const MAX_IN_FLIGHT = 262_144;

/** What the client says: commands become exchanges and join those in flight. */
export class Downstream implements RequestSink {
  readonly requests: Requests;
  readonly #talk: Conversation;
  readonly #found: FoundKeys;
  /** Null: nobody judges. */
  readonly #gate: Gate | null;
  /** The command being read; null: unknown. */
  #info: CommandInfo | null = null;
  readonly #mode: ReplyMode;

  constructor(talk: Conversation) {
    this.#talk = talk;
    this.#found = talk.bound.found;
    this.#mode = new ReplyMode(talk);
    this.requests = new Requests(this);
    this.#gate = talk.host.judges ? new Gate(talk, this.requests) : null;
    talk.gate = this.#gate;
    if (this.#gate === null) return;
    this.requests.mostHeld = Number.POSITIVE_INFINITY;
    this.requests.budget = talk.bound.options.max_held_bytes;
  }

  /** RESET was read by the server. */
  reset(): void {
    this.#mode.speak();
  }

  // ---- RequestSink

  onName(requests: Requests): void {
    const { args } = requests;
    const start = args.start[0]!;
    const info = args.whole(0) ? lookUpCommand(args.buf, start, start + args.length[0]!) : null;
    this.#info = info;
    if (requests.inline && this.#isForeign(args)) {
      this.fault('foreign_protocol');
      return;
    }
    if (info === null) return;
    this.#hold(requests, info);
    requests.wantsSubcommand = info.container;
    requests.guarded = isGuarded(info);
  }

  onSubcommand(requests: Requests): void {
    const { args } = requests;
    const start = args.start[1]!;
    const container = this.#info!;
    const info = args.whole(1) ? lookUpSubcommand(container, args.buf, start, start + args.length[1]!) : null;
    if (info === null) return;
    this.#info = info;
    this.#hold(requests, info);
  }

  #hold(requests: Requests, info: CommandInfo): void {
    if (this.#gate !== null) {
      requests.hold = Number.POSITIVE_INFINITY; // a key may be anywhere
      requests.holdBytes = JUDGED_BYTES;
      const most = this.#talk.bound.options.max_held_bytes;
      requests.budget = this.#talk.isAnonymous ? Math.min(most, ANONYMOUS_BYTES) : most;
      return;
    }
    const held = HOLDS[info.slot]!;
    requests.hold = Math.max(info.captureArgs, held);
    requests.holdBytes = info.captureBytes;
  }

  isSecret(args: Args, index: number): boolean {
    return maySecret(SPECIALS[this.#info!.slot]!, args, index);
  }

  onCommand(requests: Requests, bytes: number): void {
    if (this.#gate?.inRest) {
      this.#endRest(requests, bytes);
      return;
    }
    if (requests.inline && this.#info?.name === 'get' && isHttp(requests.args)) {
      this.fault('foreign_protocol');
      return;
    }
    this.#read(requests, bytes, true);
  }

  onPrefix(requests: Requests, to: number): void {
    if (requests.args.held === 0) this.#info = null;
    this.#read(requests, to - requests.from, false);
  }

  onEmpty(requests: Requests, to: number): void {
    // Servers were seen to read what follows an empty request otherwise than they should: it is not worth sending.
    if (this.#gate?.enforces) this.#talk.host.replace(Side.downstream, requests.from, to, null);
  }

  /** A command, or as much of it as is judged by. */
  #read(requests: Requests, bytes: number, complete: boolean): void {
    const talk = this.#talk;
    const { args } = requests;
    const info = this.#info;
    const { digests } = talk.bound;
    const found = this.#found;
    found.clear();
    talk.turns++;
    let digest: Digest;
    if (info === null) digest = unknownDigest(digests, args);
    else if (info.namedBy === 'nothing' && this.#gate === null) digest = digests.keyless(info);
    else {
      findKeys(info, args, found);
      digest = digests.request(info, args, found);
    }
    const slot = info?.slot ?? UNKNOWN;
    let x: Exchange | null = null;
    if (this.#gate !== null) {
      x = this.#take(requests, slot, digest, bytes);
      if (!this.#judge(this.#gate, x, requests, complete)) return;
    }
    this.#count(requests.inline, slot);
    this.#begin(requests, slot, digest, bytes, x);
  }

  #count(inline: boolean, slot: number): void {
    const { stats } = this.#talk.bound;
    const { registry, envoy, own } = stats;
    if (inline) registry.inc(own.inline);
    registry.inc(envoy.downstream_rq_total);
    if (slot === UNKNOWN) registry.inc(own.unknown_commands);
    registry.inc(stats.command(slot).total);
  }

  // ---- verdicts

  /** May it be begun? Where not it was begun as denied, or will be read again. */
  #judge(gate: Gate, x: Exchange, requests: Requests, complete: boolean): boolean {
    const talk = this.#talk;
    const { args } = requests;
    const info = this.#info;
    const { facts } = talk.bound;
    const to = requests.from + x.requestBytes;
    const special = SPECIALS[info?.slot ?? UNKNOWN]!;
    gate.isExec = special === Special.exec && talk.transaction.asked;
    const doubt = gate.enforces ? doubtOf(talk, requests.inline, special, args) || gate.doubtOfExec : '';
    if (doubt !== '') gate.denySelf(x, facts.unread(info, doubt), to, complete, doubt);
    else {
      const judged = info === null ? facts.unknown(args) : facts.of(info, args, this.#found, talk.host.facts.database);
      const verdict = gate.ask(x, judged, to, complete);
      if (verdict === 'allow') {
        gate.passes(x, judged, special, args.argc);
        return true;
      }
      if (verdict === 'later') {
        talk.host.drop(x);
        talk.turns--;
        requests.rewind();
        return false;
      }
    }
    const slot = info?.slot ?? UNKNOWN;
    this.#count(requests.inline, slot);
    const { registry, envoy } = talk.bound.stats;
    registry.inc(talk.bound.stats.command(slot).error);
    registry.inc(envoy.downstream_rq_active);
    const isSilent = talk.isMuted;
    this.#mode.passDenied();
    gate.begin(x, !isSilent);
    if (gate.waiting > MAX_OPEN) this.fault('too_many_in_flight');
    if (talk.over) requests.stop();
    return false;
  }

  /** A command that was judged by its first bytes is over. */
  #endRest(requests: Requests, bytes: number): void {
    this.#gate!.passRest(requests.from + bytes, true);
    const x = this.#talk.pending.newest;
    if (x !== null && x.turn === this.#talk.turns) x.requestBytes = bytes;
  }

  /** Decoding is over. */
  fault(fault: Parameters<Conversation['fault']>[0]): void {
    this.requests.stop();
    this.#talk.fault(fault);
  }

  // ---- the rest

  /** An inline command that says another protocol: what the server takes for an attack, and a first word nobody knows. */
  #isForeign(args: Args): boolean {
    if (argumentIs(args, 0, 'post') || argumentIs(args, 0, 'host:')) return true;
    return this.#info === null && this.#talk.turns === 0;
  }

  /** `asked`: the exchange that the policies were asked about; null: there are none. */
  #begin(requests: Requests, slot: number, digest: Digest, bytes: number, asked: Exchange | null): void {
    const talk = this.#talk;
    const special = SPECIALS[slot]!;
    const waits = asksToWait(talk, slot, requests.args);
    let extra: Extra | null = slot === UNKNOWN ? this.#unlearned(requests.args, digest) : null;
    if (special !== Special.none || waits) {
      extra = this.#extraOf(special, slot, requests.args, waits);
      if (talk.over) {
        if (asked !== null) talk.host.drop(asked);
        return;
      }
    }
    if (talk.isMuted || special === Special.replyMode) {
      const isSilent = this.#mode.isSilent(special, requests.args);
      if (this.#mode.isDoubtful) this.fault('ambiguous');
      if (talk.over) {
        if (asked !== null) talk.host.drop(asked);
        return;
      }
      if (isSilent) {
        this.#beginSilent(requests, slot, asked ?? this.#take(requests, slot, digest, bytes));
        return;
      }
    }
    const { registry, envoy, own } = talk.bound.stats;
    const { pending } = talk;
    registry.inc(envoy.downstream_rq_active);
    if (talk.open >= MAX_OPEN && !this.#keepsAll(special)) {
      const said = asked === null ? null : saidOf(asked);
      if (asked !== null) talk.host.drop(asked);
      this.#beginLate(slot, digest, requests.args, bytes, extra, said);
      return;
    }
    const x = asked ?? this.#take(requests, slot, digest, bytes);
    if (pending.size > 0) {
      x.flags |= Flag.pipelined;
      registry.inc(own.pipelined);
    }
    if (waits) {
      x.flags |= Flag.waits;
      talk.waiting++;
    } else if (talk.waiting > 0) x.flags |= Flag.untimed; // it waits with the one before it, unasked
    if (special === Special.subscribe) x.replies = Replies.many;
    talk.open++;
    talk.host.begin(x);
    pending.push(x, slot, this.#reads(slot, requests.args), extra);
    if (this.#gate !== null && special !== Special.none) follow(talk, this.#gate, special, requests.args);
    const { first } = this.#found;
    const { args } = requests;
    if (first > 0 && first < args.held && talk.bound.keys !== null) {
      const start = args.start[first]!;
      pending.keepKey(args.buf, start, start + args.length[first]!);
    }
  }

  /** Replies that may be cut need their exchange, and so does what changes the session. */
  #keepsAll(special: number): boolean {
    const talk = this.#talk;
    if (this.#gate === null || (!talk.host.cuts && !NEEDS_ANSWER.has(special))) return false;
    return talk.pending.size + talk.queued.size < MAX_IN_FLIGHT;
  }

  #take(requests: Requests, slot: number, digest: Digest, bytes: number): Exchange {
    const talk = this.#talk;
    const x = talk.host.take();
    x.kind = nameOf(slot);
    x.digest = digest;
    x.turn = talk.turns;
    x.requestFirstByteAt = requests.startedAt;
    x.requestBytes = bytes;
    return x;
  }

  /** Above the cap: no exchange is kept until the reply is there. */
  #beginLate(slot: number, digest: Digest, args: Args, bytes: number, extra: Extra | null, said: Said | null): void {
    const talk = this.#talk;
    const { registry, own } = talk.bound.stats;
    const special = SPECIALS[slot]!;
    const isLong = special === Special.subscribe || special === Special.monitor || special === Special.sync;
    if (isLong || talk.pending.size + talk.queued.size >= MAX_IN_FLIGHT) {
      this.fault('too_many_in_flight');
      return;
    }
    registry.inc(own.untimed);
    if (extra?.waits) talk.waiting++;
    talk.pending.push(null, slot, this.#reads(slot, args), extra);
    talk.pending.keepLate(digest, bytes, talk.turns, said);
  }

  // ---- special commands

  #extraOf(special: number, slot: number, args: Args, waits: boolean): Extra | null {
    const talk = this.#talk;
    const { registry, own } = talk.bound.stats;
    if (waits) registry.inc(own.blocking);
    switch (special) {
      case Special.multi:
        if (args.argc === 1) talk.transaction.ask(talk.turns); // with arguments the server refuses it
        return null;
      case Special.exec:
        talk.transaction.asked = false; // refused or not
        return null;
      case Special.discard:
      case Special.reset:
        if (args.argc === 1) talk.transaction.asked = false;
        return null;
      case Special.script:
        registry.inc(own.scripts);
        return null;
      case Special.topology:
      case Special.watch:
      case Special.replconf:
      case Special.monitor:
      case Special.sync:
      case Special.replyMode:
        return null;
      case Special.subscribe: {
        const extra = new Extra();
        extra.confirmedBy = CONFIRMATIONS[slot]! as Extra['confirmedBy'];
        extra.remaining = args.argc > 1 ? args.argc - 1 : -1;
        return extra;
      }
    }
    const extra = new Extra();
    extra.waits = waits;
    readClaims(special, args, extra);
    return extra;
  }

  /** The name of a command that nobody knows yet: kept if the server does. */
  #unlearned(args: Args, digest: Digest): Extra | null {
    const { digests } = this.#talk.bound;
    if (!digests.isNameless(digest)) return null;
    const start = args.start[0]!;
    const module = digests.moduleName(args.buf, start, start + args.length[0]!);
    if (module === '') return null;
    const extra = new Extra();
    extra.module = module;
    return extra;
  }

  /** Does its reply say of one key, or of each, whether it was there? */
  #reads(slot: number, args: Args): boolean {
    const reads = READS[slot]!;
    if (reads === Reads.no) return false;
    return reads !== Reads.counted || args.argc === 2 || this.#found.count === 1;
  }

  // ---- CLIENT REPLY

  #beginSilent(requests: Requests, slot: number, x: Exchange): void {
    const talk = this.#talk;
    const { registry, envoy, own } = talk.bound.stats;
    const special = SPECIALS[slot]!;
    registry.inc(own.no_reply);
    registry.inc(envoy.downstream_rq_active);
    talk.open++;
    talk.host.begin(x);
    if (special === Special.monitor) {
      x.replies = Replies.endless;
      if (talk.monitor !== null) talk.endEndless(talk.monitor);
      talk.monitor = x;
      return;
    }
    x.replies = Replies.none;
    this.#touchKey(requests.args, x.requestBytes);
    doubtClaims(talk, special);
    talk.end(x);
  }

  #touchKey(args: Args, bytes: number): void {
    const { first } = this.#found;
    const { keys } = this.#talk.bound;
    if (keys === null || first === 0 || first >= args.held) return;
    const start = args.start[first]!;
    keys.touch(args.buf, start, start + args.length[first]!, bytes, 0);
  }
}

/** Held of one command before anybody has shown who he is: what a server takes before a login (threats R13). */
const ANONYMOUS_BYTES = 10 * 16 * 1024;

/** Bytes of one argument that are held of what is judged: a longer key is not known for certain. */
const JUDGED_BYTES = 65_536;
