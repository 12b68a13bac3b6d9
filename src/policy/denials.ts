import { type Access, type OperationFacts, shownName } from '../exchange/operation-facts.ts';
import type { Denial } from '../exchange/protocol-filter.ts';
import type { LimitConfig, LimitKey, PolicyConfig } from './policy-config.ts';
import type { Touched } from './scope.ts';

/** Names of denials that no policy of the file stands for. */
export const NOT_ALLOWED = 'sluice.not_allowed';
export const UNRESOLVED = 'sluice.unresolved';

/** What a policy wants said is about its targets: not of what may only be one of them. */
export const denied = (policy: PolicyConfig, touched: Touched, op: OperationFacts): Denial => ({
  policy: policy.name,
  message: touched === 'unresolved' ? unknowable(op) : policy.message || 'this operation is denied by policy',
  kind: 'policy',
  closes: false,
  access: typeof touched === 'string' ? null : touched,
});

export const notAllowed = (access: Access): Denial => ({
  policy: NOT_ALLOWED,
  message: `no policy allows ${shown(access)}`,
  kind: 'policy',
  closes: false,
  access,
});

export const unresolved = (op: OperationFacts): Denial => ({
  policy: UNRESOLVED,
  message: unknowable(op),
  kind: 'policy',
  closes: false,
  access: null,
});

const unknowable = (op: OperationFacts): string =>
  `denied by policy: what this operation does cannot be known (${printable(op.unresolved)})`;

/** Of a limit that is reached. */
export const limited = ({ name, message }: PolicyConfig, text: string): Denial => ({
  policy: name,
  message: message || text,
  kind: 'limit',
  closes: false,
  access: null,
});

export const tooFast = ({ rate, per }: LimitConfig): string =>
  `too many operations: at most ${rate!.count} in ${duration(rate!.perMs)}${forEach(per)}`;

export const tooManyAtOnce = ({ concurrent, per }: LimitConfig): string =>
  `too many operations at once: at most ${concurrent}${forEach(per)}`;

export const tooLarge = (what: 'rows' | 'bytes', most: number): string =>
  what === 'rows' ? `the result has more than ${most} rows` : `the reply has more than ${most} bytes`;

export const tooIdle = (ms: number): string => `the transaction was idle for more than ${duration(ms)}`;

const EACH: Readonly<Record<LimitKey, string>> = {
  user: ' for each user',
  application: ' for each application',
  digest: ' for each digest',
  database: ' for each database',
  client: ' for each client address',
  connection: ' for each connection',
  all: '',
};
const forEach = (key: LimitKey): string => EACH[key];

const duration = (ms: number): string => (ms % 1000 === 0 ? `${ms / 1000} s` : `${ms} ms`);

/** `delete on shop.orders`: a name of the client's, on one line and short. */
function shown({ verb, type, schema, name, open }: Access): string {
  if (type === '') return verb;
  const resource =
    name === ''
      ? schema === ''
        ? `every ${type}`
        : `all of ${shownName(schema)}`
      : shownName(name) + (open ? '*' : '');
  return printable(`${verb} on ${schema !== '' && name !== '' ? `${shownName(schema)}.` : ''}${resource}`);
}

const MAX_SHOWN = 160;

const printable = (text: string): string => {
  const plain = text.replace(/[^\P{C}]/gu, '?');
  return plain.length > MAX_SHOWN ? `${plain.slice(0, MAX_SHOWN - 1)}…` : plain;
};
