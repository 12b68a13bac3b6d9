import { client, cstr, frame, i16, i32 } from '../../../protocol-filters/postgres/testing/builders.ts';
import { Frontend as F } from '../../../protocol-filters/postgres/wire.ts';
import { policySet } from '../../../src/policy/policy.fixture.ts';
import type { PolicySetConfig } from '../../../src/policy/policy-config.ts';
import type { BypassCase, BypassRow } from './row.ts';

export { client, cstr, frame, i16, i32 };

/** What a case's bytes are and what must come of them. The table `pay` (in any schema) may not be touched. */
export interface PgCase extends BypassCase {
  /** Default: the user postgres in the database postgres. Null: `sends` begins with the first byte of the connection. */
  readonly startup?: Buffer | null;
  /** Each is sent once all answers to the one before have come. */
  readonly sends: readonly Buffer[];
  /** SQLSTATEs of the errors that the client reads, in order. */
  readonly codes: readonly string[];
  /** Status of each ReadyForQuery behind the login. Where the connection closes, none is expected behind that. */
  readonly ready?: string;
  /** The connection closes: what the session says (the harness), where it is told. */
  readonly closes?: boolean;
  /** Values that the table `log` holds in the end, `1 2`. */
  readonly log?: string;
  /** Bytes that may not leave. */
  readonly never?: readonly (string | Buffer)[];
  /** How many exchanges say `denied`; default: as many as there are codes of ours, and no fewer. */
  readonly denied?: number;
  /** Why a real server cannot show it. */
  readonly notReal?: string;
  /** Why the scripted server cannot. */
  readonly notFake?: string;
  /** ReadyForQuery messages to wait for in all, where the sends do not tell; the login's is one of them. */
  readonly answers?: number;
  /** The client half-closes behind its last send. */
  readonly fin?: boolean;
  /** In the place of `sends`, for the harness alone: who speaks, and what, behind the login. */
  readonly lines?: readonly (readonly ['>' | '<', Buffer])[];
  /** Only the first piece of each cut is said: then this side is gone, as this. */
  readonly breaks?: readonly ['client' | 'server', 'reset' | 'error'];
  /** What it tells is compared: cut by cut, and play by play before a server. */
  readonly retells?: boolean;
  /** Everything that the client reads, in a play of lines. */
  readonly hears?: Buffer;
  /** Only servers of this major version and newer have it. */
  readonly since?: number;
}

export type PgRow = BypassRow<PgCase>;

export const MESSAGE = 'hands off pay';
/** Nobody touches `pay`; all else is as it would be without policies. */
export const handsOff: PolicySetConfig = policySet([
  { name: 'hands_off', action: 'deny', targets: ['pay'], message: MESSAGE },
]);

const DENIED = '42501';

/** A case under `handsOff` in which the client reads one refusal and nothing is left behind. */
export const denies = (name: string, sends: Buffer | readonly Buffer[], more: Partial<PgCase> = {}): PgCase => ({
  name,
  policies: handsOff,
  sends: Buffer.isBuffer(sends) ? [sends] : sends,
  codes: [DENIED],
  ready: 'I',
  ...more,
});

/** A case in which the connection closes. */
export const closes = (name: string, sends: Buffer | readonly Buffer[], more: Partial<PgCase> = {}): PgCase => ({
  name,
  policies: handsOff,
  sends: Buffer.isBuffer(sends) ? [sends] : sends,
  codes: ['08P01'],
  ready: '',
  closes: true,
  denied: 0,
  ...more,
});

/** A case of which the scripted server is part: it is told what to say. */
export const scripted = (name: string, lines: NonNullable<PgCase['lines']>, more: Partial<PgCase> = {}): PgCase => ({
  name,
  policies: handsOff,
  sends: [],
  lines,
  codes: [],
  notReal: 'the server says what no server says',
  ...more,
});

/** The same statement as a simple query and through the extended protocol. */
export const bothWays = (name: string, text: string, more: Partial<PgCase> = {}): PgCase[] => [
  denies(`${name}, simple`, client.query(text), more),
  denies(`${name}, extended`, batch(client.extended(text), client.sync()), more),
];

export const batch = (...parts: Uint8Array[]): Buffer => Buffer.concat(parts);
export const query = (text: string | Buffer): Buffer =>
  typeof text === 'string' ? frame(F.query, Buffer.from(text), Buffer.of(0)) : frame(F.query, text, Buffer.of(0));
export const parse = (text: string, name = ''): Buffer =>
  frame(F.parse, cstr(name), Buffer.from(text), Buffer.of(0), i16(0));
/** Bind without parameters. */
export const bind = (statement = '', portal = ''): Buffer =>
  frame(F.bind, cstr(portal), cstr(statement), i16(0), i16(0), i16(0));
export const { execute, sync, flush, describe, close } = client;
/** Parse, Bind, Execute, Sync. */
export const extended = (text: string): Buffer => batch(parse(text), bind(), execute(), sync());
export const startup = (parameters: Record<string, string> = {}, version = 0x30000): Buffer =>
  client.startup({ user: 'postgres', database: 'postgres', ...parameters }, version);

/** A message whose length is said to be another than it is. */
export function mislaid(bytes: Buffer, length: number): Buffer {
  const out = Buffer.from(bytes);
  out.writeUInt32BE(length >>> 0, 1);
  return out;
}
