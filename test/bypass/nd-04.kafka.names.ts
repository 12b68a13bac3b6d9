import {
  ALLOWED,
  allowing,
  denied,
  frameOf,
  GROUP_DENIED,
  type KafkaRow,
  passes,
  produceTo,
  type Said,
  TOPIC_DENIED,
} from './support/kafka.ts';

const beat = (groupId: string) => ({ groupId, generationId: 1, memberId: 'm' });
/** A group whose name is no UTF-8: the byte of `X` becomes another. */
function odd(byte: number, how: 'same' | 'standIn', codes: readonly number[] | null): Said {
  const bytes = frameOf('Heartbeat', 0, beat('grX'));
  bytes[bytes.indexOf('grX') + 2] = byte;
  return { bytes, leaves: how, codes };
}
const notReal = 'the strict broker reads names as UTF-8';

export const row: KafkaRow = {
  id: 'ND-04',
  title: 'names are bytes',
  rules: ['R11'],
  cases: [
    {
      name: 'letters are not folded',
      policies: ALLOWED,
      rounds: () => [
        [
          denied('Produce', 9, produceTo(['Orders']), TOPIC_DENIED),
          denied('Produce', 9, produceTo(['ORDERS']), TOPIC_DENIED),
          denied('DescribeGroups', 0, { groups: ['Billing'] }, GROUP_DENIED),
          passes('Produce', 9, produceTo(['orders'])),
        ],
      ],
    },
    {
      name: 'what is no UTF-8 is not the sign that stands for it',
      policies: allowing({ name: 'odd', action: 'allow', operations: ['read'], targets: ['group=gr\ufffd'] }),
      notReal,
      rounds: () => [
        [
          odd(0xff, 'standIn', GROUP_DENIED),
          odd(0xfe, 'standIn', GROUP_DENIED),
          passes('Heartbeat', 0, beat('gr\ufffd')),
        ],
      ],
    },
    {
      name: 'signs that look alike, or fold to ASCII, are others',
      policies: allowing({ name: 'kay', action: 'allow', operations: ['read'], targets: ['group=kay'] }),
      rounds: () => [
        [
          denied('Heartbeat', 0, beat('\u212aay'), GROUP_DENIED),
          denied('Heartbeat', 0, beat('kay\u0000'), GROUP_DENIED),
          denied('Heartbeat', 0, beat('k\u0430y'), GROUP_DENIED),
          denied('Heartbeat', 0, beat(' kay'), GROUP_DENIED),
        ],
      ],
    },
    {
      name: 'a group longer than any that is remembered whole',
      policies: allowing({
        name: 'long',
        action: 'allow',
        operations: ['read'],
        targets: [`group=${'g'.repeat(600)}`],
      }),
      rounds: () => [
        [
          denied('Heartbeat', 0, beat('g'.repeat(601)), GROUP_DENIED),
          denied('Heartbeat', 0, beat('g'.repeat(599)), GROUP_DENIED),
        ],
      ],
    },
    {
      name: 'no topic can be called so',
      policies: allowing({ name: 'all', action: 'allow' }),
      rounds: () => [
        ['a/b', 'a b', '..', 'größe', 'x'.repeat(250), ''].map((topic) =>
          denied('Produce', 9, produceTo([topic]), [17]),
        ),
      ],
    },
  ],
};
