import type { Digest } from '../../src/exchange/digest.ts';
import { type Exchange, Flag, Replies } from '../../src/exchange/exchange.ts';
import type { Args } from './args.ts';
import { type CommandInfo, lookUpCommand, lookUpSubcommand } from './commands.ts';
import type { Conversation } from './conversation.ts';
import type { FoundKeys } from './found-keys.ts';
import { argumentIs, doubtClaims, maySecret, readClaims } from './identity.ts';
import { findKeys } from './key-finder.ts';
import { Extra } from './pending.ts';
import { type RequestSink, Requests } from './requests.ts';
import {
  CONFIRMATIONS,
  HOLDS,
  isGuarded,
  nameOf,
  READS,
  Reads,
  SPECIALS,
  Special,
  UNKNOWN,
  WAITS,
  Waits,
} from './special.ts';

/** Exchanges open at once, and commands in flight: above the first they are counted untimed, above the second is a fault. */
export const MAX_OPEN = 10_000;
export const MAX_IN_FLIGHT = 262_144;

/** Whether replies come, as CLIENT REPLY says: to the next commands, but one. */
const Muted = { no: 0, next: 1, all: 2 } as const;

/** What the client says: commands become exchanges and join those in flight. */
export class Downstream implements RequestSink {
  readonly requests: Requests;
  readonly #talk: Conversation;
  readonly #found: FoundKeys;
  /** The command being read; null: unknown. */
  #info: CommandInfo | null = null;
  #muted: number = Muted.no;

  constructor(talk: Conversation) {
    this.#talk = talk;
    this.#found = talk.bound.found;
    this.requests = new Requests(this);
  }

  /** RESET was read by the server. */
  reset(): void {
    this.#muted = Muted.no;
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
    const held = HOLDS[info.slot]!;
    requests.hold = Math.max(info.captureArgs, held);
    requests.holdBytes = info.captureBytes;
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
    const held = HOLDS[info.slot]!;
    requests.hold = Math.max(info.captureArgs, held);
    requests.holdBytes = info.captureBytes;
  }

  isSecret(args: Args, index: number): boolean {
    return maySecret(SPECIALS[this.#info!.slot]!, args, index);
  }

  onCommand(requests: Requests, bytes: number): void {
    const talk = this.#talk;
    const { args } = requests;
    const info = this.#info;
    const { stats, digests } = talk.bound;
    const { registry, envoy, own } = stats;
    if (requests.inline) {
      if (info?.name === 'get' && isHttp(args)) {
        this.fault('foreign_protocol');
        return;
      }
      registry.inc(own.inline);
    }
    registry.inc(envoy.downstream_rq_total);
    talk.turns++;
    const found = this.#found;
    found.clear();
    if (info === null) {
      registry.inc(own.unknown_commands);
      registry.inc(stats.command(UNKNOWN).total);
      const start = args.start[0]!;
      const end = start + args.length[0]!;
      this.#begin(requests, UNKNOWN, digests.unknown(args.buf, start, end), bytes);
      return;
    }
    registry.inc(stats.command(info.slot).total);
    let digest: Digest;
    if (info.namedBy === 'nothing') digest = digests.keyless(info);
    else {
      findKeys(info, args, found);
      digest = digests.request(info, args, found);
    }
    this.#begin(requests, info.slot, digest, bytes);
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

  #begin(requests: Requests, slot: number, digest: Digest, bytes: number): void {
    const talk = this.#talk;
    const special = SPECIALS[slot]!;
    const waits = this.#asksToWait(slot, requests.args);
    let extra: Extra | null = slot === UNKNOWN ? this.#unlearned(requests.args, digest) : null;
    if (special !== Special.none || waits) {
      extra = this.#extraOf(special, slot, requests.args, waits);
      if (talk.over) return;
    }
    if (this.#muted !== Muted.no || special === Special.replyMode) {
      if (this.#isSilent(special, requests.args)) {
        this.#beginSilent(requests, slot, digest, bytes);
        return;
      }
      if (talk.over) return;
    }
    const { registry, envoy, own } = talk.bound.stats;
    const { pending } = talk;
    registry.inc(envoy.downstream_rq_active);
    if (talk.open >= MAX_OPEN) {
      this.#beginLate(slot, digest, requests.args, bytes, extra);
      return;
    }
    const x = this.#take(requests, slot, digest, bytes);
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
    const { first } = this.#found;
    const { args } = requests;
    if (first > 0 && first < args.held && talk.bound.keys !== null) {
      const start = args.start[first]!;
      pending.keepKey(args.buf, start, start + args.length[first]!);
    }
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
  #beginLate(slot: number, digest: Digest, args: Args, bytes: number, extra: Extra | null): void {
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
    talk.pending.keepLate(digest, bytes, talk.turns);
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

  #asksToWait(slot: number, args: Args): boolean {
    const waits = WAITS[slot]!;
    if (waits === Waits.no || this.#talk.transaction.asked) return false; // within MULTI nothing waits
    if (waits === Waits.always) return true;
    // XREAD, XREADGROUP: options stand before STREAMS; a group or a consumer may be called BLOCK.
    for (let i = 1; i < args.held; i++) {
      if (argumentIs(args, i, 'block')) return true;
      if (argumentIs(args, i, 'streams')) return false;
      if (argumentIs(args, i, 'group')) i += 2;
    }
    return false;
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

  /** Does this command have no reply? Follows what CLIENT REPLY says. */
  #isSilent(special: number, args: Args): boolean {
    const muted = this.#muted;
    if (special === Special.replyMode && args.argc === 3) {
      const isOn = argumentIs(args, 2, 'on');
      const isOff = argumentIs(args, 2, 'off');
      if (isOn || isOff || argumentIs(args, 2, 'skip')) {
        // Within MULTI it runs at EXEC, whose reply then breaks off, or begins in its middle.
        if (this.#talk.transaction.asked && !(isOn && muted === Muted.no)) {
          this.fault('ambiguous');
          return false;
        }
        if (isOn) this.#muted = Muted.no;
        else if (muted !== Muted.all) this.#muted = isOff ? Muted.all : Muted.next;
        return !isOn;
      }
    }
    if (muted === Muted.next) {
      this.#muted = Muted.no;
      // What comes next is answered in a state that no reply tells of.
      if ((special === Special.multi || special === Special.reset) && args.argc === 1) {
        this.fault('ambiguous');
        return false;
      }
    }
    if (special === Special.reset && muted === Muted.all) {
      this.#muted = Muted.no;
      return false;
    }
    // Confirmations and what follows come all the same; of a replica's link nobody mutes anything.
    if (special === Special.subscribe || special === Special.sync) return false;
    return muted !== Muted.no;
  }

  #beginSilent(requests: Requests, slot: number, digest: Digest, bytes: number): void {
    const talk = this.#talk;
    const { registry, envoy, own } = talk.bound.stats;
    const special = SPECIALS[slot]!;
    registry.inc(own.no_reply);
    registry.inc(envoy.downstream_rq_active);
    const x = this.#take(requests, slot, digest, bytes);
    talk.open++;
    talk.host.begin(x);
    if (special === Special.monitor) {
      x.replies = Replies.endless;
      if (talk.monitor !== null) talk.endEndless(talk.monitor);
      talk.monitor = x;
      return;
    }
    x.replies = Replies.none;
    this.#touchKey(requests.args, bytes);
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

/** `GET / HTTP/1.1` reads like a command. */
function isHttp(args: Args): boolean {
  if (args.argc !== 3 || args.held < 3 || args.length[2]! < HTTP.length) return false;
  for (let i = 0; i < HTTP.length; i++) if (args.buf[args.start[2]! + i] !== HTTP.charCodeAt(i)) return false;
  return true;
}
const HTTP = 'HTTP/';
