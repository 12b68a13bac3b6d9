import {
  ALLOWED,
  ends,
  frameOf,
  type KafkaCase,
  type KafkaRow,
  metadataOf,
  passes,
  produceTo,
  type Said,
} from './support/kafka.ts';

const first: Said = passes('ApiVersions', 0);
/** The byte at `at` behind the header becomes another. */
const bent = (name: string, frame: Buffer, find: Buffer, before: number, by: number): KafkaCase => ({
  name: `${name} ${by > 0 ? `+${by}` : by}`,
  policies: ALLOWED,
  closes: /unreadable/,
  rounds: () => {
    const copy = Buffer.from(frame);
    const at = copy.indexOf(find) - before;
    copy[at] = (copy[at]! + by) & 255;
    return [[first], [ends(copy)]];
  },
});
const ORDERS = Buffer.from('orders');
const metadata = frameOf('Metadata', 4, metadataOf(['orders'], { allowAutoTopicCreation: false }));
const flexible = frameOf('Metadata', 9, metadataOf(['orders'], { allowAutoTopicCreation: false }));
const produce = frameOf('Produce', 7, produceTo(['orders']));
const describe = frameOf('DescribeGroups', 0, { groups: ['orders'] });

export const row: KafkaRow = {
  id: 'X-03',
  title: 'inner lengths',
  rules: ['R3', 'R12'],
  cases: [
    ...[-1, 1, 100].map((by) => bent("the length of a topic's name", metadata, ORDERS, 1, by)),
    ...[-1, 1, 100].map((by) => bent('a compact length', flexible, ORDERS, 1, by)),
    ...[-1, 1, 50].map((by) => bent('the count of topics', metadata, ORDERS, 3, by)),
    ...[-1, 1, 50].map((by) => bent('a compact count', flexible, ORDERS, 2, by)),
    ...[-1, 1].map((by) => bent('the length of a name in Produce', produce, ORDERS, 1, by)),
    ...[-1, 1].map((by) => bent("the length of a group's name", describe, ORDERS, 1, by)),
  ],
};
