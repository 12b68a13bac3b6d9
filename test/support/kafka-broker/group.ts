import { randomUUID } from 'node:crypto';

export interface JoinRequest {
  readonly groupId: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly protocolType: string;
  readonly protocols: readonly { readonly name: string; readonly metadata: Buffer }[];
}

export interface Member {
  id: string;
  readonly instanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  sessionTimeoutMs: number;
  rebalanceTimeoutMs: number;
  protocols: JoinRequest['protocols'];
  assignment: Buffer;
  /** Answers the JoinGroup that waits. */
  joined: ((error: string) => void) | null;
  /** Answers the SyncGroup that waits. */
  synced: ((error: string) => void) | null;
  timer: NodeJS.Timeout | undefined;
}

export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable';

export interface Committed {
  readonly offset: bigint;
  readonly leaderEpoch: number;
  readonly metadata: string | null;
}

const NOTHING = Buffer.alloc(0);
const sameProtocols = (a: JoinRequest['protocols'], b: JoinRequest['protocols']): boolean =>
  a.length === b.length && a.every(({ name, metadata }, i) => name === b[i]!.name && metadata.equals(b[i]!.metadata));

/** A group of the classic protocol, as its coordinator sees it. */
export class Group {
  readonly id: string;
  state: GroupState = 'Empty';
  generation = 0;
  /** Rebalances that came to their end. */
  rebalances = 0;
  protocolType = '';
  protocolName = '';
  leader = '';
  readonly members = new Map<string, Member>();
  /** Ids that were given out and not yet joined with (KIP-394). */
  readonly pending = new Set<string>();
  /** By `topic-0`. */
  readonly offsets = new Map<string, Committed>();
  readonly #initialDelayMs: number;
  #rebalance: NodeJS.Timeout | undefined;
  /** A group that begins waits for more members to come, though all that it has are there. */
  #beginning = false;

  constructor(id: string, initialDelayMs: number) {
    this.id = id;
    this.#initialDelayMs = initialDelayMs;
  }

  /** '' or the error; the promise is there while others are waited for. */
  join(request: JoinRequest, client: { id: string; host: string; needsId: boolean }): string | Promise<string> {
    const { memberId, groupInstanceId, protocolType, protocols } = request;
    if (this.members.size > 0 && !this.#fits(protocolType, protocols)) return 'INCONSISTENT_GROUP_PROTOCOL';
    if (protocols.length === 0 || protocolType === '') return 'INCONSISTENT_GROUP_PROTOCOL';
    const known = groupInstanceId === null ? this.members.get(memberId) : this.#static(groupInstanceId);
    if (known === undefined) {
      if (memberId !== '' && !this.pending.has(memberId)) return 'UNKNOWN_MEMBER_ID';
      if (memberId === '' && groupInstanceId === null && client.needsId) return 'MEMBER_ID_REQUIRED';
      return this.#add(request, client);
    }
    if (groupInstanceId !== null && memberId !== '' && memberId !== known.id) return 'FENCED_INSTANCE_ID';
    return this.#rejoin(known, request, client.id);
  }

  newId(clientId: string): string {
    return `${clientId}-${randomUUID()}`;
  }

  #static(instanceId: string): Member | undefined {
    for (const member of this.members.values()) if (member.instanceId === instanceId) return member;
    return undefined;
  }

  #fits(protocolType: string, protocols: JoinRequest['protocols']): boolean {
    const all = [...this.members.values()];
    return (
      protocolType === this.protocolType &&
      protocols.some(({ name }) => all.every((member) => member.protocols.some((other) => other.name === name)))
    );
  }

  #add(request: JoinRequest, client: { id: string; host: string }): Promise<string> {
    const id = request.memberId === '' ? this.newId(client.id) : request.memberId;
    this.pending.delete(id);
    const member: Member = {
      id,
      instanceId: request.groupInstanceId,
      clientId: client.id,
      clientHost: client.host,
      sessionTimeoutMs: request.sessionTimeoutMs,
      rebalanceTimeoutMs: request.rebalanceTimeoutMs < 0 ? request.sessionTimeoutMs : request.rebalanceTimeoutMs,
      protocols: request.protocols,
      assignment: NOTHING,
      joined: null,
      synced: null,
      timer: undefined,
    };
    this.members.set(id, member);
    if (this.leader === '') this.leader = id;
    this.protocolType = request.protocolType;
    return this.#wait(member);
  }

  #rejoin(member: Member, request: JoinRequest, clientId: string): string | Promise<string> {
    const same = sameProtocols(member.protocols, request.protocols);
    member.protocols = request.protocols;
    if (request.memberId === '') this.#rename(member, clientId);
    else if (same && this.state === 'CompletingRebalance') return '';
    else if (same && this.state === 'Stable' && member.id !== this.leader) return '';
    if (request.memberId === '' && same && this.state === 'Stable') return '';
    return this.#wait(member);
  }

  /** A static member has come back: it is the same one with a new id. */
  #rename(member: Member, clientId: string): void {
    this.members.delete(member.id);
    member.joined?.('FENCED_INSTANCE_ID');
    member.synced?.('FENCED_INSTANCE_ID');
    const id = this.newId(clientId);
    if (this.leader === member.id) this.leader = id;
    member.id = id;
    this.members.set(id, member);
  }

  #wait(member: Member): Promise<string> {
    return new Promise((resolve) => {
      member.joined?.('REBALANCE_IN_PROGRESS');
      clearTimeout(member.timer);
      member.joined = (error) => {
        member.joined = null;
        this.touch(member);
        resolve(error);
      };
      if (this.state === 'PreparingRebalance') this.#maybeComplete();
      else this.#prepare();
    });
  }

  #prepare(): void {
    const begins = this.state === 'Empty';
    this.state = 'PreparingRebalance';
    for (const member of this.members.values()) member.synced?.('REBALANCE_IN_PROGRESS');
    clearTimeout(this.#rebalance);
    if (begins && this.#initialDelayMs > 0) {
      this.#beginning = true;
      this.#rebalance = setTimeout(() => this.#complete(), this.#initialDelayMs);
      return;
    }
    const longest = Math.max(...[...this.members.values()].map(({ rebalanceTimeoutMs }) => rebalanceTimeoutMs));
    this.#rebalance = setTimeout(() => this.#complete(), longest);
    this.#maybeComplete();
  }

  #maybeComplete(): void {
    if (this.#beginning) return;
    if ([...this.members.values()].every(({ joined }) => joined !== null)) this.#complete();
  }

  /** Who has not joined by now is out. */
  #complete(): void {
    clearTimeout(this.#rebalance);
    this.#beginning = false;
    for (const member of [...this.members.values()]) if (member.joined === null) this.#forget(member);
    this.generation++;
    this.rebalances++;
    if (this.members.size === 0) {
      this.state = 'Empty';
      return;
    }
    this.state = 'CompletingRebalance';
    const [first] = this.members.values();
    if (!this.members.has(this.leader)) this.leader = first!.id;
    const all = [...this.members.values()];
    const shared = first!.protocols.find(({ name }) =>
      all.every(({ protocols }) => protocols.some((other) => other.name === name)),
    );
    this.protocolName = shared?.name ?? '';
    for (const member of all) {
      member.assignment = NOTHING;
      member.joined?.('');
    }
  }

  sync(member: Member, assignments: readonly { memberId: string; assignment: Buffer }[]): string | Promise<string> {
    if (this.state === 'PreparingRebalance') return 'REBALANCE_IN_PROGRESS';
    if (this.state === 'Stable') return '';
    if (member.id === this.leader) {
      for (const { memberId, assignment } of assignments) {
        const other = this.members.get(memberId);
        if (other !== undefined) other.assignment = Buffer.from(assignment);
      }
      this.state = 'Stable';
      for (const other of this.members.values()) other.synced?.('');
      return '';
    }
    return new Promise((resolve) => {
      member.synced = (error) => {
        member.synced = null;
        resolve(error);
      };
    });
  }

  /** '' or why this is no member of the current generation. */
  check(memberId: string, instanceId: string | null, generation: number | null): string {
    if (instanceId !== null) {
      const member = this.#static(instanceId);
      if (member === undefined) return 'UNKNOWN_MEMBER_ID';
      if (member.id !== memberId) return 'FENCED_INSTANCE_ID';
    }
    if (!this.members.has(memberId)) return 'UNKNOWN_MEMBER_ID';
    return generation === null || generation === this.generation ? '' : 'ILLEGAL_GENERATION';
  }

  /** It lives: its session begins anew. */
  touch(member: Member): void {
    clearTimeout(member.timer);
    if (member.joined === null) member.timer = setTimeout(() => this.remove(member), member.sessionTimeoutMs);
  }

  leave(memberId: string, instanceId: string | null): string {
    if (this.pending.delete(memberId)) return '';
    const member = instanceId === null ? this.members.get(memberId) : this.#static(instanceId);
    if (member === undefined) return 'UNKNOWN_MEMBER_ID';
    if (memberId !== '' && member.id !== memberId) return 'FENCED_INSTANCE_ID';
    this.remove(member);
    return '';
  }

  remove(member: Member): void {
    this.#forget(member);
    if (this.members.size === 0 && this.state !== 'PreparingRebalance') {
      this.state = 'Empty';
      this.generation++;
    } else if (this.state === 'PreparingRebalance') this.#maybeComplete();
    else this.#prepare();
  }

  #forget(member: Member): void {
    clearTimeout(member.timer);
    this.members.delete(member.id);
    member.joined?.('UNKNOWN_MEMBER_ID');
    clearTimeout(member.timer);
    member.synced?.('UNKNOWN_MEMBER_ID');
    if (this.leader === member.id) this.leader = [...this.members.keys()][0] ?? '';
  }

  stop(): void {
    clearTimeout(this.#rebalance);
    for (const { timer } of this.members.values()) clearTimeout(timer);
  }
}
