import { describe, expect, test } from 'vitest';
import { Endpoint } from '../../test/support/endpoint.ts';
import { ipAddress } from './address.ts';
import { SimulatedClock, SimulatedNetwork, seeded, type WireOptions } from './simulated.ts';

const HERE = ipAddress('10.0.0.1', 1);

async function wire(options: Partial<WireOptions> = {}) {
  const clock = new SimulatedClock();
  const network = new SimulatedNetwork(clock, { random: () => 0, segment: (n) => n, delay: () => 0, ...options });
  const accepted: Endpoint[] = [];
  await Endpoint.listen(network, HERE, accepted);
  const client = Endpoint.dial(network, HERE);
  clock.run();
  return { clock, network, client, server: accepted[0]! };
}

describe('clock', () => {
  test('runs in the order of time, then of planning; cancelled ones never', () => {
    const clock = new SimulatedClock();
    const order: string[] = [];
    clock.after(5, () => order.push('b'));
    clock.after(1, () => {
      order.push('a');
      clock.after(0, () => order.push('a2'));
    });
    clock.after(5, () => order.push('c'));
    clock.after(3, () => order.push('never')).cancel();
    expect(clock.run()).toBe(4);
    expect(order).toEqual(['a', 'a2', 'b', 'c']);
    expect(clock.now()).toBe(6);
  });

  test('stops at a time, and says so when it does not come to rest', () => {
    const clock = new SimulatedClock();
    const again = () => void clock.after(1, again);
    again();
    expect(clock.run(11)).toBe(10);
    expect(() => clock.run(Infinity, 1000)).toThrow('rest');
  });
});

describe('wire', () => {
  /** Everything that a run shows: what arrived in which pieces, when. */
  async function story(seed: number): Promise<string> {
    const random = seeded(seed);
    const clock = new SimulatedClock();
    const network = new SimulatedNetwork(clock, { random, kernelBytes: Math.floor(random() * 2000) });
    const accepted: Endpoint[] = [];
    await Endpoint.listen(network, HERE, accepted);
    const lines: string[] = [];
    const clients = [1, 2, 3].map(() => Endpoint.dial(network, HERE));
    clock.run(5);
    [...clients, ...accepted].forEach((endpoint, index) => {
      endpoint.onBytes = () => void lines.push(`${index} ${clock.now()} ${endpoint.chunks.at(-1)!.length}`);
      endpoint.onFin = () => void lines.push(`${index} ${clock.now()} fin`);
      endpoint.send(Buffer.alloc(Math.floor(random() * 50_000), index));
      if (random() < 0.7) endpoint.end();
      else endpoint.reset();
    });
    clock.run();
    return lines.join('\n');
  }

  test('a seed is a whole run', async () => {
    const stories = new Set<string>();
    for (let seed = 1; seed <= 20; seed++) {
      const told = await story(seed);
      expect(await story(seed)).toBe(told);
      stories.add(told);
    }
    expect(stories.size).toBeGreaterThan(15); // some say nothing but RST
  });

  test('lent means lent: the buffer is overwritten after the call', async () => {
    const { clock, client, server } = await wire();
    let kept: Buffer | null = null;
    const { onData } = server;
    server.onData = (buf, start, end) => {
      kept = buf.subarray(start, end);
      onData.call(server, buf, start, end);
    };
    client.send('hello');
    clock.run();
    expect([server.text, kept!.toString('latin1')]).toEqual(['hello', 'î'.repeat(5)]);
  });

  test('while reading is stopped neither bytes, FIN nor RST is seen', async () => {
    const { clock, client, server } = await wire();
    server.transport.readDisable(true);
    server.transport.readDisable(true);
    client.send('x').end();
    clock.run();
    server.transport.readDisable(false);
    clock.run();
    expect([server.text, server.ended]).toEqual(['', false]);
    server.transport.readDisable(false);
    clock.run();
    expect([server.text, server.ended]).toEqual(['x', true]);
    server.transport.readDisable(true);
    client.reset();
    clock.run();
    expect(server.closed).toBeNull();
    server.send('who is there'); // a write meets it all the same
    clock.run();
    expect(server.closed).toEqual({ how: 'reset', code: 'EPIPE' });
  });

  test('pending, watermark and drain', async () => {
    const { clock, client, server } = await wire({ kernelBytes: 1000, segment: (n) => Math.min(n, 500) });
    client.transport.setWatermark(2000);
    server.transport.readDisable(true);
    client.send(Buffer.alloc(2500));
    clock.run();
    expect([client.transport.pending, client.drains]).toEqual([1500, 0]);
    client.send(Buffer.alloc(1500));
    expect(client.transport.pending).toBe(3000);
    let flushed = 0;
    Object.assign(client, { onFlushed: () => flushed++ });
    client.transport.notifyFlushed();
    clock.run();
    expect([client.drains, flushed]).toEqual([0, 0]);
    server.transport.readDisable(false);
    clock.run();
    expect([client.drains, flushed, server.bytes.length]).toEqual([1, 1, 4000]);
  });

  test('a closed end still delivers what its kernel has, then FIN; who writes to it is reset', async () => {
    const { clock, network, client, server } = await wire({ kernelBytes: 3 });
    client.send('abcdef');
    client.transport.destroy();
    clock.run();
    expect([server.text, server.ended, server.closed]).toEqual(['abc', true, null]);
    server.send('hello?');
    clock.run();
    expect(server.closed?.how).toBe('reset');
    expect(network.open).toBe(0);
  });

  /** The server has said something and hung up with bytes unread, so that RST follows; the client did not listen yet. */
  async function hungUp() {
    const wired = await wire({ random: () => 0.999 }); // all that the kernel had taken arrives
    const { clock, client, server } = wired;
    client.transport.readDisable(true);
    server.transport.readDisable(true);
    client.send('unread');
    clock.run();
    server.send('too much').transport.destroy();
    clock.run();
    expect([client.text, client.closed]).toEqual(['', null]);
    return wired;
  }

  test('what came before RST is read before it', async () => {
    const { clock, network, client } = await hungUp();
    client.transport.readDisable(false);
    clock.run();
    expect([client.text, client.ended, client.closed]).toEqual([
      'too much',
      false,
      { how: 'reset', code: 'ECONNRESET' },
    ]);
    expect(network.open).toBe(0);
  });

  test('a failed write: nothing is written any more, and what came before RST is read all the same', async () => {
    const { clock, network, client } = await hungUp();
    const began = clock.now();
    client.send('more');
    clock.run(began + 5000);
    expect([client.transport.write(Buffer.alloc(10)), client.transport.pending, client.closed]).toEqual([0, 0, null]);
    client.transport.readDisable(false);
    clock.run(began + 5001);
    expect([client.text, client.ended, client.closed]).toEqual(['too much', false, { how: 'reset', code: 'EPIPE' }]);
    expect(network.open).toBe(0);
  });

  test('a failed write, and nobody reads: cut at the limit', async () => {
    const { clock, client } = await hungUp();
    const began = clock.now();
    client.send('more');
    clock.run();
    expect([client.text, client.closed]).toEqual(['', { how: 'reset', code: 'EPIPE' }]);
    expect(clock.now() - began).toBe(10_000);
  });

  test('a failed write ends back-pressure', async () => {
    const { clock, client, server } = await wire({ kernelBytes: 10 });
    client.transport.setWatermark(20);
    client.send('x'.repeat(100));
    server.transport.readDisable(true);
    client.transport.readDisable(true);
    clock.run();
    server.reset();
    clock.run();
    client.send('more');
    clock.run();
    expect([client.drains, client.transport.pending, client.closed]).toEqual([1, 0, { how: 'reset', code: 'EPIPE' }]);
  });

  test('resetAfterFlush: at once where nothing is pending, else when everything has left', async () => {
    const quick = await wire();
    quick.client.transport.resetAfterFlush();
    expect(quick.network.open).toBe(1);

    const { clock, client, server } = await wire({ kernelBytes: 10, segment: (n) => Math.min(n, 10) });
    client.send('x'.repeat(1000)).transport.resetAfterFlush();
    clock.run();
    expect([server.text.length, server.ended, server.closed?.how]).toEqual([1000, false, 'reset']);

    const deaf = await wire({ kernelBytes: 10 });
    deaf.server.transport.readDisable(true);
    deaf.client.send('x'.repeat(1000)).transport.resetAfterFlush();
    deaf.clock.run();
    expect(deaf.client.closed?.how).toBe('reset');
  });

  test('closed with bytes unread: the peer sees RST', async () => {
    const { clock, client, server } = await wire();
    client.transport.readDisable(true);
    server.send('unread');
    clock.run();
    client.transport.destroy();
    clock.run();
    expect([client.closed?.how, server.closed?.how]).toEqual(['fin', 'reset']);
  });

  test('closeAfterFlush: everything, FIN, and gone when the peer ends, or a second later', async () => {
    const { clock, client, server } = await wire({ kernelBytes: 10, segment: (n) => Math.min(n, 10) });
    client.send('x'.repeat(1000)).transport.closeAfterFlush();
    clock.run(10);
    expect([server.text.length, server.ended, client.closed]).toEqual([1000, true, null]);
    server.end();
    clock.run(20);
    expect(client.closed?.how).toBe('fin');

    const other = await wire();
    const begun = other.clock.now();
    other.client.transport.closeAfterFlush();
    other.clock.run();
    expect(other.client.closed?.how).toBe('fin');
    expect(other.clock.now() - begun).toBe(1000);
  });

  test('closeAfterFlush: a peer that takes nothing is cut', async () => {
    const { clock, client, server } = await wire({ kernelBytes: 10 });
    server.transport.readDisable(true);
    client.send('x'.repeat(1000)).transport.closeAfterFlush();
    clock.run();
    expect(client.closed).not.toBeNull();
  });

  test('nobody there, and nobody who answers', async () => {
    const { clock, network } = await wire();
    const refused = Endpoint.dial(network, ipAddress('10.0.0.9', 1));
    network.silence(HERE);
    const silent = Endpoint.dial(network, HERE);
    clock.run();
    expect(refused.closed).toEqual({ how: 'error', code: 'ECONNREFUSED' });
    expect([silent.connected, silent.closed]).toEqual([false, null]);
    await expect(network.listen(HERE, () => {})).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
