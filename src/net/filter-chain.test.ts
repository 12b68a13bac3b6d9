import { beforeEach, describe, expect, test } from 'vitest';
import { Endpoint } from '../../test/support/endpoint.ts';
import { SessionFacts } from '../exchange/session-facts.ts';
import { StatsRegistry } from '../stats/registry.ts';
import { ipAddress } from './address.ts';
import { Connection } from './connection.ts';
import { type FilterBuilder, type FilterCallbacks, FilterStatus, type NetworkFilter } from './filter.ts';
import { listenerStats } from './listener-stats.ts';
import { SimulatedClock, SimulatedNetwork } from './simulated.ts';

const { Continue, StopIteration, Consumed } = FilterStatus;
const HERE = ipAddress('10.0.0.1', 1);
const LIMIT = 100;

let log: string[];
let bugs: unknown[];
beforeEach(() => {
  log = [];
  bugs = [];
});

/** A filter that writes down what it is asked, and answers as told. */
class Recorder implements NetworkFilter {
  readonly name: string;
  readonly callbacks: FilterCallbacks;
  newConnection: FilterStatus = Continue;
  data: FilterStatus = Continue;
  write: FilterStatus = Continue;
  hook: ((call: string) => void) | null = null;

  constructor(name: string, callbacks: FilterCallbacks) {
    this.name = name;
    this.callbacks = callbacks;
  }

  #note(call: string): void {
    log.push(`${this.name} ${call}`);
    this.hook?.(call);
  }

  onNewConnection(): FilterStatus {
    this.#note('new');
    return this.newConnection;
  }
  onData(buf: Buffer, start: number, end: number, _given: boolean, endStream: boolean): FilterStatus {
    this.#note(`data ${buf.toString('latin1', start, end)}${endStream ? ' fin' : ''}`);
    return this.data;
  }
  onWrite(buf: Buffer, start: number, end: number, _given: boolean, endStream: boolean): FilterStatus {
    this.#note(`write ${buf.toString('latin1', start, end)}${endStream ? ' fin' : ''}`);
    return this.write;
  }
  onEvent(event: string): void {
    this.#note(event);
  }
}

/** A connection with these filters on the simulated network, and its client. */
async function chainOf(
  names: string,
  prepare: (filters: Record<string, Recorder>) => void = () => {},
  more: FilterBuilder[] = [],
) {
  const clock = new SimulatedClock();
  const network = new SimulatedNetwork(clock, { random: () => 0, segment: (n) => n, delay: () => 0 });
  const stats = new StatsRegistry();
  const filters: Record<string, Recorder> = {};
  let connection!: Connection;
  await network.listen(HERE, (transport) => {
    const builders: FilterBuilder[] = [...names].map((name) => (callbacks) => {
      filters[name] = new Recorder(name, callbacks);
      return filters[name];
    });
    connection = new Connection(
      {
        clock,
        stats,
        listenerIds: stats.open(listenerStats, { address: 'x' }),
        bufferLimitBytes: LIMIT,
        onBug: (_connection, error) => void bugs.push(error),
        onClosed: () => void log.push('over'),
      },
      transport,
      new SessionFacts(1, 'tcp', 'x', '', '', 0),
      [...builders, ...more],
    );
    prepare(filters);
    connection.start();
  });
  const client = Endpoint.dial(network, HERE);
  clock.run();
  const say = (bytes: string) => {
    client.send(bytes);
    clock.run();
  };
  return { clock, network, connection, client, filters, say };
}

describe('order', () => {
  test('reads run in config order, writes in reverse', async () => {
    const { connection, client, clock, say } = await chainOf('abc', ({ c }) => {
      c!.data = Consumed;
    });
    expect(log.splice(0)).toEqual(['a new', 'b new', 'c new']);
    say('hi');
    expect(log.splice(0)).toEqual(['a data hi', 'b data hi', 'c data hi']);
    connection.writeFromUpstream(Buffer.from('_ho_'), 1, 3, false, false);
    clock.run();
    expect(log).toEqual(['c write ho', 'b write ho', 'a write ho']);
    expect(client.text).toBe('ho');
  });

  test('endStream travels with the bytes in both directions, and on its own', async () => {
    const { connection, client, clock } = await chainOf('ab', ({ b }) => {
      b!.data = Consumed;
    });
    log.length = 0;
    client.end();
    clock.run();
    expect(log.splice(0)).toEqual(['a data  fin', 'b data  fin']);
    connection.writeFromUpstream(Buffer.from('bye'), 0, 3, false, true);
    clock.run();
    expect(log).toEqual(['b write bye fin', 'a write bye fin', 'a remote_close', 'b remote_close', 'over']);
    expect(client.text).toBe('bye');
    expect(client.ended).toBe(true);
  });

  test('every filter hears of the end, also when one throws', async () => {
    const { client, clock } = await chainOf('abc', ({ a }) => {
      a!.hook = (call) => {
        if (call === 'remote_reset') throw new Error('bug in a');
      };
    });
    log.length = 0;
    client.reset();
    clock.run();
    expect(log).toEqual(['a remote_reset', 'b remote_reset', 'c remote_reset', 'over']);
    expect(bugs).toHaveLength(1);
  });
});

describe('onNewConnection', () => {
  test('Stop halts the chain; continueReading goes on with the next', async () => {
    const { filters } = await chainOf('abc', ({ b }) => {
      b!.newConnection = StopIteration;
    });
    expect(log.splice(0)).toEqual(['a new', 'b new']);
    filters['b']!.callbacks.continueReading();
    expect(log).toEqual(['c new']);
  });

  test('what arrives meanwhile is offered to the filter that stopped, and reaches the next after continueReading', async () => {
    const { filters, say } = await chainOf('abc', ({ b }) => {
      b!.newConnection = b!.data = StopIteration;
    });
    say('x');
    say('y');
    expect(log.splice(0)).toEqual(['a new', 'b new', 'a data x', 'b data x', 'a data y', 'b data xy']);
    filters['b']!.callbacks.continueReading();
    expect(log).toEqual(['c new', 'c data xy']);
  });

  test('a filter without onData that stops has the bytes kept', async () => {
    let callbacks!: FilterCallbacks;
    const gate: FilterBuilder = (given) => {
      callbacks = given;
      return { name: 'gate', onNewConnection: () => StopIteration };
    };
    const last: FilterBuilder = (given) => new Recorder('z', given);
    const { say } = await chainOf('a', undefined, [gate, last]);
    say('x');
    say('y');
    expect(log.splice(0)).toEqual(['a new', 'a data x', 'a data y']);
    callbacks.continueReading();
    expect(log).toEqual(['z new', 'z data xy']);
  });

  test('a filter not reached by it gets it right before its first data, also one without onData', async () => {
    const quiet: FilterBuilder = () => ({
      name: 'quiet',
      onNewConnection: () => {
        log.push('quiet new');
        return Continue;
      },
    });
    const last: FilterBuilder = (given) => new Recorder('z', given);
    const prepare = (filters: Record<string, Recorder>) => {
      filters['a']!.newConnection = StopIteration;
    };
    const { say } = await chainOf('a', prepare, [quiet, last]);
    say('x'); // a answers Continue: as in Envoy, its stop at onNewConnection does not bind its onData
    expect(log).toEqual(['a new', 'a data x', 'quiet new', 'z new', 'z data x']);
  });

  test('a filter that stops at its late onNewConnection has the bytes kept, and does not see them again', async () => {
    const { filters, say } = await chainOf('abc', ({ a, b }) => {
      a!.newConnection = b!.newConnection = StopIteration;
    });
    say('x');
    expect(log.splice(0)).toEqual(['a new', 'a data x', 'b new']);
    filters['b']!.callbacks.continueReading();
    expect(log).toEqual(['c new', 'c data x']);
  });

  test('a filter that closes the connection is the last to be asked', async () => {
    const { client, clock } = await chainOf('abc', ({ b }) => {
      b!.hook = (call) => {
        if (call === 'new') b!.callbacks.connection.close('no_flush', 'denied');
      };
    });
    clock.run();
    expect(log).toEqual(['a new', 'b new', 'a local_close', 'b local_close', 'c local_close', 'over']);
    expect(client.ended).toBe(true);
  });
});

describe('onData', () => {
  test('StopIteration keeps the bytes here: they come again with what follows, and earlier filters do not see them twice', async () => {
    const { filters, say } = await chainOf('abc', ({ b }) => {
      b!.data = StopIteration;
    });
    log.length = 0;
    say('x');
    say('y');
    expect(log.splice(0)).toEqual(['a data x', 'b data x', 'a data y', 'b data xy']);
    filters['b']!.data = Continue;
    say('z');
    expect(log).toEqual(['a data z', 'b data xyz', 'c data xyz']);
  });

  test('continueReading hands everything stopped to the next filter, with the FIN', async () => {
    const { filters, say, client, clock } = await chainOf('abc', ({ b }) => {
      b!.data = StopIteration;
    });
    say('x');
    client.end();
    clock.run();
    log.length = 0;
    filters['b']!.callbacks.continueReading();
    expect(log.splice(0)).toEqual(['c data x fin']);
    filters['b']!.callbacks.continueReading(); // nothing is left
    expect(log).toEqual([]);
  });

  test('Consumed: later filters see only what is injected', async () => {
    const { filters, say } = await chainOf('abc', ({ b }) => {
      b!.data = Consumed;
      b!.hook = (call) => {
        if (call.startsWith('data')) b!.callbacks.injectRead(Buffer.from('<other>'), 1, 6, true, false);
      };
    });
    log.length = 0;
    say('x');
    say('y');
    expect(log).toEqual(['a data x', 'b data x', 'c data other', 'a data y', 'b data y', 'c data other']);
    expect(filters['c']).toBeDefined();
  });

  test('injectWrite goes to the earlier filters and then to the client', async () => {
    const { filters, client, clock } = await chainOf('abc');
    log.length = 0;
    filters['b']!.callbacks.injectWrite(Buffer.from('from b'), 0, 6, true, false);
    clock.run();
    expect(log).toEqual(['a write from b']);
    expect(client.text).toBe('from b');
  });

  test('onWrite Stop: nothing is kept, nothing is sent', async () => {
    const { connection, client, clock } = await chainOf('ab', ({ b }) => {
      b!.write = StopIteration;
    });
    log.length = 0;
    connection.writeFromUpstream(Buffer.from('x'), 0, 1, false, false);
    clock.run();
    expect(log).toEqual(['b write x']);
    expect(client.text).toBe('');
  });

  test('a filter that closes the connection is the last to see the bytes', async () => {
    const { say } = await chainOf('abc', ({ b }) => {
      b!.hook = (call) => {
        if (call.startsWith('data')) b!.callbacks.connection.close('flush', 'denied');
      };
    });
    log.length = 0;
    say('x');
    expect(log).toEqual(['a data x', 'b data x', 'a local_close', 'b local_close', 'c local_close', 'over']);
  });

  test('a throw ends this connection and is counted', async () => {
    const { say, client } = await chainOf('ab', ({ a }) => {
      a!.hook = (call) => {
        if (call.startsWith('data')) throw new Error('bug');
      };
    });
    log.length = 0;
    say('x');
    expect(log).toEqual(['a data x', 'a local_close', 'b local_close', 'over']);
    expect(bugs).toHaveLength(1);
    expect(client.ended).toBe(true);
  });
});

describe('buffer limit', () => {
  test('a position that keeps more than the limit stops the client, until it goes on', async () => {
    const { filters, say, clock } = await chainOf('ab', ({ a }) => {
      a!.data = StopIteration;
    });
    log.length = 0;
    say('x'.repeat(LIMIT + 1));
    say('y');
    expect(log.splice(0)).toEqual([`a data ${'x'.repeat(LIMIT + 1)}`]); // y waits in the kernel
    filters['a']!.data = Continue;
    filters['a']!.callbacks.continueReading();
    clock.run();
    expect(log).toEqual([`b data ${'x'.repeat(LIMIT + 1)}`, 'a data y', 'b data y']);
  });

  test('injected bytes that free the position free the client too', async () => {
    const { filters, say, clock } = await chainOf('ab', ({ a, b }) => {
      a!.data = Consumed;
      b!.data = StopIteration;
    });
    filters['a']!.callbacks.injectRead(Buffer.alloc(LIMIT + 1, 'x'), 0, LIMIT + 1, true, false);
    log.length = 0;
    say('y');
    expect(log).toEqual([]);
    filters['b']!.data = Consumed;
    filters['a']!.callbacks.injectRead(Buffer.from('z'), 0, 1, true, false);
    clock.run();
    expect(log).toEqual([`b data ${'x'.repeat(LIMIT + 1)}z`, 'a data y']);
  });
});
