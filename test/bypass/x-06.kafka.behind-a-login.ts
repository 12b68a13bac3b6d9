import {
  ALLOWED,
  type Answer,
  denied,
  denying,
  type KafkaCase,
  type KafkaRow,
  passes,
  produceTo,
  type Said,
  TOPIC_DENIED,
} from './support/kafka.ts';

const NO_SASL = 'the strict broker of these tests wants no login';
const NOT_BOB = denying(
  { name: 'not_bob', action: 'deny', users: ['bob'], targets: ['orders'] },
  { name: 'rest', action: 'allow' },
);
const handshake = (codes: Said['codes'] = []): Said => passes('SaslHandshake', 1, { mechanism: 'PLAIN' }, { codes });
const auth = (user: string, codes: Said['codes'] = []): Said =>
  passes('SaslAuthenticate', 1, { authBytes: Buffer.from(`\0${user}\0x`) }, { codes });
const good = (): Said => passes('Produce', 9, produceTo(['orders']));
const bad = (): Said => denied('Produce', 9, produceTo(['orders']), TOPIC_DENIED);
const held = (): Said => ({ ...good(), leaves: 'nothing', codes: null });
const unanswered =
  (silent: string) =>
  (api: string): Answer | undefined =>
    api === silent ? null : undefined;
const refused = (api: string): Answer | undefined =>
  api === 'SaslAuthenticate' ? { errorCode: 58, errorMessage: '', authBytes: Buffer.alloc(0) } : undefined;

const login = (name: string, said: readonly Said[], more: Partial<KafkaCase> = {}): KafkaCase => ({
  name,
  policies: NOT_BOB,
  notReal: NO_SASL,
  rounds: () => [said],
  ...more,
});

export const row: KafkaRow = {
  id: 'X-06',
  title: 'behind a login',
  rules: ['R1', 'R8'],
  cases: [
    login("it succeeds: what comes behind is the new user's", [good(), handshake(), auth('bob'), bad(), bad()]),
    login("it fails: what comes behind is nobody's", [handshake(), auth('bob', [58]), good()], { answers: refused }),
    login('it is never answered: nothing behind it leaves', [handshake(), auth('bob', null), held(), held()], {
      answers: unanswered('SaslAuthenticate'),
      denied: 0,
    }),
    login('the handshake is never answered', [handshake(null), { ...auth('bob', null), leaves: 'nothing' }, held()], {
      answers: unanswered('SaslHandshake'),
      denied: 0,
    }),
    login('a denied message behind it waits too', [handshake(), auth('ada'), good(), handshake(), auth('ada'), good()]),
    {
      name: 'a denied message, then a login, then another',
      policies: ALLOWED,
      notReal: NO_SASL,
      rounds: () => [
        [
          denied('Produce', 9, produceTo(['forbidden']), TOPIC_DENIED),
          handshake(),
          auth('ada'),
          denied('Produce', 9, produceTo(['forbidden']), TOPIC_DENIED),
          good(),
        ],
      ],
    },
  ],
};
