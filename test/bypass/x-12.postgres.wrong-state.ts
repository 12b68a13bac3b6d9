import { server } from '../../protocol-filters/postgres/testing/builders.ts';
import { Frontend as F } from '../../protocol-filters/postgres/wire.ts';
import {
  bind,
  client,
  close,
  describe,
  execute,
  flush,
  frame,
  type PgCase,
  type PgRow,
  parse,
  query,
  scripted,
  startup,
  sync,
} from './support/postgres.ts';

const TEXT = 'select 1 -- pay';
const MESSAGES: Readonly<Record<string, Buffer>> = {
  Query: query(TEXT),
  Parse: parse(TEXT),
  Bind: bind('pay'),
  Execute: execute('pay'),
  Describe: describe('pay', 'S'),
  Close: close('pay'),
  Sync: sync(),
  Flush: flush(),
  FunctionCall: frame(F.functionCall, Buffer.alloc(10, 0)),
  CopyData: client.copyData('pay'),
  CopyDone: client.copyDone(),
  CopyFail: client.copyFail('pay'),
  Password: client.password('pay'),
};
const PASSWORD: NonNullable<PgCase['lines']> = [
  ['>', startup()],
  ['<', server.authentication(3)],
];
const COPY: NonNullable<PgCase['lines']> = [
  ['>', query('copy log from stdin')],
  ['<', server.copyIn()],
];
const IN_COPY = new Set(['Sync', 'Flush', 'CopyData', 'CopyDone', 'CopyFail']);
const UNKNOWN = [
  'A',
  'G',
  'I',
  'K',
  'N',
  'R',
  'T',
  'V',
  'W',
  'Z',
  '1',
  '2',
  '3',
  'n',
  's',
  't',
  'v',
  'q',
  '\0',
  '\xff',
];

/** Every message in every state: what is legal there, what is held, and what ends the connection. */
export const row: PgRow = {
  id: 'X-12',
  title: 'messages in a state that has none of them',
  rules: ['R4', 'R8'],
  cases: [
    ...Object.entries(MESSAGES).map(([name, bytes]) =>
      scripted(`${name} where a password is asked for`, [...PASSWORD, ['>', bytes]], {
        startup: null,
        closes: name !== 'Password',
        never: name === 'Password' ? [] : ['pay'],
      }),
    ),
    ...Object.entries(MESSAGES).map(([name, bytes]) =>
      scripted(
        `${name} before the server has said anything`,
        [
          ['>', startup()],
          ['>', bytes],
        ],
        { startup: null },
      ),
    ),
    ...Object.entries(MESSAGES).map(([name, bytes]) =>
      scripted(`${name} within COPY`, [...COPY, ['>', bytes]], {
        closes: !IN_COPY.has(name),
        never: IN_COPY.has(name) ? [] : ['pay'],
      }),
    ),
    ...UNKNOWN.map((type) =>
      scripted(
        `the message ${JSON.stringify(type)}`,
        [['>', Buffer.concat([Buffer.from(type, 'latin1'), Buffer.from('\0\0\0\x08pay\0')])]],
        { closes: true },
      ),
    ),
  ],
};
