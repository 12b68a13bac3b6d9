import { describe, expect, test } from 'vitest';
import { bad, badText, good, goodText } from './fixtures/loading.ts';
import { sampleFilters, sampleKafka } from './fixtures/samples.ts';
import { printYaml } from './yaml-source.ts';

const filters = [...sampleFilters, sampleKafka];
const doorsOf = async (text: string) =>
  (await goodText(text, filters)).snapshot.listeners.map(({ name, doors }) => [name, doors]);

describe('the short form', () => {
  test('starts from the options of the protocol, shows them, and what is given wins', async () => {
    expect(
      await doorsOf(`proxies:
  - kafka://b1
  - {upstream: kafka://b1, name: off, rewrite: false}
  - {upstream: kafka://b1, name: chosen, broker_ports: {first: 30000, count: 5}}
  - {upstream: kafka://b1, name: socket, listen: "unix:/tmp/k.sock"}
  - postgres://db1
`),
    ).toEqual([
      ['kafka', { firstPort: 0, count: 100 }],
      ['off', null],
      ['chosen', { firstPort: 30_000, count: 5 }],
      ['socket', null],
      ['postgres', null],
    ]);
    const { expanded } = await good({ urls: ['kafka://b1'] }, filters);
    expect(printYaml(expanded)).toContain('kafka:\n              rewrite: auto\n');
  });

  const lists: [url: string, hosts: string[]][] = [
    ['kafka://b1:9092,kafka://b2:9093', ['b1:9092', 'b2:9093']],
    ['kafka://b1,b2,[::1]:9093', ['b1:9092', 'b2:9092', '::1:9093']],
    ['kafka://10.0.0.1:9092, 10.0.0.2', ['10.0.0.1:9092', '10.0.0.2:9092']],
  ];
  for (const [url, hosts] of lists)
    test(`the bootstrap list ${url} is one cluster`, async () => {
      const { snapshot } = await good({ urls: [url] }, filters);
      expect(snapshot.listeners.map(({ name }) => name)).toEqual(['kafka']);
      expect(snapshot.clusters).toHaveLength(1);
      const [{ endpoints, dnsLookupFamily }] = snapshot.clusters as [(typeof snapshot.clusters)[0]];
      expect(endpoints.map(({ address }) => address.kind === 'ip' && `${address.host}:${address.port}`)).toEqual(hosts);
      // Hosts that it names are resolved so, be its own addresses.
      expect(dnsLookupFamily).toBe('V4_PREFERRED');
    });

  test('of several bootstrap hosts each is tried, so that one that is down turns no client away', async () => {
    const attemptsOf = async (text: string) =>
      (await goodText(text, filters)).snapshot.listeners.map(
        ({ filterChains }) => filterChains[0]!.filters.at(-1)!.config['max_connect_attempts'],
      );
    expect(
      await attemptsOf(`proxies:
  - kafka://b1,b2,b3
  - {upstream: "kafka://b1,b2", name: given, max_connect_attempts: 1}
  - {upstream: "kafka://b1", name: one}
  - {upstream: [postgres://db1, postgres://db2], name: other}
`),
    ).toEqual([3, 1, 1, 1]);
  });

  const wrong: [url: string, problem: string][] = [
    ['kafka://b1,', '"" is not a URL such as postgres://host:port'],
    ['kafka://b1,postgres://db', '"postgres://db" is not kafka like the first: one proxy speaks one protocol'],
    [
      'kafka://b1,user:secret@b2',
      'must not hold a user name or password: clients log in with their own, and Sluice keeps none',
    ],
    ['postgres://db1,db2', 'names several hosts: write a proxy for each of them, with one host'],
  ];
  for (const [url, problem] of wrong)
    test(`${url}: ${problem.slice(0, 30)}`, async () => {
      expect(await bad({ urls: [url] }, {}, filters)).toEqual([`command line URL: ${problem}`]);
    });
});

describe('ports that were chosen for doors', () => {
  const kafka = (more: string, name = 'kafka') => `  - {upstream: kafka://b1, name: ${name}, ${more}}`;
  const cases: Record<string, [proxies: string[], problems: string[]]> = {
    'hold another listener': [
      [
        kafka('listen: 127.0.0.1:9000, broker_ports: {first: 30000}'),
        '  - {upstream: tcp://a:1, listen: 127.0.0.1:30099}',
      ],
      ['2:79 proxies[0].broker_ports: ports 30000..30099: 127.0.0.1:30099 is already taken by listener "tcp"'],
    ],
    'hold its own': [
      [kafka('listen: 127.0.0.1:30000, broker_ports: {first: 30000, count: 1}')],
      ['2:80 proxies[0].broker_ports: ports 30000: 127.0.0.1:30000 is already taken by listener "kafka"'],
    ],
    'hold one on every host': [
      [
        kafka('listen: 127.0.0.1:9000, broker_ports: {first: 30000}'),
        '  - {upstream: tcp://a:1, listen: 0.0.0.0:30099}',
      ],
      ['2:79 proxies[0].broker_ports: ports 30000..30099: 0.0.0.0:30099 is already taken by listener "tcp"'],
    ],
    'hold the admin page': [
      [kafka('listen: 127.0.0.1:9000, broker_ports: {first: 9900}')],
      ['2:79 proxies[0].broker_ports: ports 9900..9999: 127.0.0.1:9901 is already taken by admin'],
    ],
    'are partly those of another': [
      [
        kafka('listen: 127.0.0.1:9000, broker_ports: {first: 30000}'),
        kafka('listen: 127.0.0.1:9001, broker_ports: {first: 30050}', 'two'),
      ],
      ['3:77 proxies[1].broker_ports: ports 30050..30149: listener "kafka" has some of them'],
    ],
    'go beyond the last': [
      [kafka('listen: 127.0.0.1:9000, broker_ports: {first: 65530}')],
      ['2:79 proxies[0].broker_ports: ports 65530..65629: there are none above 65535'],
    ],
    'are nobody else’s': [
      [
        kafka('listen: 127.0.0.1:9000, broker_ports: {first: 30000}'),
        kafka('listen: 127.0.0.2:9000, broker_ports: {first: 30000}', 'elsewhere'),
        kafka('listen: 127.0.0.1:9001, broker_ports: {first: 30100}', 'after'),
        kafka('listen: 127.0.0.1:9002, rewrite: false, broker_ports: {first: 30000}', 'not_opened'),
        '  - {upstream: tcp://a:1, listen: 127.0.0.3:30000}',
        '  - {upstream: tcp://a:1, name: socket, listen: "unix:/tmp/a"}',
      ],
      [],
    ],
    'or nobody chose: they go round what is taken': [
      [kafka('listen: 127.0.0.1:9000'), kafka('listen: 127.0.0.1:9001', 'two')],
      [],
    ],
  };
  for (const [name, [proxies, problems]] of Object.entries(cases))
    test(name, async () => {
      expect(await badText(`proxies:\n${proxies.join('\n')}\n`, filters)).toEqual(problems);
    });
});
