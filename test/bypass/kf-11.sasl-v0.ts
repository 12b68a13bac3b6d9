import { sized } from '../support/kafka-wire.ts';
import {
  ALLOWED,
  type Answer,
  denied,
  denying,
  ends,
  frameOf,
  type KafkaCase,
  type KafkaRow,
  passes,
  produceTo,
  type Said,
  TOPIC_DENIED,
} from './support/kafka.ts';

const NO_SASL = 'the strict broker of these tests wants no login';
const handshake = (mechanism: string): Buffer => frameOf('SaslHandshake', 0, { mechanism });
const token = (text: string): Buffer => sized(Buffer.from(text, 'latin1'));
const EMPTY = Buffer.alloc(4);
/** Tokens are no requests: the broker of the harness answers each with an empty one. */
const bare = (api: string): Answer | undefined => (api.startsWith('Api ') || api === 'Token' ? EMPTY : undefined);
const sends = (bytes: Buffer): Said => ({ bytes, leaves: 'same', codes: null, rawReply: 4 });
const allow = { sasl_v0: 'allow' } as const;

const plain = (rest: readonly Said[], more: Partial<KafkaCase> = {}): KafkaCase => ({
  name: 'what comes behind the token is judged as what it is',
  policies: ALLOWED,
  options: allow,
  notReal: NO_SASL,
  answers: bare,
  rounds: () => [[passes('SaslHandshake', 0, { mechanism: 'PLAIN' }), sends(token('\0ada\0secret')), ...rest]],
  ...more,
});

export const row: KafkaRow = {
  id: 'KF-11',
  title: 'sasl v0',
  rules: ['R5', 'R6', 'R8'],
  cases: [
    {
      name: 'a login whose tokens have no headers is closed',
      policies: ALLOWED,
      closes: /^denied:sluice\.unreadable/,
      rounds: () => [[ends(handshake('PLAIN'))]],
    },
    {
      name: 'with everything behind it',
      policies: ALLOWED,
      closes: /^denied:sluice\.unreadable/,
      rounds: () => [
        [
          ends(
            Buffer.concat([
              handshake('PLAIN'),
              token('\0ada\0secret'),
              frameOf('Produce', 9, produceTo(['forbidden'])),
            ]),
          ),
        ],
      ],
    },
    ...['GSSAPI', 'OAUTHBEARER2', 'made-up'].map((mechanism) => ({
      name: `allowed, but nobody can count the tokens of ${mechanism}`,
      policies: ALLOWED,
      options: allow,
      closes: /^denied:sluice\.unreadable/,
      rounds: () => [[ends(handshake(mechanism))]],
    })),
    plain([denied('Produce', 9, produceTo(['forbidden']), TOPIC_DENIED), passes('Produce', 9, produceTo(['orders']))]),
    plain([denied('Produce', 9, produceTo(['forbidden']), TOPIC_DENIED)], {
      name: 'a policy for the user holds as soon as the broker has let it in',
      policies: denying({ name: 'not_ada', action: 'deny', users: ['ada'], targets: ['forbidden'] }),
    }),
    {
      name: 'a token that reads as a request is a token',
      policies: ALLOWED,
      options: allow,
      notReal: NO_SASL,
      rounds: () => [
        [passes('SaslHandshake', 0, { mechanism: 'PLAIN' })],
        [
          { ...sends(frameOf('Produce', 9, produceTo(['forbidden']))), leaves: 'same' },
          denied('Produce', 9, produceTo(['forbidden']), TOPIC_DENIED),
        ],
      ],
      answers: (api, _, count) => (api === 'Produce' && count === 1 ? EMPTY : undefined),
    },
    {
      name: 'a bare token before any handshake',
      policies: ALLOWED,
      closes: /./,
      denied: 0,
      rounds: () => [[ends(token('`\x06\x09*\x86H\x86\xf7\x12\x01\x02\x02 a ticket of GSSAPI'))]],
    },
  ],
};
