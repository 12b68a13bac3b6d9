import { describe, expect, test } from 'vitest';
import { helpText, parseCommand } from './args.ts';

const words = (line: string) => line.split(' ').filter((word) => word !== '');
const nothingSaid = {
  name: 'run',
  urls: [],
  config: null,
  listen: [],
  names: [],
  admin: null,
  metrics: null,
  concurrency: null,
  accessLog: null,
  history: null,
  showLiterals: false,
};

describe('right usage', () => {
  const cases: [line: string, command: object][] = [
    ['', { name: 'help', topic: null }],
    ['--help', { name: 'help', topic: null }],
    ['help run', { name: 'help', topic: 'run' }],
    ['run --help', { name: 'help', topic: 'run' }],
    ['run -h', { name: 'help', topic: 'run' }],
    ['version', { name: 'version' }],
    ['--version', { name: 'version' }],
    ['run postgres://db', { ...nothingSaid, urls: ['postgres://db'] }],
    ['run -c a.yaml', { ...nothingSaid, config: 'a.yaml' }],
    ['run a --history ./past', { ...nothingSaid, urls: ['a'], history: './past' }],
    ['run --config=a.yaml --concurrency 0', { ...nothingSaid, config: 'a.yaml', concurrency: 0 }],
    [
      'run a b --listen 127.0.0.1:1 --listen unix:/x --name c --name d --admin 127.0.0.1:2 --metrics 0.0.0.0:3 --concurrency 4 --access-log - --show-literals',
      {
        ...nothingSaid,
        urls: ['a', 'b'],
        listen: ['127.0.0.1:1', 'unix:/x'],
        names: ['c', 'd'],
        admin: '127.0.0.1:2',
        metrics: '0.0.0.0:3',
        concurrency: 4,
        accessLog: '-',
        showLiterals: true,
      },
    ],
    ['check -c a.yaml', { name: 'check', config: 'a.yaml' }],
    ['expand --config a.yaml', { name: 'expand', config: 'a.yaml', urls: [] }],
    ['expand redis://a kafka://b:9092', { name: 'expand', config: '', urls: ['redis://a', 'kafka://b:9092'] }],
    ['demo', { name: 'demo', forMs: null, only: [], history: null }],
    ['demo --for 20s', { name: 'demo', forMs: 20_000, only: [], history: null }],
    ['demo --for 1.5m', { name: 'demo', forMs: 90_000, only: [], history: null }],
    ['demo --history past', { name: 'demo', forMs: null, only: [], history: 'past' }],
    [
      'demo --only redis --only mysql --only redis',
      { name: 'demo', forMs: null, only: ['redis', 'mysql'], history: null },
    ],
    [
      'clickhouse migrate --url http://a:8123 --database b --username c --cluster d --ttl-days 3 --dry-run',
      {
        name: 'clickhouse',
        config: null,
        url: 'http://a:8123',
        path: null,
        database: 'b',
        username: 'c',
        cluster: 'd',
        ttlDays: 3,
        dryRun: true,
      },
    ],
    ['top', { name: 'top', once: false, json: false, admin: '127.0.0.1:9901' }],
    ['top --admin http://127.0.0.1:1/', { name: 'top', once: false, json: false, admin: '127.0.0.1:1' }],
    ['top --once --json --admin [::1]:1', { name: 'top', once: true, json: true, admin: '[::1]:1' }],
  ];
  for (const [line, command] of cases)
    test(line === '' ? 'nothing' : line, () => expect(parseCommand(words(line))).toEqual({ ok: true, command }));
});

describe('wrong usage', () => {
  const cases: [line: string, ...problems: string[]][] = [
    ['rnu', '"rnu" is none of run, check, expand, demo, top, clickhouse, policy, version, help; did you mean run?'],
    ['postgres://u:pw@h', '"postgres://[redacted]@h" is not a command: write sluice run URL'],
    ['replay f', 'replay comes with a later version'],
    ['policy', 'write sluice policy suggest or sluice policy test'],
    ['policy check', '"check" is neither suggest nor test'],
    [
      'policy suggest x',
      '"x" is one argument too many: sluice policy suggest [--from FILE] [--shadow] | policy test -c FILE --against FILE',
    ],
    ['policy suggest --from a --admin b', '--admin and --from do not go together'],
    ['policy suggest --by host', '--by: "host" is neither application nor user'],
    ['policy suggest --json', '--json goes with policy test'],
    ['policy test --shadow -c a --against b', '--shadow goes with policy suggest'],
    ['policy test -c a', 'policy test needs past exchanges: --against FILE, a JSON access log'],
    ['policy test --against a', 'policy test needs a file with policies: -c FILE'],
    ['clickhouse', 'write sluice clickhouse migrate'],
    ['clickhouse drop --url http://a', '"drop" is not migrate: sluice clickhouse migrate'],
    ['clickhouse migrate', 'say which: -c FILE, --url URL or --path DIR'],
    ['clickhouse migrate --url http://a --path b', '--url and --path do not go together'],
    ['clickhouse migrate -c a --database b', '--database does not go with -c: the file says it'],
    ['clickhouse migrate --path a --ttl-days x', '--ttl-days: "x" is not a whole number'],
    ['run', 'run needs a URL or -c FILE, such as sluice run postgres://127.0.0.1:5432'],
    ['run -c', '-c needs a value: -c FILE'],
    ['run a --listen --admin x', '--listen needs a value: --listen ADDR:PORT'],
    ['run a -c b', 'run takes URLs or -c FILE, not both'],
    ['run -c b --listen x', '--listen goes with URLs: with -c the file says where to listen'],
    ['run -c b --name x', '--name goes with URLs: with -c the file says what a listener is called'],
    ['run a b --name x', '--name: 1 for 2 URLs; give one for each, or none'],
    ['run a b --listen x', '--listen: 1 for 2 URLs; give one for each, or none'],
    ['run a --concurrency two', '--concurrency: "two" is not a whole number from 0 to 1024'],
    ['run a --concurrency -1', '--concurrency: "-1" is not a whole number from 0 to 1024'],
    ['run a --concurrency 1025', '--concurrency: "1025" is not a whole number from 0 to 1024'],
    ['run a --show-literals=no', '--show-literals takes no value'],
    ['run a --admin x --admin y', '--admin is given twice'],
    ['run a --acess-log x', 'unknown option --acess-log, did you mean --access-log?'],
    ['run a --__proto__ --constructor', 'unknown option --__proto__', 'unknown option --constructor'],
    [
      'run a -c b --listen x --concurency 3',
      'unknown option --concurency, did you mean --concurrency?',
      'run takes URLs or -c FILE, not both',
      '--listen goes with URLs: with -c the file says where to listen',
    ],
    ['check', 'check needs a file: sluice check -c FILE'],
    ['check a.yaml', 'write sluice check -c a.yaml'],
    ['check -c', '-c needs a value: -c FILE'],
    ['check -c a -c b', '-c is given twice'],
    ['expand -c a b', '"b" is one argument too many: sluice expand -c FILE | URL…'],
    ['expand -c a redis://a', '"redis://a" is one argument too many: sluice expand -c FILE | URL…'],
    ['demo --only pg', '--only: "pg" is none of postgres, mysql, redis, mongodb, zookeeper, kafka'],
    ['demo --for 20', '--for: "20" is not a duration such as 20s, 500ms or 5m'],
    ['demo --for 0s', '--for: "0s" is not a duration such as 20s, 500ms or 5m'],
    ['demo --for 600h', '--for: "600h" is not a duration such as 20s, 500ms or 5m'],
    ['top --json', '--json goes with --once'],
    [
      'help rnu',
      '"rnu" is none of run, check, expand, demo, top, clickhouse, policy, version, help; did you mean run?',
    ],
    ['help replay', 'replay comes with a later version'],
    ['version now', '"now" is one argument too many: sluice version'],
  ];
  for (const [line, ...problems] of cases)
    test(line, () => expect(parseCommand(words(line))).toEqual({ ok: false, problems }));
});

test('help names every command, and of each command every option', () => {
  for (const name of ['run', 'check', 'expand', 'demo', 'top', 'version', 'help']) {
    expect(helpText(null)).toContain(`\n  ${name} `);
    expect(helpText(name)).toMatch(new RegExp(`^sluice ${name}`));
  }
  for (const option of [
    '-c, --config FILE',
    '--listen ADDR:PORT',
    '--admin',
    '--metrics',
    '--concurrency N',
    '--access-log',
    '--history DIR',
    '--show-literals',
  ])
    expect(helpText('run')).toContain(option);
  for (const line of `${helpText(null)}${helpText('run')}`.split('\n')) expect(line.length).toBeLessThanOrEqual(110);
});
