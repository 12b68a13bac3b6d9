import { ask } from '../support/zookeeper-requests.ts';
import { closing, no, numbered, ok, zooKeeperRow } from './support/zookeeper.ts';

const get = ask.getData('/forbidden');

/** A number below 0 belongs to one kind of request, by whose replies it is known. */
export const row = zooKeeperRow(
  'ZK-07',
  'numbers of requests',
  ['R6', 'R9'],
  [
    ...[-1, -2, -4, -8, -3, -2147483648].map((xid) => ({
      name: `a read under ${xid}`,
      sends: [ok(ask.getData('/app/a')), closing(get, undefined, xid)],
    })),
    { name: "a ping under a login's", sends: [closing(ask.ping(), undefined, -4)] },
    { name: "a login under a ping's", sends: [closing(ask.auth('digest', 'a:b'), undefined, -2)] },
    {
      name: 'pings between denied requests',
      sends: [
        no(get),
        numbered('allowed', -2, ask.ping()),
        no(get),
        numbered('allowed', -2, ask.ping()),
        ok(ask.getData('/app/a')),
      ],
      notReal: 'pings are answered out of turn',
    },
    {
      name: 'one number twice',
      sends: [
        numbered('denied', 7, get),
        numbered('allowed', 7, ask.getData('/app/a')),
        numbered('denied', 7, ask.delete('/forbidden/x')),
      ],
    },
    {
      name: 'numbers that go back',
      sends: [
        numbered('allowed', 9, ask.getData('/app/a')),
        numbered('denied', 3, get),
        numbered('allowed', 0, ask.getData('/app/a')),
      ],
    },
    {
      name: 'the largest number',
      sends: [numbered('denied', 2147483647, get), numbered('allowed', 2147483647, ask.exists('/app'))],
    },
  ],
);
