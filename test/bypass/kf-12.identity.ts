import {
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

const NO_SASL = 'the strict broker of these tests wants no login; kafka-gate-logins.test.ts logs in at one that does';
const ADA_ONLY = denying({
  name: 'ada',
  action: 'allow',
  users: ['ada'],
  operations: ['read', 'write', 'describe'],
  targets: ['orders*'],
});

const handshake = (mechanism: string): Said => passes('SaslHandshake', 1, { mechanism });
const auth = (text: string): Said => passes('SaslAuthenticate', 1, { authBytes: Buffer.from(text, 'latin1') });
const refused: Answer = { errorCode: 58, errorMessage: 'no', authBytes: Buffer.alloc(0) };
const orders = (how: 'passes' | 'denied'): Said =>
  how === 'passes'
    ? passes('Produce', 9, produceTo(['orders']))
    : denied('Produce', 9, produceTo(['orders']), TOPIC_DENIED);

const login = (name: string, said: readonly Said[], more: Partial<KafkaCase> = {}): KafkaCase => ({
  name,
  policies: ADA_ONLY,
  notReal: NO_SASL,
  rounds: () => [said],
  ...more,
});
const refusing = (api: string): Answer | undefined => (api === 'SaslAuthenticate' ? refused : undefined);
const SCRAM_OK = (api: string, _: number, count: number): Answer | undefined =>
  api === 'SaslAuthenticate'
    ? { errorCode: 0, authBytes: Buffer.from(count === 1 ? 'r=abcd,s=c2FsdA==,i=4096' : 'v=c2ln') }
    : undefined;

export const row: KafkaRow = {
  id: 'KF-12',
  title: 'identity',
  rules: ['R8', 'R11'],
  cases: [
    login('nobody is ada before the broker has said so', [
      orders('denied'),
      handshake('PLAIN'),
      auth('\0ada\0x'),
      orders('passes'),
    ]),
    login(
      'a refused password makes nobody ada',
      [handshake('PLAIN'), { ...auth('\0ada\0x'), codes: [58] }, orders('denied')],
      { answers: refusing },
    ),
    login('the name is compared as it is', [handshake('PLAIN'), auth('\0Ada\0x'), orders('denied')]),
    login('a name with a byte more', [handshake('PLAIN'), auth('\0ada \0x'), orders('denied')]),
    login('what stands behind the name is the password', [handshake('PLAIN'), auth('\0bob\0ada'), orders('denied')]),
    {
      ...login('one user as another', []),
      closes: /^denied:sluice\.unreadable/,
      rounds: () => [
        [handshake('PLAIN')],
        [ends(frameOf('SaslAuthenticate', 1, { authBytes: Buffer.from('ada\0bob\0x') }))],
      ],
    },
    {
      ...login('one user as another, in SCRAM', []),
      closes: /^denied:sluice\.unreadable/,
      rounds: () => [
        [handshake('SCRAM-SHA-256')],
        [ends(frameOf('SaslAuthenticate', 1, { authBytes: Buffer.from('n,a=ada,n=bob,r=abc') }))],
      ],
    },
    login('the same name twice is one user', [handshake('PLAIN'), auth('ada\0ada\0x'), orders('passes')]),
    login(
      'SCRAM, when the server has proved itself',
      [handshake('SCRAM-SHA-256'), auth('n,,n=ada,r=abc'), auth('c=biws,r=abcd,p=cA=='), orders('passes')],
      { answers: SCRAM_OK },
    ),
    login(
      'a delegation token is not the user whose name its id is',
      [
        handshake('SCRAM-SHA-256'),
        auth('n,,n=ada,r=abc,tokenauth=true'),
        auth('c=biws,r=abcd,p=cA=='),
        orders('denied'),
      ],
      { answers: SCRAM_OK },
    ),
    login('claims of a bearer token are only claims', [
      handshake('OAUTHBEARER'),
      auth('n,a=ada,\x01auth=Bearer eyJzdWIiOiJhZGEifQ\x01\x01'),
      orders('denied'),
    ]),
  ],
};
