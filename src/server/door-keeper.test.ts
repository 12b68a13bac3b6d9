import { beforeEach, describe, expect, test } from 'vitest';
import { clusterConfig, listenerConfig, snapshotOf } from '../../test/support/plane-parts.ts';
import type { AddressConfig, ListenerConfig, Snapshot } from '../config/snapshot.ts';
import type { OpenDoor, WantedDoor } from '../net/door-book.ts';
import { DoorKeeper } from './door-keeper.ts';
import { createLogger } from './log.ts';

const ip = (host: string, port: number): AddressConfig => ({ kind: 'ip', host, port });
const kafka = (wishes: Partial<ListenerConfig> = {}): ListenerConfig =>
  listenerConfig({
    listener: { name: 'kafka', address: ip('127.0.0.1', 19_092), doors: { firstPort: 0, count: 3 }, ...wishes },
  });
/** Two bootstrap hosts, unless a test says otherwise: none of them is behind the listener's own port alone. */
const endpoints = (...hosts: string[]) => hosts.map((host) => ({ address: ip(host, 9092), weight: 1 }));
const snapshot = (listeners: ListenerConfig[], hosts = ['a', 'z'], parts: Partial<Snapshot> = {}): Snapshot => ({
  ...snapshotOf(),
  listeners,
  clusters: [clusterConfig({ endpoints: endpoints(...hosts) })],
  ...parts,
});

let used: Map<number, string>;
let steps: string[];
let log: string[];
let told: { known: string[]; refused: string[] }[];
let hold: Promise<void> | null;
let now: number;
let breaks: boolean;
let keeper: DoorKeeper;

const textOf = ({ listener, upstream, port }: OpenDoor) => `${listener} ${upstream} ${port}`;
beforeEach(() => {
  used = new Map();
  steps = [];
  log = [];
  told = [];
  hold = null;
  now = 0;
  breaks = false;
  const output = { writableLength: 0, write: (line: string) => log.push(line.trimEnd().slice(25)) > 0 };
  keeper = new DoorKeeper({
    log: createLogger({ role: 'primary', output }),
    now: () => now,
    portOf: ({ address }) => (address.kind === 'ip' ? address.port : 0),
    open: async (door, _listener, isOpen) => {
      await hold;
      const code = isOpen ? null : (used.get(door.port) ?? null);
      steps.push(`${code ?? 'open'} ${textOf(door)}`);
      if (code === null) used.set(door.port, 'EADDRINUSE');
      return code;
    },
    close: (door) => {
      used.delete(door.port);
      steps.push(`close ${textOf(door)}`);
    },
    spread: async () => {
      if (breaks) throw new Error('a bug');
      steps.push(`spread ${keeper.open.length}`);
    },
    tell: (refused) => told.push({ known: keeper.known.map(textOf), refused: refused.map(({ upstream }) => upstream) }),
  });
});

const wanted = (...upstreams: string[]): WantedDoor[] => upstreams.map((upstream) => ({ listener: 'kafka', upstream }));
const settled = async () => {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
};
const ask = async (...upstreams: string[]) => {
  keeper.ask(wanted(...upstreams));
  await settled();
};
const known = () => told.at(-1)!.known;

describe('ports', () => {
  test('follow the listener’s own, by name in the order of numbers; all are served before anybody hears of them', async () => {
    keeper.take(snapshot([kafka()]));
    await ask('b10:9092', 'b9:9092');
    expect(steps).toEqual(['open kafka b9:9092 19093', 'open kafka b10:9092 19094', 'spread 2']);
    expect(told).toEqual([{ known: ['kafka b9:9092 19093', 'kafka b10:9092 19094'], refused: [] }]);
    expect(log).toEqual([
      'info [primary] listener kafka: b9:9092 is reached at 127.0.0.1:19093',
      'info [primary] listener kafka: b10:9092 is reached at 127.0.0.1:19094',
    ]);
    expect(keeper.addresses).toEqual([
      { name: 'kafka', address: '127.0.0.1:19093', upstream: 'b9:9092' },
      { name: 'kafka', address: '127.0.0.1:19094', upstream: 'b10:9092' },
    ]);
    await ask('b9:9092', 'b1:9092');
    expect(known()).toEqual(['kafka b9:9092 19093', 'kafka b10:9092 19094', 'kafka b1:9092 19095']);
    expect(log).toHaveLength(3);
  });

  test('that could not be served for a bug: who waits hears so, and who asks later is served', async () => {
    keeper.take(snapshot([kafka()]));
    breaks = true;
    await ask('b1:9092');
    expect(told).toEqual([{ known: [], refused: ['b1:9092'] }]);
    expect(log).toEqual(['error [primary] doors could not be opened error="Error: a bug"']);
    breaks = false;
    await ask('b1:9092');
    expect(known()).toEqual(['kafka b1:9092 19093']);
  });

  test('are those of the range that was chosen', async () => {
    keeper.take(snapshot([kafka({ doors: { firstPort: 30_000, count: 2 } })]));
    used.set(30_000, 'EADDRINUSE');
    await ask('b1:9092', 'b2:9092');
    expect(told).toEqual([{ known: ['kafka b1:9092 30001'], refused: ['b2:9092'] }]);
    expect(log.at(-2)).toBe('warning [primary] listener kafka: no port leads to b2:9092: no port of its range is free');
  });

  test('go round what is taken or not permitted, other listeners, the admin server and the metrics', async () => {
    used.set(19_093, 'EADDRINUSE').set(19_095, 'EACCES');
    const other = listenerConfig({ listener: { name: 'other', address: ip('127.0.0.1', 19_094) } });
    const ports = { admin: { address: ip('127.0.0.1', 19_096) }, metrics: { address: ip('127.0.0.1', 19_097) } };
    keeper.take(snapshot([kafka(), other], ['a', 'z'], ports));
    await ask('b1:9092');
    expect(known()).toEqual(['kafka b1:9092 19098']);
    expect(steps).not.toContain('open kafka b1:9092 19094');
  });

  test('are never those of servers: one that is down for the moment could not start again', async () => {
    keeper.take(snapshot([kafka({ doors: { firstPort: 0, count: 9 } })], ['a', 'z']));
    await ask('127.0.0.1:19093', 'b2.example:19094', 'b3.example:9092');
    expect(known().map((text) => text.split(' ')[2])).toEqual(['19095', '19096', '19097']);
    // Where somebody chose the ports: those of servers on this machine.
    keeper.take(snapshot([kafka({ doors: { firstPort: 30_000, count: 3 } })]));
    await ask('localhost:30000', 'b1.example:30001');
    expect(known()).toEqual(['kafka b1.example:30001 30001', 'kafka localhost:30000 30002']);
  });

  test('end with the last one there is', async () => {
    keeper.take(snapshot([kafka({ address: ip('127.0.0.1', 65_534) })]));
    await ask('b1:9092', 'b2:9092');
    expect(told).toEqual([{ known: ['kafka b1:9092 65535'], refused: ['b2:9092'] }]);
  });

  test('another error ends the search: each cause is told once, until a door opens again', async () => {
    keeper.take(snapshot([kafka()]));
    used.set(19_093, 'EMFILE');
    await ask('b1:9092', 'b2:9092');
    await ask('b3:9092');
    const line = 'warning [primary] listener kafka: no port leads to b1:9092: cannot listen on port 19093 (EMFILE)';
    expect(log).toEqual([line]);
    expect(told.map(({ refused }) => refused)).toEqual([['b1:9092', 'b2:9092'], ['b3:9092']]);
    used.clear();
    await ask('b1:9092');
    used.set(19_094, 'EMFILE');
    await ask('b2:9092');
    expect(log.map((text) => text.split(':')[0])).toHaveLength(3);
  });

  test('no more doors than allowed', async () => {
    keeper.take(snapshot([kafka()]));
    await ask(...Array.from({ length: 1000 }, (_, i) => `b${i}:9092`));
    expect(known()).toEqual(['kafka b0:9092 19093', 'kafka b1:9092 19094', 'kafka b2:9092 19095']);
    expect(told.at(-1)!.refused).toHaveLength(997);
    expect(log.filter((line) => line.startsWith('warning'))).toEqual([
      'warning [primary] listener kafka: no port leads to b3:9092: all 3 are in use',
    ]);
  });

  test('200 doors', async () => {
    keeper.take(snapshot([kafka({ doors: { firstPort: 0, count: 200 } })]));
    await ask(...Array.from({ length: 200 }, (_, i) => `b${i}:9092`));
    expect(known()).toHaveLength(200);
    expect(known().at(-1)).toBe('kafka b199:9092 19292');
  });
});

describe('refused', () => {
  const cases: Record<string, [listeners: ListenerConfig[], upstream: string]> = {
    'a listener without doors': [[kafka({ doors: null })], 'b1:9092'],
    'no such listener': [[], 'b1:9092'],
    'a unix socket': [[kafka({ address: { kind: 'pipe', path: '/run/kafka' } })], 'b1:9092'],
    'no host and port': [[kafka()], 'b1'],
  };
  for (const [name, [listeners, upstream]] of Object.entries(cases))
    test(name, async () => {
      keeper.take(snapshot(listeners));
      await ask(upstream);
      expect(told).toEqual([{ known: [], refused: [upstream] }]);
    });

  test('everything, once it is over', async () => {
    keeper.take(snapshot([kafka()]));
    keeper.close();
    await ask('b1:9092');
    expect(told).toEqual([{ known: [], refused: ['b1:9092'] }]);
  });
});

describe('the listener’s own port', () => {
  test('leads to the only host of its cluster already', async () => {
    keeper.take(snapshot([kafka()], ['b1']));
    await ask('b1:9092', 'b2:9092');
    expect(known()).toEqual(['kafka b1:9092 19092', 'kafka b2:9092 19093']);
    expect(steps).toEqual(['open kafka b2:9092 19093', 'spread 1']);
    expect(log).toHaveLength(2);
    expect(keeper.addresses.map(({ upstream }) => upstream)).toEqual(['b2:9092']);
    keeper.take(snapshot([kafka()], ['b1']));
    expect(keeper.known).toHaveLength(2);
  });

  test('and no more when the cluster gets another host', async () => {
    keeper.take(snapshot([kafka()], ['b1']));
    await ask('b1:9092');
    keeper.take(snapshot([kafka()], ['b1', 'b2']));
    expect(keeper.known).toEqual([]);
    expect(steps).not.toContain('close kafka b1:9092 19092');
    await ask('b1:9092');
    expect(known()).toEqual(['kafka b1:9092 19093']);
  });

  test('is none where the listener has several', async () => {
    keeper.take(snapshot([kafka({ additionalAddresses: [ip('127.0.0.2', 29_092)] })], ['b1']));
    await ask('b1:9092');
    expect(known()).toEqual(['kafka b1:9092 19093']);
  });
});

describe('a listener that is new at the port of a door', () => {
  test('has it: the door is another', async () => {
    keeper.take(snapshot([kafka()]));
    await ask('b1:9092', 'b2:9092');
    expect(known()).toEqual(['kafka b1:9092 19093', 'kafka b2:9092 19094']);
    keeper.take(snapshot([kafka(), kafka({ name: 'more', address: ip('127.0.0.1', 19_094), doors: null })]));
    expect(keeper.known).toHaveLength(1);
    expect(steps.at(-1)).toBe('close kafka b2:9092 19094');
    await ask('b2:9092');
    expect(known()).toEqual(['kafka b1:9092 19093', 'kafka b2:9092 19095']);
  });
});

describe('brokers that come back under other addresses', () => {
  const MINUTE = 60_000;
  const still = (...upstreams: string[]) => keeper.ask(wanted(...upstreams).map((one) => ({ ...one, still: true })));

  test('take the doors of addresses that nobody names any more, however often that happens', async () => {
    keeper.take(snapshot([kafka({ doors: { firstPort: 30_000, count: 3 } })]));
    await ask('10.0.0.1:9092', '10.0.0.2:9092', '10.0.0.3:9092');
    for (let i = 4; i < 40; i++) {
      now += 31 * MINUTE;
      still('10.0.0.2:9092');
      await ask(`10.0.0.${i}:9092`);
      expect(known()).toContain('kafka 10.0.0.2:9092 30001');
      expect(known().some((text) => text.startsWith(`kafka 10.0.0.${i}:9092 `))).toBe(true);
      expect(told.at(-1)!.refused).toEqual([]);
    }
    expect(log.at(-2)).toBe(
      'info [primary] listener kafka: 10.0.0.37:9092 has no port any more: no server has named it for half an hour',
    );
    expect(used.size).toBe(3);
  });

  test('are refused while all doors are named', async () => {
    keeper.take(snapshot([kafka()]));
    await ask('b1:9092', 'b2:9092', 'b3:9092');
    now += 29 * MINUTE;
    still('b1:9092', 'b2:9092', 'b3:9092');
    await settled();
    expect(told).toHaveLength(1);
    now += 29 * MINUTE;
    await ask('b4:9092');
    expect(told.at(-1)).toMatchObject({ refused: ['b4:9092'] });
    expect(known()).toHaveLength(3);
  });
});

describe('a server that names the listener itself', () => {
  const cases: [listens: string, named: string, port: number][] = [
    ['0.0.0.0', 'localhost:19092', 19_092],
    ['0.0.0.0', '127.0.0.1:19092', 19_092],
    ['::', '[::1]:19092', 19_092],
    ['127.0.0.1', 'LOCALHOST:19092', 19_092],
    ['10.0.0.1', '10.0.0.1:19092', 19_092],
    ['10.0.0.1', 'localhost:19092', 19_093],
    ['0.0.0.0', 'localhost:9092', 19_093],
    ['0.0.0.0', 'b1:19092', 19_093],
  ];
  test.each(cases)('listening on %s, %s is reached at port %i: nothing passes twice', async (listens, named, port) => {
    keeper.take(snapshot([kafka({ address: ip(listens, 19_092) })]));
    await ask(named);
    expect(known()).toEqual([`kafka ${named} ${port}`]);
    keeper.take(snapshot([kafka({ address: ip(listens, 19_092) })]));
    expect(keeper.known).toHaveLength(1);
  });
});

describe('ports that lead to no host yet', () => {
  const begin = async (...args: Parameters<typeof snapshot>) => {
    keeper.take(snapshot(...args));
    keeper.begin();
    await settled();
  };
  const spares = () => keeper.open.flatMap(({ upstream, port }) => (upstream === '' ? [port] : []));

  const cases: Record<string, [listener: ListenerConfig, hosts: string[], ports: number[]]> = {
    'one for each host of the cluster': [kafka(), ['a', 'z'], [19_093, 19_094]],
    'no more than doors': [kafka(), ['a', 'b', 'c', 'd'], [19_093, 19_094, 19_095]],
    'one at least': [kafka(), [], [19_093]],
    'all that were chosen': [kafka({ doors: { firstPort: 30_000, count: 3 } }), ['a'], [30_000, 30_001, 30_002]],
    'all that were chosen, within reason': [
      kafka({ doors: { firstPort: 30_000, count: 10_000 } }),
      ['a'],
      Array.from({ length: 256 }, (_, i) => 30_000 + i),
    ],
    'none without doors': [kafka({ doors: null }), ['a'], []],
    'none beside a unix socket': [kafka({ address: { kind: 'pipe', path: '/run/k' } }), ['a'], []],
  };
  for (const [name, [listener, hosts, ports]] of Object.entries(cases))
    test(name, async () => {
      await begin([listener], hosts);
      expect(spares()).toEqual(ports);
      expect(keeper.addresses.map(({ upstream }) => upstream)).toEqual(ports.map(() => ''));
      expect([keeper.known, log]).toEqual([[], []]);
    });

  test('are taken first, and are not listened on again', async () => {
    await begin([kafka()]);
    await ask('b1:9092', 'b2:9092', 'b3:9092');
    expect(known()).toEqual(['kafka b1:9092 19093', 'kafka b2:9092 19094', 'kafka b3:9092 19095']);
    expect(spares()).toEqual([]);
    await begin([kafka()]);
    expect(spares()).toEqual([]);
  });

  test('make way for a server that has the port', async () => {
    await begin([kafka()]);
    await ask('127.0.0.1:19094');
    expect(known()).toEqual(['kafka 127.0.0.1:19094 19093']);
    expect(steps).toContain('close kafka  19094');
    expect(spares()).toEqual([]);
  });

  test('go round what is taken, and are closed with the listener', async () => {
    used.set(19_093, 'EADDRINUSE');
    await begin([kafka()]);
    expect(spares()).toEqual([19_094, 19_095]);
    await begin([]);
    expect(spares()).toEqual([]);
    expect(steps).toContain('close kafka  19094');
  });
});

describe('where doors are', () => {
  const cases: Record<string, [addresses: AddressConfig[], hosts: string[]]> = {
    'one host': [[ip('127.0.0.1', 1000)], ['127.0.0.1:1001']],
    'each host that clients come by': [
      [ip('127.0.0.1', 1000), ip('127.0.0.2', 2000), ip('::1', 1000), { kind: 'pipe', path: '/run/k' }],
      ['127.0.0.1:1001', '127.0.0.2:1001', '[::1]:1001'],
    ],
    'all of IPv4': [
      [ip('127.0.0.1', 1000), ip('0.0.0.0', 2000), ip('::1', 1000)],
      ['0.0.0.0:1001', '[::1]:1001'],
    ],
    'all there are': [[ip('127.0.0.1', 1000), ip('::', 2000), ip('0.0.0.0', 3000)], ['[::]:1001']],
  };
  for (const [name, [[address, ...additionalAddresses], hosts]] of Object.entries(cases))
    test(name, async () => {
      keeper.take(snapshot([kafka({ address: address!, additionalAddresses })]));
      await ask('b1:9092');
      expect(keeper.addresses.map((one) => one.address)).toEqual(hosts);
    });
});

describe('another configuration', () => {
  test('that keeps the listener keeps its doors', async () => {
    keeper.take(snapshot([kafka()]));
    await ask('b1:9092');
    keeper.take(snapshot([kafka({ tcpBacklogSize: 5, doors: { firstPort: 0, count: 1 } })], ['other']));
    expect(keeper.known.map(textOf)).toEqual(['kafka b1:9092 19093']);
    expect(steps).not.toContain('close kafka b1:9092 19093');
  });

  const closing: Record<string, ListenerConfig[]> = {
    'that has no such listener': [listenerConfig()],
    'whose listener opens no doors': [kafka({ doors: null })],
    'whose listener is somewhere else': [kafka({ address: ip('127.0.0.2', 19_092) })],
    'with another range': [kafka({ doors: { firstPort: 30_000, count: 3 } })],
  };
  for (const [name, listeners] of Object.entries(closing))
    test(`${name} closes them`, async () => {
      keeper.take(snapshot([kafka()]));
      await ask('b1:9092');
      keeper.take(snapshot(listeners));
      expect(keeper.open).toEqual([]);
      expect(keeper.known).toEqual([]);
      expect(steps).toContain('close kafka b1:9092 19093');
    });

  test('an upstream gets the port again that it had, and another is not given it while there are more', async () => {
    keeper.take(snapshot([kafka()]));
    await ask('b1:9092', 'b2:9092');
    keeper.take(snapshot([]));
    keeper.take(snapshot([kafka()]));
    await ask('a:9092');
    await ask('b2:9092', 'b1:9092');
    expect(known()).toEqual(['kafka a:9092 19095', 'kafka b1:9092 19093', 'kafka b2:9092 19094']);
  });

  test('that comes while a door is opened: it is opened by the new one', async () => {
    keeper.take(snapshot([kafka()]));
    let go = () => {};
    hold = new Promise((resolve) => {
      go = resolve;
    });
    keeper.ask(wanted('b1:9092'));
    await settled();
    keeper.take(snapshot([kafka({ address: ip('127.0.0.1', 29_092) })]));
    go();
    await settled();
    expect(told.at(-1)).toEqual({ known: ['kafka b1:9092 29093'], refused: [] });
    expect(told.flatMap(({ refused }) => refused)).toEqual([]);
    expect(steps).toContain('close kafka b1:9092 19093');
  });

  test('that is without the listener by then: refused', async () => {
    keeper.take(snapshot([kafka()]));
    let go = () => {};
    hold = new Promise((resolve) => {
      go = resolve;
    });
    keeper.ask(wanted('b1:9092'));
    await settled();
    keeper.take(snapshot([]));
    go();
    await settled();
    expect(told.at(-1)).toEqual({ known: [], refused: ['b1:9092'] });
    expect(keeper.open).toEqual([]);
  });
});
