import { VerdictCode } from '../exchange/exchange.ts';
import type { OperationFacts } from '../exchange/operation-facts.ts';
import type { Denial, Judgement, ProtocolFilter, Turn, Verdict } from '../exchange/protocol-filter.ts';
import type { SessionFacts } from '../exchange/session-facts.ts';
import {
  type ConnectionEvent,
  type ConnectionHandle,
  type FilterBuilder,
  FilterStatus,
  type NetworkFilter,
} from '../net/filter.ts';
import type { Clock, Timer } from '../net/transport.ts';
import type { RbacEngine, RbacResult } from '../policy/rbac/engine.ts';
import type { RbacConfig } from '../policy/rbac/rbac-config.ts';
import { Tri } from '../policy/rbac/tri.ts';
import type { StatsRegistry } from '../stats/registry.ts';
import { RbacChain } from './rbac-chain.ts';
import { ConnectionInput } from './rbac-input.ts';
import { RbacMemory } from './rbac-memory.ts';
import { connectionMetadata, operationMetadata, whyUnresolved } from './rbac-metadata.ts';
import { RbacRecord } from './rbac-record.ts';

export interface RbacEnv {
  readonly clock: Clock;
  readonly stats: StatsRegistry;
  /** The protocol filter of the chain; null: there is none. */
  readonly protocol: ProtocolFilter | null;
}

/**
 * Envoy's network RBAC. ONE_TIME_ON_FIRST_BYTE: asked once, when the client's first bytes come. CONTINUOUS: at each read;
 * where the chain's protocol filter gates, at each message instead, with that message's metadata, and who is denied gets
 * the protocol's own error before the close.
 */
export function rbac(config: RbacConfig, env: RbacEnv): FilterBuilder {
  const chain = new RbacChain(config, env.stats);
  const { protocol } = env;
  const perMessage = config.enforcement_type === 'CONTINUOUS' && protocol?.gates === true;
  const build = perMessage
    ? ({ connection }: { connection: ConnectionHandle }) => new MessageRbac(chain, env, connection, protocol)
    : ({ connection }: { connection: ConnectionHandle }) => new ConnectionRbac(chain, env, connection);
  return Object.assign(build, {
    update: (next: Readonly<Record<string, unknown>> | null) => chain.update(next as RbacConfig | null),
    enforces: () => perMessage && chain.enforced !== null,
  });
}

/** Of a connection, at its first byte or at each read. */
class ConnectionRbac implements NetworkFilter {
  readonly name = 'envoy.filters.network.rbac';
  protected readonly chain: RbacChain;
  protected readonly connection: ConnectionHandle;
  protected readonly input: ConnectionInput;
  protected readonly record: RbacRecord;
  /** It waits for its close, as a whole. */
  protected denied = false;
  readonly #clock: Clock;
  #asked = false;
  #delay: Timer | null = null;

  constructor(chain: RbacChain, env: RbacEnv, connection: ConnectionHandle) {
    this.chain = chain;
    this.connection = connection;
    this.#clock = env.clock;
    this.input = new ConnectionInput(connection);
    this.record = new RbacRecord(connection.info);
    chain.live.add(this);
  }

  onData(_buf: Buffer, start: number, end: number, _given: boolean, endStream: boolean): FilterStatus {
    if (this.denied) return this.#wait(endStream);
    if (this.#asked && (end === start || this.chain.config.enforcement_type === 'ONE_TIME_ON_FIRST_BYTE'))
      return FilterStatus.Continue;
    this.#asked = true;
    return this.check() ? FilterStatus.Continue : FilterStatus.Consumed;
  }

  /** Until the delay is over, or the client gives up. */
  #wait(endStream: boolean): FilterStatus {
    if (endStream) this.connection.close('no_flush', 'remote_close');
    return FilterStatus.Consumed;
  }

  onEvent(event: ConnectionEvent): void {
    if (event === 'connected') return;
    this.#delay?.cancel();
    this.chain.live.delete(this);
  }

  /** The configuration has changed. */
  changed(): void {}

  /** Shadow first, then in earnest (Envoy). False: it was denied, and is being closed. */
  protected check(): boolean {
    const { shadow, enforced, config } = this.chain;
    this.input.see(() => connectionMetadata(this.connection.info.metadata));
    if (shadow !== null) {
      const { allowed, policy } = shadow.judge(this.input);
      this.chain.countShadow(allowed !== Tri.no);
      this.record.shadow(config.shadow_rules_stat_prefix, allowed !== Tri.no, policy);
    }
    if (enforced === null) return true;
    const result = enforced.judge(this.input);
    this.chain.count(result.allowed !== Tri.no);
    this.record.enforced(result.allowed !== Tri.no, result.policy, result.logHint);
    if (result.allowed !== Tri.no) return true;
    this.deny(result.policy);
    return false;
  }

  /** Envoy closes without a word. Behind a protocol filter there are words, where the protocol has some for this moment. */
  protected deny(policy: string): void {
    this.record.terminated(policy);
    const close = (): void => {
      const { drainable, info } = this.connection;
      info.closeReason ||= CLOSE_REASON;
      if (drainable !== null && this.chain.config.enforcement_type === 'CONTINUOUS') drainable.expel(denialOf(policy));
      else this.connection.close('no_flush', CLOSE_REASON);
    };
    if (this.hold(close)) this.denied = true;
    else close();
  }

  /** `delay_deny`: `close` is called later. False: there is no delay. */
  protected hold(close: () => void): boolean {
    const { delay_deny: delayMs } = this.chain.config;
    if (delayMs === 0) return false;
    this.#delay = this.#clock.after(delayMs, () => {
      try {
        close();
      } catch (error) {
        this.connection.fail(error);
      }
    });
    return true;
  }
}

/** Of a connection whose protocol filter has every message judged. */
class MessageRbac extends ConnectionRbac {
  readonly enforces: boolean;
  denial: Denial | null = null;
  readonly #protocol: ProtocolFilter;
  readonly #harmless: ReadonlySet<string>;
  readonly #remembered = { enforced: new RbacMemory(), shadow: new RbacMemory() };
  /** Of the connection as such: asked again where the rules have changed. */
  #checked = -1;
  /** A message was denied, and the close is yet to come: so are all that follow. */
  #deniedBy: string | null = null;

  constructor(chain: RbacChain, env: RbacEnv, connection: ConnectionHandle, protocol: ProtocolFilter) {
    super(chain, env, connection);
    this.enforces = chain.enforced !== null;
    this.#protocol = protocol;
    this.#harmless = new Set(protocol.vocabulary?.harmless);
  }

  get version(): number {
    return this.chain.version;
  }

  /** Before the first message that says what it is: only what is denied whatever it will say ends here. */
  override onData(buf: Buffer, start: number, end: number, given: boolean, endStream: boolean): FilterStatus {
    if (this.denied) return super.onData(buf, start, end, given, endStream);
    if (this.#checked === this.chain.version) return FilterStatus.Continue;
    this.#checked = this.chain.version;
    const result = this.chain.enforced?.judge(this.input.see(NOT_YET));
    if (result?.allowed !== Tri.no) return FilterStatus.Continue;
    this.chain.count(false);
    this.record.enforced(false, result.policy, result.logHint);
    this.deny(result.policy);
    return FilterStatus.Consumed;
  }

  /** Opened while nothing was enforced, its messages pass before they are read: it leaves as soon as it can. */
  override changed(): void {
    if (!this.enforces && this.chain.enforced !== null) this.connection.drainable?.tryLeave();
  }

  get policySnapshot(): string {
    return this.chain.snapshot;
  }

  onTurn(turn: Turn, facts: SessionFacts, judgement: Judgement): Verdict {
    const { shadow, enforced, config, snapshot } = this.chain;
    if (this.#deniedBy !== null) {
      judgement.verdict = VerdictCode.denied;
      judgement.policy = nameOf(this.#deniedBy);
      judgement.policySnapshot = snapshot;
      return 'deny';
    }
    if (shadow !== null) {
      const { allowed, policy } = this.#judge(shadow, this.#remembered.shadow, turn, facts);
      const isAllowed = allowed !== Tri.no;
      this.chain.countShadow(isAllowed);
      this.record.shadow(config.shadow_rules_stat_prefix, isAllowed, policy);
      if (!isAllowed || judgement.shadowVerdict === VerdictCode.none) {
        judgement.shadowVerdict = isAllowed ? VerdictCode.allowed : VerdictCode.denied;
        judgement.shadowPolicy = isAllowed ? policy : nameOf(policy);
        if (judgement.verdict === VerdictCode.none) judgement.policySnapshot = snapshot;
      }
    }
    if (enforced === null) return 'allow';
    const { allowed, policy, logHint } = this.#judge(enforced, this.#remembered.enforced, turn, facts);
    const isAllowed = allowed !== Tri.no;
    this.chain.count(isAllowed);
    this.record.enforced(isAllowed, policy, logHint);
    if (isAllowed) {
      if (judgement.verdict === VerdictCode.none) {
        judgement.policy = policy;
        judgement.policySnapshot = snapshot;
      }
      judgement.verdict = VerdictCode.allowed;
      return 'allow';
    }
    judgement.verdict = VerdictCode.denied;
    judgement.policy = nameOf(policy);
    judgement.policySnapshot = snapshot;
    this.#denyTurn(policy);
    return 'deny';
  }

  /** With a delay the error is said in its place, and the close comes later. */
  #denyTurn(policy: string): void {
    this.record.terminated(policy);
    this.connection.info.closeReason ||= CLOSE_REASON;
    // One that was opened while nothing was enforced holds no message: there is no place to say the error in.
    const held = this.enforces && this.hold(() => this.connection.close('flush', CLOSE_REASON));
    if (held) this.#deniedBy = policy;
    this.denial = { ...denialOf(policy), closes: !held };
  }

  /** Each operation by itself (threats R2): what one may do says nothing of the next. The first that is denied decides. */
  #judge(engine: RbacEngine, memory: RbacMemory, turn: Turn, facts: SessionFacts): RbacResult {
    let first: RbacResult | null = null;
    memory.under(this.chain.version, facts, this.connection.info.metadata.size);
    for (const [i, operation] of turn.facts.entries()) {
      const kind = turn.ops[i]?.kind ?? turn.ops[0]?.kind ?? '';
      const known = engine.isSteady ? memory.find(operation, kind) : null;
      const result = known ?? this.#judgeOne(engine, operation, facts, kind);
      if (known === null && engine.isSteady) memory.keep(operation, kind, result);
      if (result.allowed === Tri.no) return result;
      first ??= result;
    }
    return first ?? ALLOWED;
  }

  #judgeOne(engine: RbacEngine, operation: OperationFacts, facts: SessionFacts, kind: string): RbacResult {
    const blind = engine.readsMetadata && engine.denies && !engine.namesUnresolved && this.#isBlind(operation);
    if (blind) return UNRESOLVED;
    const result = engine.judge(
      this.input.see(() => ({
        ...connectionMetadata(this.connection.info.metadata),
        ...operationMetadata(this.#protocol, operation, facts, kind),
      })),
    );
    if (result.allowed !== Tri.no || !engine.isAllowList || !this.#isHarmless(operation)) return result;
    // BEGIN, SET or a hello have no table that a list of allowed tables could name: they pass where any message might.
    return engine.judge(this.input.see(NOT_YET)).allowed === Tri.no ? result : ALLOWED;
  }

  #isBlind(operation: OperationFacts): boolean {
    return whyUnresolved(operation, this.#protocol.vocabulary?.guarded) !== '';
  }

  #isHarmless({ accesses, unresolved }: OperationFacts): boolean {
    return unresolved === '' && accesses.every(({ verb }) => this.#harmless.has(verb));
  }
}

const CLOSE_REASON = 'rbac_deny_close';
const NOT_YET = (): null => null;
const ALLOWED: RbacResult = { allowed: Tri.yes, policy: '', logHint: null };
const UNRESOLVED: RbacResult = { allowed: Tri.no, policy: 'sluice.unresolved', logHint: null };

/** What clients, events and logs are told where no policy matched. */
const nameOf = (policy: string): string => (policy === '' ? 'sluice.not_allowed' : policy);

const denialOf = (policy: string): Denial => ({
  policy: nameOf(policy),
  message:
    policy === UNRESOLVED.policy ? 'denied by policy: what this operation does cannot be known' : 'denied by policy',
  kind: 'policy',
  closes: true,
});
