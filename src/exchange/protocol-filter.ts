import type { ZodType } from 'zod';
import type { StatsRegistry } from '../stats/registry.ts';
import type { DigestCache } from './digest.ts';
import type { Exchange, VerdictCode } from './exchange.ts';
import type { Fault } from './fault.ts';
import type { KeySink } from './key-sink.ts';
import type { LagSink } from './lag-sink.ts';
import type { Access, OperationFacts, PolicyVocabulary } from './operation-facts.ts';
import type { ConfirmedFacts, SessionFacts } from './session-facts.ts';
import type { SharedNames } from './shared-names.ts';
import type { Side } from './side.ts';

/**
 * The contract between protocol filters and the rest. A protocol filter turns bytes into exchanges; it sees no socket,
 * no clock but the one handed to it, and no other protocol: it runs from a file, a fuzzer or a test with nothing faked.
 */
export interface ProtocolFilter<C = unknown, O = unknown> {
  /** `postgres`: the folder, the URL scheme, the protocol label. */
  readonly name: string;
  /** `type.googleapis.com/…`: the `@type` that chooses this filter in the full form. */
  readonly typeUrl: string;
  /** Envoy's filter name, which is also its metadata namespace. */
  readonly filterName: string;
  readonly speaksFirst: 'client' | 'server';
  readonly defaultPort: number;
  /**
   * Where listeners of this protocol open doors to the servers' other hosts (SessionHost.door), by its options; null: not at
   * all. Absent: the protocol has none.
   */
  doors?(options: O): DoorRange | null;
  /** Options that the short form starts from, where they are not those of the full form. */
  readonly shortForm?: Readonly<Partial<Record<string, unknown>>>;
  /** True if it can hold, judge and refuse. Others only observe: configuration keeps judging links out of their chains. */
  readonly gates: boolean;
  /** What policies for it are written of. Null: it has none yet. */
  readonly vocabulary: PolicyVocabulary | null;
  /** Fields of the `@type` message, exactly Envoy's. */
  readonly config: ZodType<C>;
  /** Sluice's own options, from the listener's `metadata.filter_metadata.sluice.<name>`. */
  readonly options: ZodType<O>;
  /** Only where the client speaks first: does a connection that starts like this belong here? */
  detect?(head: Buffer): 'yes' | 'no' | 'more';
  /** Once a filter chain and worker: resolves counters and caches. */
  bind(config: C, options: O, env: FilterEnv): BoundFilter;
  /** Dynamic metadata of one turn, by namespace, as Envoy's filter emits it and ours beside: the union of its operations. */
  metadata(ops: readonly Exchange[]): Record<string, Record<string, unknown>>;
}

/** What a worker lends to its protocol filters for their life. */
export interface FilterEnv {
  readonly stats: StatsRegistry;
  readonly digests: DigestCache;
  readonly keys: KeySink;
  readonly lag: LagSink;
  readonly shared: SharedNames;
  /** A log line for the operator, once a text and filter chain: what is wrong, and the remedy. No data of the wire in it. */
  warn(text: string): void;
}

/** Ports for doors, on the listener's own address. */
export interface DoorRange {
  /** 0: the ports after the listener's own. */
  readonly firstPort: number;
  /** How many doors there may be at once. */
  readonly count: number;
}

/** A local address that leads to one upstream host. */
export interface Door {
  /** Host as text, without brackets: the local address by which this connection's client came. */
  readonly host: string;
  /** 0: none can be opened (all ports taken, or no more doors allowed). */
  readonly port: number;
}

export interface BoundFilter {
  /** One session a connection. */
  open(host: SessionHost): Session;
}

/**
 * One connection's decoder. Offsets are absolute per direction per connection (safe integers), never relative to a chunk.
 * Sessions never throw on wire bytes; a throw is our own bug and ends that connection alone.
 */
export interface Session {
  /**
   * Bytes lent for the call: buf[start..end), whose first byte stands at offset `at`. Returns the offset read up to.
   * What was not read is held by the host (counted in the watermarks) and offered again, with more, after
   * resume(side) — that is how a session says "hold". Bytes read but not cleared are held too in the gate gear.
   * In the tap gear everything must be read.
   */
  onDownstream(buf: Buffer, start: number, end: number, at: number): number;
  onUpstream(buf: Buffer, start: number, end: number, at: number): number;
  /** One side ended; every open exchange of a dead connection ends exactly once. `drain`: we are shutting down. */
  onEnd(side: Side, how: 'fin' | 'reset' | 'error' | 'drain'): void;
  /** The protocol's own words for a denied turn. Called by the host from within ask(). */
  refuse(turn: Turn, why: Denial): Refusal;
  /**
   * The connection is closed from our side by a policy (an idle transaction, a close after a denial): the native error as the
   * last words, or null where no error could stand now without being taken for another reply.
   */
  expel?(why: Denial): Uint8Array | null;
  /** True: where decoding ends the connection closes, as in a chain that enforces, for what is held may not leave as it is. */
  readonly closesWhenOpaque?: boolean;
  /** No turn open, no transaction: safe to drain. */
  readonly quiet: boolean;
  /** The last words of a server that shuts down (57P01, ER 1053 …), or null. Only asked while quiet. */
  farewell(): Uint8Array | null;
}

/**
 * tap: bytes are forwarded first and read after, nothing is held.
 * gate: bytes are read first and leave only below clear().
 * Per direction; changes at a message boundary.
 */
export type Gear = 'tap' | 'gate';

/** `later`: stop reading this side (return the turn's offset); the host calls again after the verdict is known. */
export type Verdict = 'allow' | 'deny' | 'later';

/** One client message, judged as a whole. Pooled by the session; valid during the call. */
export interface Turn {
  /** Offsets of the message in the downstream direction. */
  readonly from: number;
  readonly to: number;
  /** False: a prefix that holds every policy input (the rest of the message has not arrived). */
  readonly complete: boolean;
  /** What will be begun of it. The host marks them with the verdict. */
  readonly ops: readonly Exchange[];
  /** What is judged: each operation in the message, which may be more than `ops` (that are bounded). Never empty. */
  readonly facts: readonly OperationFacts[];
  /** True: the message only prepares what other messages run. Limits do not count it. */
  readonly prepares?: boolean;
  /**
   * So many of `facts`, at the end, were asked about when they came and are asked about again, as what judges has changed before
   * they run (SessionHost.snapshot). Limits have counted them. All of them: asked only how much they may return.
   */
  readonly parked?: number;
}

export interface Denial {
  readonly policy: string;
  readonly message: string;
  /** `limit`: allowed as such, but not now or not so much; `unreadable`: the protocol filter could not read it for certain. */
  readonly kind: 'policy' | 'limit' | 'unreadable';
  /** The connection ends with it: the client gets the native error (Session.expel), then the close. */
  readonly closes: boolean;
  /** What of the operation is denied: the first access that is; absent or null: all of it. */
  readonly access?: Access | null;
}

/** What the links of a chain made of the last turn; one object a host, overwritten by each ask(). Fields as on Exchange. */
export interface Judgement {
  verdict: VerdictCode;
  policy: string;
  shadowVerdict: VerdictCode;
  shadowPolicy: string;
  policySnapshot: string;
  maxRows: number;
  maxReplyBytes: number;
}

export type Refusal =
  /** Sent to the server in the turn's place; the server answers it there, and the session replaces that answer. */
  | { readonly kind: 'standIn'; readonly bytes: Uint8Array }
  /** Nothing is in flight: the turn is dropped and the client gets these bytes. */
  | { readonly kind: 'answer'; readonly bytes: Uint8Array }
  | { readonly kind: 'close'; readonly last: Uint8Array | null }
  /** Nothing is applied: the session takes out what was denied (Denial.access), and asks about what is left of the turn. */
  | { readonly kind: 'again' };

/** The connection as a session sees it. */
export interface SessionHost {
  readonly facts: SessionFacts;
  /** True if the chain holds a link that judges turns. When false, a session need not build turns at all. */
  readonly judges: boolean;
  /** True if a judging link may deny: requests must be read in the gate gear, unknown is denied, faults close. */
  readonly enforces: boolean;
  gear(side: Side): Gear;
  /** Takes effect for bytes not yet received; what was received and not cleared is cleared by the session as it reads. */
  setGear(side: Side, gear: Gear): void;
  /**
   * True where a policy may cut replies: the session then keeps the upstream side in the gate gear and asks exceeded() as
   * soon as an exchange is above its maxRows or maxReplyBytes, before those bytes are cleared.
   */
  readonly cuts: boolean;
  /** Asks the chain's links in order. On `deny` the host has called refuse() and applied the refusal. */
  ask(turn: Turn): Verdict;
  /**
   * Of the last ask(). Its marks are on the turn's ops already; a session that begins another exchange for the same message
   * (or one later, for a message that it held) marks it with marked().
   */
  readonly judgement: Readonly<Judgement>;
  /**
   * Grows with each change of what judges (a reload). What was allowed under another number and has not run yet is to be asked
   * about again (threats R14).
   */
  readonly snapshot: number;
  /** Copies the marks of an asked exchange, and what is leased for it, to the one that is begun in its place. */
  marked(from: Exchange, to: Exchange): void;
  /** The name of the policies in force: what a session that denies by itself, unasked, puts into Exchange.policySnapshot. */
  readonly policySnapshot: string;
  /**
   * An exchange has returned more than it may. A denial: the session ends its reply with the native error, or the connection
   * where that cannot be said in the middle of a reply. Null: it goes on (shadow mode), and is not asked again.
   */
  exceeded(x: Exchange, what: 'rows' | 'bytes'): Denial | null;
  /** Gate only: bytes received from `side` below this offset may leave. */
  clear(side: Side, upTo: number): void;
  /** Gate only: bytes [from, to) received from `side` leave as these; any length; null = dropped. Not below the cleared point. */
  replace(side: Side, from: number, to: number, bytes: Uint8Array | null): void;
  /** Our own bytes to the peer on `to`, after everything cleared so far. The host owns `bytes` from here on. */
  send(to: Side, bytes: Uint8Array): void;
  /** A fresh pooled exchange with `session`, `seq` and request times set. Give it back through end() or drop(). */
  take(): Exchange;
  /** An exchange that only carried facts to a verdict. */
  drop(x: Exchange): void;
  begin(x: Exchange): void;
  progress(x: Exchange): void;
  /** Ends it exactly once; `x` must not be touched after. */
  end(x: Exchange): void;
  /** Unpaired traffic: notices, notifications, heartbeats. `kind` is the protocol's word. */
  aside(side: Side, kind: string, bytes: number): void;
  confirm(change: ConfirmedFacts): void;
  /** This upstream host issued this cancellation key; all workers may ask for it. Forgotten when the connection ends. */
  learn(key: Uint8Array): void;
  /** Dial now; with a key: the host that issued it, or the cluster's choice when it is unknown. Returns whether it was known. */
  connect(issued?: Uint8Array): boolean;
  /**
   * The local address behind which another upstream host is reached, `broker-2.example:9092`, that the server has named. All
   * connections and workers of the listener share it; connections to it are this listener's own, with the same chain. Null:
   * it is being opened, or found; resume(Side.upstream) follows when that is known. Costs a look into a map once it is known.
   */
  door(upstream: string): Door | null;
  /** Offers the held bytes of a side again. Safe to call from within a session's callback. */
  resume(side: Side): void;
  /**
   * Decoding of this connection is over: the reason is counted once. Tap: bytes flow on. Enforcing: the connection closes.
   * onEnd follows for both sides (once the session has returned), so that open exchanges end.
   */
  opaque(reason: Fault): void;
  /** Closes after what was sent has left. */
  close(reason: string): void;
  /** Monotonic ms, read once a burst. */
  now(): number;
}
