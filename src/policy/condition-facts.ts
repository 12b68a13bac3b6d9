import { Flag } from '../exchange/exchange.ts';
import type { Access, OperationFacts } from '../exchange/operation-facts.ts';
import type { Turn } from '../exchange/protocol-filter.ts';
import type { SessionFacts } from '../exchange/session-facts.ts';
import { hostOf } from './cidr.ts';

/** How long what is known of an operation stays as it is: always, while the session's facts do, or for this message only. */
export const Span = { always: 0, session: 1, turn: 2 } as const;
export type Span = (typeof Span)[keyof typeof Span];

interface Variable {
  readonly type: string;
  readonly span: Span;
  readonly what: string;
}

const TIME = 'google.protobuf.Timestamp';
const LIST = 'list<string>';

/** What `when` may ask for. docs/policy.md tells of the same. */
export const CONDITION_VARIABLES = {
  protocol: { type: 'string', span: Span.always, what: '`postgres`, `redis` …' },
  listener: { type: 'string', span: Span.always, what: "The proxy's name." },
  operation: { type: 'string', span: Span.always, what: '`SELECT`, `find`, `CONFIG SET`, `Produce` …' },
  verbs: { type: LIST, span: Span.always, what: 'Of all that it does.' },
  targets: {
    type: LIST,
    span: Span.always,
    what: '`schema.name`, or `name` where no schema is known; `name*` where all are meant that begin so; one for each verb.',
  },
  types: { type: LIST, span: Span.always, what: '`table`, `function`, `key`, `topic` …, one for each verb.' },
  stages: { type: LIST, span: Span.always, what: 'MongoDB: aggregation stages at any depth.' },
  categories: { type: LIST, span: Span.always, what: 'Redis: ACL categories without the @.' },
  unresolved: { type: 'bool', span: Span.always, what: 'It may do more than the other variables say.' },
  has_where: { type: 'bool', span: Span.always, what: 'False for an UPDATE or DELETE of all rows.' },
  limit: { type: 'int', span: Span.always, what: 'Rows or documents asked for at most; -1 = all, or not known.' },
  user: { type: 'string', span: Span.session, what: 'As the server has accepted it.' },
  database: { type: 'string', span: Span.session, what: 'As the server has accepted it.' },
  application: { type: 'string', span: Span.session, what: 'As the client calls itself.' },
  driver: { type: 'string', span: Span.session, what: "The client's library." },
  client: { type: 'string', span: Span.session, what: "The client's IP address, without the port." },
  transaction_state: { type: 'string', span: Span.turn, what: '`idle`, `in_transaction`, `failed`, or empty.' },
  prepared: { type: 'bool', span: Span.turn, what: 'It runs a prepared statement.' },
  digest: { type: 'string', span: Span.turn, what: 'Its digest: 16 hex characters.' },
  message_bytes: { type: 'int', span: Span.turn, what: 'Of the message, as far as it has come.' },
  now: { type: TIME, span: Span.turn, what: 'The time: `now.getHours("Europe/Berlin")`.' },
  hour: { type: 'int', span: Span.turn, what: 'Of the day in UTC, 0 to 23.' },
  weekday: { type: 'int', span: Span.turn, what: 'In UTC; 0 = Sunday.' },
} as const satisfies Record<string, Variable>;

type Name = keyof typeof CONDITION_VARIABLES;

export function spanOf(names: Iterable<string>): Span {
  let span: Span = Span.always;
  for (const name of names) {
    const known = Object.hasOwn(CONDITION_VARIABLES, name) ? CONDITION_VARIABLES[name as Name].span : Span.always;
    if (known > span) span = known;
  }
  return span;
}

/** More in a list, or longer, and the expression cannot be evaluated: its time must not be the client's to choose. */
const MAX_LIST = 256;
const MAX_NAME = 1024;

/** The variables of one operation, made as they are asked for. One object a judge: valid until the next about(). */
export class ConditionFacts implements Record<Name, unknown> {
  readonly protocol: string;
  readonly listener: string;
  readonly #wall: () => number;
  #op: OperationFacts = NOTHING;
  #turn: Turn | null = null;
  #place = 0;
  #session: SessionFacts | null = null;

  constructor(protocol: string, listener: string, wall: () => number) {
    this.protocol = protocol;
    this.listener = listener;
    this.#wall = wall;
  }

  /** `place` of the operation in its turn. */
  about(op: OperationFacts, turn: Turn, place: number, session: SessionFacts): void {
    this.#op = op;
    this.#turn = turn;
    this.#place = place;
    this.#session = session;
  }

  get operation(): string {
    return textOf(this.#op.operation);
  }
  get verbs(): string[] {
    return this.#each(({ verb }) => verb);
  }
  get targets(): string[] {
    return this.#each(({ schema, name, open }) => {
      const shown = open ? `${textOf(name)}*` : textOf(name);
      return schema === '' ? shown : `${textOf(schema)}.${shown}`;
    });
  }
  get types(): string[] {
    return this.#each(({ type }) => type);
  }
  get stages(): readonly string[] {
    return bounded(this.#op.stages);
  }
  get categories(): readonly string[] {
    return bounded(this.#op.categories);
  }
  get unresolved(): boolean {
    return this.#op.unresolved !== '';
  }
  get has_where(): boolean {
    return this.#op.hasWhere;
  }
  get limit(): bigint {
    return BigInt(this.#op.limit);
  }
  get user(): string {
    return given(this.#session!.user);
  }
  get database(): string {
    return given(this.#session!.database);
  }
  get application(): string {
    return given(this.#session!.application);
  }
  get driver(): string {
    return given(this.#session!.driver);
  }
  get client(): string {
    return hostOf(this.#session!.clientAddress).replace(/^::ffff:(?=\d+\.)/i, '');
  }
  get transaction_state(): string {
    return this.#session!.transactionState;
  }
  get prepared(): boolean {
    return (this.#x.flags & Flag.prepared) !== 0;
  }
  get digest(): string {
    return this.#x.digest?.id ?? '';
  }
  get message_bytes(): bigint {
    return BigInt(this.#turn!.to - this.#turn!.from);
  }
  get now(): Date {
    return new Date(this.#wall());
  }
  get hour(): bigint {
    return BigInt(this.now.getUTCHours());
  }
  get weekday(): bigint {
    return BigInt(this.now.getUTCDay());
  }

  get #x() {
    const { ops } = this.#turn!;
    return ops[Math.min(this.#place, ops.length - 1)]!;
  }

  #each(tell: (access: Access) => string): string[] {
    return bounded(this.#op.accesses).map(tell);
  }
}

function bounded<T>(list: readonly T[]): readonly T[] {
  if (list.length > MAX_LIST) throw new Error('too many to be looked at');
  return list;
}

function given(text: string): string {
  if (text.length > MAX_NAME) throw new Error('too long to be looked at');
  return text;
}

/** A binary name as text; one that is no UTF-8 has none, and must not be taken for another (threats R11). */
function textOf(name: string): string {
  given(name);
  return /^[\0-\x7f]*$/.test(name) ? name : UTF8.decode(Buffer.from(name, 'latin1'));
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });
const NOTHING: OperationFacts = {
  operation: '',
  accesses: [],
  unresolved: '',
  hasWhere: false,
  limit: -1,
  stages: [],
  categories: [],
};
