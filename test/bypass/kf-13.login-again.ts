import {
  type Answer,
  denied,
  denying,
  type KafkaRow,
  passes,
  produceTo,
  type Said,
  TOPIC_DENIED,
} from './support/kafka.ts';

const NO_SASL = 'the strict broker of these tests wants no login';
const ADA_ONLY = denying({ name: 'ada', action: 'allow', users: ['ada'], operations: ['write'], targets: ['orders*'] });
const handshake = (mechanism = 'PLAIN'): Said => passes('SaslHandshake', 1, { mechanism });
const auth = (text: string, codes: Said['codes'] = []): Said =>
  passes('SaslAuthenticate', 1, { authBytes: Buffer.from(text, 'latin1') }, { codes });
const orders = passes('Produce', 9, produceTo(['orders']));
const silent = (api: string, _: number, count: number): Answer | undefined =>
  api === 'SaslAuthenticate' && count === 2 ? null : undefined;

export const row: KafkaRow = {
  id: 'KF-13',
  title: 'login again',
  rules: ['R8'],
  cases: [
    {
      name: 'the same user goes on',
      policies: ADA_ONLY,
      notReal: NO_SASL,
      rounds: () => [
        [handshake(), auth('\0ada\0x'), orders],
        [handshake(), auth('\0ada\0y'), orders],
      ],
    },
    {
      name: 'another user: the connection ends',
      policies: ADA_ONLY,
      notReal: NO_SASL,
      closes: /out_of_order/,
      denied: 1,
      rounds: () => [
        [handshake(), auth('\0bob\0x'), denied('Produce', 9, produceTo(['orders']), TOPIC_DENIED)],
        [handshake(), { ...auth('\0ada\0y'), codes: [] }],
      ],
    },
    {
      name: 'a bearer of nobody knows what: the connection ends',
      policies: ADA_ONLY,
      notReal: NO_SASL,
      closes: /out_of_order/,
      rounds: () => [
        [handshake(), auth('\0ada\0x'), orders],
        [handshake('OAUTHBEARER'), auth('n,,\x01auth=Bearer x\x01\x01')],
      ],
    },
    {
      name: 'nothing is read while the broker has not answered',
      policies: ADA_ONLY,
      notReal: NO_SASL,
      answers: silent,
      rounds: () => [
        [handshake(), auth('\0ada\0x'), orders],
        [handshake(), auth('\0ada\0y', null), { ...orders, leaves: 'nothing', codes: null }],
      ],
      denied: 0,
    },
    {
      name: 'who is refused the second time stays who it was',
      policies: ADA_ONLY,
      notReal: NO_SASL,
      answers: (api, _, count) =>
        api === 'SaslAuthenticate' && count === 2
          ? { errorCode: 58, errorMessage: '', authBytes: Buffer.alloc(0) }
          : undefined,
      rounds: () => [
        [handshake(), auth('\0ada\0x'), orders],
        [handshake(), auth('\0bob\0y', [58]), orders],
      ],
    },
  ],
};
