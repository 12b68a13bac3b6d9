import * as z from 'zod';
import type {
  Denial,
  ProtocolFilter,
  Refusal,
  Session,
  SessionHost,
  Turn,
} from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';

type How = Parameters<Session['onEnd']>[1];

/** What a test makes its session do. Bytes come as text; what is not given reads everything and clears it in the gate. */
export interface Script {
  open?(session: ScriptedSession): void;
  /** Returns the offset read up to; nothing: everything. */
  downstream?(session: ScriptedSession, text: string, at: number): number | undefined;
  upstream?(session: ScriptedSession, text: string, at: number): number | undefined;
  end?(session: ScriptedSession, side: Side, how: How): void;
  refuse?(session: ScriptedSession, turn: Turn, why: Denial): Refusal;
  quiet?(session: ScriptedSession): boolean;
  farewell?(): Uint8Array | null;
}

/** A session that does what a test tells it, and remembers in order what it was told. */
export class ScriptedSession implements Session {
  readonly host: SessionHost;
  readonly log: string[] = [];
  closesWhenOpaque = false;
  readonly #script: Script;
  #inside = false;

  constructor(host: SessionHost, script: Script) {
    this.host = host;
    this.#script = script;
    script.open?.(this);
  }

  onDownstream(buf: Buffer, start: number, end: number, at: number): number {
    return this.#read(Side.downstream, buf.toString('latin1', start, end), at);
  }

  onUpstream(buf: Buffer, start: number, end: number, at: number): number {
    return this.#read(Side.upstream, buf.toString('latin1', start, end), at);
  }

  onEnd(side: Side, how: How): void {
    this.#alone(() => {
      this.log.push(`${arrow(side)} end ${how}`);
      this.#script.end?.(this, side, how);
    });
  }

  refuse(turn: Turn, why: Denial): Refusal {
    return this.#script.refuse?.(this, turn, why) ?? { kind: 'close', last: null };
  }

  get quiet(): boolean {
    return this.#script.quiet?.(this) ?? true;
  }

  farewell(): Uint8Array | null {
    return this.#script.farewell?.() ?? null;
  }

  #read(side: Side, text: string, at: number): number {
    return this.#alone(() => {
      this.log.push(`${arrow(side)} ${at} ${text}`);
      const call = side === Side.downstream ? this.#script.downstream : this.#script.upstream;
      const upTo = at + text.length;
      if (call === undefined) {
        this.host.clear(side, upTo);
        return upTo;
      }
      return call(this, text, at) ?? upTo;
    });
  }

  /** A host never enters a session twice. */
  #alone<T>(call: () => T): T {
    if (this.#inside) throw new Error('the session is entered twice');
    this.#inside = true;
    try {
      return call();
    } finally {
      this.#inside = false;
    }
  }
}

const arrow = (side: Side) => (side === Side.downstream ? '>' : '<');

export const SCRIPTED_TYPE_URL = 'type.googleapis.com/test.Scripted';

/** A protocol filter of scripted sessions; `sessions` gets each in the order of their coming. */
export function scriptedProtocol(
  script: Script,
  sessions: ScriptedSession[],
  speaksFirst: 'client' | 'server' = 'client',
): ProtocolFilter {
  return {
    name: 'scripted',
    typeUrl: SCRIPTED_TYPE_URL,
    filterName: 'test.scripted',
    speaksFirst,
    defaultPort: 1,
    gates: true,
    vocabulary: null,
    config: z.unknown(),
    options: z.unknown(),
    bind: () => ({
      open: (host) => {
        const session = new ScriptedSession(host, script);
        sessions.push(session);
        return session;
      },
    }),
    metadata: () => ({}),
  };
}
