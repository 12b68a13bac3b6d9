import { many, no, ok, redisRow } from './support/redis.ts';

/** Messages belong to no command, and streams of everything are denied. */
export const row = redisRow(
  'RD-13',
  'messages and streams',
  ['R4', 'R9'],
  [
    { name: 'MONITOR', sends: [no('monitor'), ok('one', 'get', 'app:1'), no('MONITOR')] },
    {
      name: 'links of replicas',
      sends: [no('psync', '?', '-1'), no('sync'), no('replconf', 'listening-port', '1'), ok('one', 'get', 'app:1')],
    },
    {
      name: 'denied channels',
      sends: [
        no('subscribe', 'forbidden:c'),
        no('subscribe', 'app:c', 'forbidden:c'),
        no('ssubscribe', 'forbidden:c'),
        no('publish', 'forbidden:c', 'x'),
        no('spublish', 'forbidden:c', 'x'),
        ok('0', 'publish', 'app:c', 'x'),
      ],
    },
    {
      name: 'patterns of channels',
      sends: [
        no('psubscribe', 'forbidden:*'),
        no('psubscribe', '*'),
        no('psubscribe', '[f]orbidden:c'),
        no('psubscribe', 'app:*', 'f*'),
      ],
    },
    {
      name: 'a denied command of a subscriber',
      sends: [
        many(['[subscribe app:c 1]'], 'subscribe', 'app:c'),
        no('subscribe', 'forbidden:c'),
        many(['[subscribe app:d 2]'], 'subscribe', 'app:d'),
      ],
      usable: false,
    },

    {
      name: 'listing all channels',
      sends: [no('pubsub', 'channels'), no('pubsub', 'channels', 'app:*'), ok('0', 'pubsub', 'numpat')],
    },
  ],
);
