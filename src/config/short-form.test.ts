import { describe, expect, test } from 'vitest';
import { bad, badText, CREDENTIALS } from './fixtures/loading.ts';

describe('bad short forms', () => {
  const cases: Record<string, [text: string, problems: string[]]> = {
    'an empty file': ['', ['1:1: is empty']],
    'comments only': ['# nothing\n', ['1:1: is empty']],
    'a word': ['hello', ['1:1: "hello" is not a configuration: proxies or static_resources is missing']],
    'a list': ['- a', ['1:1: a list is not a configuration: proxies or static_resources is missing']],
    'a mistyped top': [
      'proxys: []\nadmin: 127.0.0.1:1',
      ['1:1 proxys: unknown field, did you mean proxies?', '1:1: proxies or static_resources is missing'],
    ],
    'no proxies': ['proxies: []', ['1:10 proxies: is empty']],
    'no value': ['proxies:\nadmin: 127.0.0.1:1\n', ['1:1 proxies: has no value']],
    'proxies as a map': ['proxies: {a: b}', ['1:10 proxies: a map is not a list']],
    'a proxy that is a number': ['proxies:\n  - 5', ['2:5 proxies[0]: 5 is neither a URL nor a map with an upstream']],
    'both forms': [
      'proxies: [tcp://a:1]\nstatic_resources: {}',
      ['1:1 proxies: belongs to the short form, and static_resources to the full one: use one of them'],
    ],
    'mistakes everywhere, all told': [
      `proxies:
  - name: orders
    upstrem: postgres://db1
    listen: localhost:1
  - upstream: postgres://127.0.0.1
    conect_timeout: 250ms
    idle_timeout: 5x
    max_connect_attempts: 0
    lb_policy: magic
    buffer_limit: 1.5
    refuse_ssl: maybe
    access_log: { exchanges: 3 }
  - upstream: 7
concurrency: -1
drain_timeout: 5
digest_rows: many
show_literals: "yes"
admin: 127.0.0.1
metrics: true
`,
      [
        '2:5 proxies[0].upstream: is required',
        '3:5 proxies[0].upstrem: unknown field, did you mean upstream?',
        '4:13 proxies[0].listen: "localhost:1" is not an IP address: write 127.0.0.1:1',
        '6:5 proxies[1].conect_timeout: unknown field, did you mean connect_timeout?',
        '7:19 proxies[1].idle_timeout: "5x" is not a duration such as "250ms", "5s" or "1h"',
        '8:27 proxies[1].max_connect_attempts: 0 is below 1',
        '9:16 proxies[1].lb_policy: "MAGIC" is none of ROUND_ROBIN, LEAST_REQUEST, RANDOM',
        '10:19 proxies[1].buffer_limit: 1.5 is not a whole number',
        '11:17 proxies[1].refuse_ssl: "maybe" is not true or false',
        '12:5 proxies[1].access_log.path: is required',
        '12:30 proxies[1].access_log.exchanges: 3 is not true or false',
        '13:15 proxies[2].upstream: 7 is neither a string nor a list',
        '14:14 concurrency: -1 is below 0',
        '15:16 drain_timeout: 5 is not a duration such as "250ms", "5s" or "1h"',
        '16:14 digest_rows: "many" is not a number',
        '17:16 show_literals: "yes" is not true or false',
        '18:8 admin: "127.0.0.1" has no port',
        '19:10 metrics: true is not a string',
      ],
    ],
    'names twice': [
      'proxies:\n  - {name: a, upstream: "tcp://127.0.0.1:1"}\n  - {name: a, upstream: "tcp://127.0.0.1:2"}',
      ['3:12 proxies[1].name: "a" is already the name of proxies[0]'],
    ],
    'addresses twice': [
      `proxies:
  - { upstream: "tcp://127.0.0.1:1", listen: "127.0.0.1:9901" }
  - { upstream: "tcp://127.0.0.1:1", listen: "0.0.0.0:9100" }
  - { upstream: "tcp://127.0.0.1:1", listen: "unix:/a" }
  - { upstream: "tcp://127.0.0.1:1", listen: "unix:/a" }
  - { upstream: "tcp://127.0.0.1:1", listen: "[::0]:5" }
  - { upstream: "tcp://127.0.0.1:1", listen: "[::]:5" }
  - { upstream: "tcp://127.0.0.1:1", listen: "127.0.0.1:0" }
  - { upstream: "tcp://127.0.0.1:1", listen: "127.0.0.1:0" }
metrics: 127.0.0.1:9100
`,
      [
        '2:46 proxies[0].listen: 127.0.0.1:9901 is already taken by admin',
        '3:46 proxies[1].listen: 0.0.0.0:9100 is already taken by metrics',
        '5:46 proxies[3].listen: /a is already taken by listener "tcp_3"',
        '7:46 proxies[5].listen: [::]:5 is already taken by listener "tcp_5"',
      ],
    ],
    'fields of another protocol': [
      'proxies:\n  - upstream: tcp://127.0.0.1:1\n    refuse_ssl: true',
      ['3:5 proxies[0].refuse_ssl: is an option of postgres, and this proxy speaks tcp'],
    ],
    'durations no timer can hold': [
      'proxies:\n  - upstream: tcp://127.0.0.1:1\n    idle_timeout: 25d\n    connect_timeout: 0ms',
      [
        '3:19 proxies[0].idle_timeout: "25d" is above 2147483.647s',
        '4:22 proxies[0].connect_timeout: "0s" is below 0.001s',
      ],
    ],
    'a socket path that is too long': [
      `proxies:\n  - {upstream: "tcp://unix:/${'x'.repeat(107)}", listen: "unix:/a"}`,
      ['2:16 proxies[0].upstream: is longer than 107 bytes, the limit for a socket path'],
    ],
    'a unix socket without a port to derive from': [
      'proxies:\n  - tcp://unix:/a',
      ['2:5 proxies[0]: listen is required: a unix socket has no port to derive it from'],
    ],
    'the same of a map': [
      'proxies:\n  - upstream: tcp://unix:/a',
      ['2:5 proxies[0].listen: is required: a unix socket has no port to derive it from'],
    ],
    'a switch that is no switch': [
      'proxies: [tcp://127.0.0.1:1]\nadmin: true',
      ['2:8 admin: true is neither a string nor false'],
    ],
    'sockets and names in one upstream': [
      'proxies:\n  - name: a\n    upstream:\n      - tcp://db:1\n      - unix:/a',
      ['5:9 proxies[0].upstream[1]: a unix socket cannot be in a STRICT_DNS cluster'],
    ],
    'hosts of two protocols': [
      'proxies:\n  - upstream: [postgres://a, tcp://b:1]',
      ['2:30 proxies[0].upstream[1]: "tcp://b:1" is not postgres like the first: one proxy speaks one protocol'],
    ],
  };
  for (const [what, [text, problems]] of Object.entries(cases)) {
    test(what, async () => expect(await badText(text)).toEqual(problems));
  }
});

describe('bad upstream URLs', () => {
  const cases: [url: string, problem: string][] = [
    ['postgres://ann:s3cret@db:5432', CREDENTIALS],
    ['postgres://ann@db:5432', CREDENTIALS],
    ['postgres://ann:s3@cr/et@db:5432/shop', CREDENTIALS],
    ['ann:s3cret@db:5432', CREDENTIALS],
    ['postgres://db:5432/shop', 'only scheme, host and port are read: write postgres://db:5432'],
    ['postgres://db?password=s3cret', 'only scheme, host and port are read: write postgres://db'],
    ['db:5432', '"db:5432" has no scheme: write postgres://host:port'],
    ['host=db password=s3cret', '"host=db password=[redacted]" has no scheme: write postgres://host:port'],
    ['kafka://db', 'the scheme "kafka" is none of postgres, tcp'],
    ['pg://db', 'the scheme "pg" is none of postgres, tcp; write postgres://'],
    ['zk://db', 'the scheme "zk" is none of postgres, tcp'],
    [
      'postgres+srv://db',
      'postgres+srv:// is looked up in DNS by drivers, not by Sluice: write postgres://host:port, a proxy for each member',
    ],
    ['redis+srv://db', 'the scheme "redis+srv" is none of postgres, tcp'],
    ['postgres://a:1,b:2/shop', 'names several hosts: write a proxy for each of them, with one host'],
    ['postgre://db', 'the scheme "postgre" is none of postgres, tcp'],
    ['tcp://db', '"tcp://db" has no port'],
    ['tcp://db:0', '"tcp://db:0" has a port outside 1..65535'],
    ['tcp://db:70000', '"tcp://db:70000" has a port outside 1..65535'],
    ['tcp://db:port', '"tcp://db:port" is not a URL such as postgres://host:port'],
    ['tcp://:1', '"tcp://:1" is not a URL such as postgres://host:port'],
    ['tcp://300.1.1.1:1', '"300.1.1.1" is neither an IP address nor a DNS name'],
    ['tcp://[::zz]:1', '"tcp://[::zz]:1" is not a URL such as postgres://host:port'],
    ['tcp://d b:1', '"tcp://d b:1" is not a URL such as postgres://host:port'],
    ['tcp://unix:a', '"tcp://unix:a": the path of a unix socket begins with /'],
    ['', '"" has no scheme: write postgres://host:port'],
  ];
  for (const [url, problem] of cases) {
    test(JSON.stringify(url), async () => {
      const told = await badText(`proxies:\n  - upstream: ${JSON.stringify(url)}`);
      expect(told).toEqual([`2:15 proxies[0].upstream: ${problem}`]);
      expect(told.join()).not.toMatch(/s3|cret/);
      expect(await bad({ urls: [url] })).toEqual([`command line URL: ${problem}`]);
    });
  }
});
