import { describe, expect, test } from 'vitest';
import { type Script, type ScriptedSession, scriptedProtocol } from '../../test/support/scripted-protocol.ts';
import { type PlaneWishes, SimulatedPlane, snapshotOf } from '../../test/support/simulated-plane.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Turn, Verdict } from '../exchange/protocol-filter.ts';
import { Side } from '../exchange/side.ts';
import { FilterStatus, type NetworkFilter } from './filter.ts';
import type { WireOptions } from './simulated.ts';

const { downstream, upstream } = Side;
const bytes = (text: string) => Buffer.from(text, 'latin1');

interface Stage {
  readonly simulated: SimulatedPlane;
  readonly sessions: ScriptedSession[];
  /** The session of the one connection. */
  readonly session: ScriptedSession;
  readonly client: ReturnType<SimulatedPlane['pair']>['client'];
  readonly server: ReturnType<SimulatedPlane['pair']>['server'];
  readonly log: string[];
  /** Ends both scripted peers, and checks that nothing is left and everything has ended once. */
  finish(): void;
}

interface StageWishes extends PlaneWishes {
  readonly wire?: Partial<WireOptions>;
  readonly speaksFirst?: 'client' | 'server';
}

/** A connection through a scripted session to a connected server. */
async function stage(script: Script, wishes: StageWishes = {}): Promise<Stage> {
  const sessions: ScriptedSession[] = [];
  const protocol = scriptedProtocol(script, sessions, wishes.speaksFirst ?? 'server');
  const simulated = await SimulatedPlane.start({ ...wishes, protocol }, wishes.wire ?? {});
  const { client, server } = simulated.pair();
  const session = sessions[0]!;
  return {
    simulated,
    sessions,
    session,
    client,
    server,
    log: session.log,
    finish() {
      for (const end of [client, server]) if (end.closed === null) end.reset();
      simulated.run();
      simulated.expectBalanced();
      expect(simulated.parts.observer.log.filter((line) => line.startsWith('session'))).toHaveLength(2);
    },
  };
}

/** A link that denies what a test says. */
const judging = (onTurn: (turn: Turn) => Verdict, more: Partial<NetworkFilter> = {}) => ({
  judge: (): NetworkFilter => ({ name: 'policy', enforces: true, onTurn, ...more }),
});
const enforcing = judging(() => 'allow');

describe('tap', () => {
  test('forwards first, reads after, holds nothing', async () => {
    const order: string[] = [];
    const { client, server, simulated, log, finish } = await stage(
      {
        downstream: (_session, text) => void order.push(`read ${text}`),
        upstream: (_session, text) => void order.push(`read ${text}`),
      },
      {
        judge: () => ({
          name: 'after',
          onData: (buf, start, end) => {
            order.push(`forward ${buf.toString('latin1', start, end)}`);
            return FilterStatus.Continue;
          },
        }),
      },
    );
    client.send('ask');
    simulated.run();
    server.send('reply');
    simulated.run();
    expect(order).toEqual(['forward ask', 'read ask', 'read reply']);
    expect([server.text, client.text]).toEqual(['ask', 'reply']);
    expect(log).toEqual(['> 0 ask', '< 0 reply']);
    client.send('again');
    simulated.run();
    expect(log.at(-1)).toBe('> 3 again');
    finish();
  });

  test('send() comes after what was forwarded', async () => {
    const { client, server, simulated, finish } = await stage({
      upstream: ({ host }) => host.send(downstream, bytes('!')) as undefined,
    });
    server.send('a');
    simulated.run();
    server.send('b');
    simulated.run();
    expect(client.text).toBe('a!b!');
    finish();
  });

  test('half-close passes in both directions, each end told once', async () => {
    const { client, server, simulated, log, finish } = await stage({});
    client.send('x').end();
    simulated.run();
    server.send('y').end();
    simulated.run();
    expect(log).toEqual(['> 0 x', '> end fin', '< 0 y', '< end fin']);
    expect([client.closed?.how, server.closed?.how]).toEqual(['fin', 'fin']);
    finish();
  });

  test('a chunk that ends the connection on its way is not read any more', async () => {
    const { client, simulated, log, finish } = await stage(
      { downstream: ({ host }) => host.begin(host.take()) as undefined },
      {
        judge: () => ({
          name: 'strict',
          onData: () => {
            throw new Error('ends it');
          },
        }),
      },
    );
    client.send('x');
    simulated.run();
    expect(log).toEqual(['> end error', '< end error']);
    simulated.parts.errors.length = 0;
    finish();
  });
});

describe('gate', () => {
  test('holds what was not cleared, and lets it go in order', async () => {
    let allowed = 0;
    const { client, server, simulated, log, finish } = await stage(
      { downstream: ({ host }) => host.clear(downstream, allowed) as undefined },
      enforcing,
    );
    client.send('abc');
    simulated.run();
    expect(server.text).toBe('');
    allowed = 2;
    client.send('def');
    simulated.run();
    expect(server.text).toBe('ab');
    allowed = 7;
    client.send('g');
    simulated.run();
    expect(server.text).toBe('abcdefg');
    expect(log).toEqual(['> 0 abc', '> 3 def', '> 6 g']);
    finish();
  });

  test('replaces by more, less and nothing; our own bytes stand at the cleared point', async () => {
    const { client, server, simulated, finish } = await stage(
      {
        downstream: ({ host }, text, at) => {
          for (const [word, by] of [['one', 'ONE!'], ['two', ''], ['three', null]] as const) {
            const found = text.indexOf(word);
            if (found >= 0) host.replace(downstream, at + found, at + found + word.length, by === null ? null : bytes(by));
          }
          host.clear(downstream, at + text.indexOf('|'));
          host.send(upstream, bytes('<here>'));
          host.clear(downstream, at + text.length);
          return undefined;
        },
      },
      enforcing,
    );
    client.send('a one b two c | d three e');
    simulated.run();
    expect(server.text).toBe('a ONE! b  c <here>| d  e');
    finish();
  });

  test('a message replaced by its prefix: the rest is dropped as it comes', async () => {
    const { client, server, simulated, finish } = await stage(
      {
        downstream: ({ host }, text, at) => {
          if (at === 0) host.replace(downstream, 0, 10, bytes('no'));
          host.clear(downstream, at + text.length);
          return undefined;
        },
      },
      enforcing,
    );
    for (const piece of ['abcd', 'efgh', 'ijKL']) {
      client.send(piece);
      simulated.run();
    }
    expect(server.text).toBe('noKL');
    finish();
  });

  test('replies too, from the moment a session says so', async () => {
    const { client, server, simulated, finish } = await stage({
      downstream: ({ host }) => host.setGear(upstream, 'gate') as undefined,
      upstream: ({ host }, text, at) => {
        if (host.gear(upstream) === 'tap') return undefined;
        host.replace(upstream, at, at + text.length, bytes(text.toUpperCase()));
        host.clear(upstream, at + text.length);
        return undefined;
      },
    });
    server.send('free ');
    simulated.run();
    client.send('gate!');
    simulated.run();
    server.send('held');
    simulated.run();
    expect(client.text).toBe('free HELD');
    finish();
  });

  test('every cut gives the same bytes', async () => {
    // Words end with a blank; `no` becomes `NEVER`, and is judged when it is whole.
    const script: Script = {
      downstream: ({ host }, text, at) => {
        let from = 0;
        for (let blank = text.indexOf(' '); blank >= 0; blank = text.indexOf(' ', from)) {
          if (text.slice(from, blank) === 'no') host.replace(downstream, at + from, at + blank, bytes('NEVER'));
          host.clear(downstream, at + blank + 1);
          from = blank + 1;
        }
        if (from < text.length) host.resume(downstream); // comes again, with more
        return at + from;
      },
    };
    const text = 'yes no no maybe no x no ';
    for (let cut = 1; cut < text.length; cut++) {
      const { client, server, simulated, finish } = await stage(
        {
          downstream: (session, given, at) => {
            const read = script.downstream!(session, given, at)!;
            return read;
          },
        },
        { ...enforcing, wire: { segment: (n) => n, delay: () => 0 } },
      );
      // A resume without anything new would turn in a circle: the script resumes only when bytes came.
      void session0;
      client.send(text.slice(0, cut));
      simulated.run();
      client.send(text.slice(cut));
      simulated.run();
      expect(server.text).toBe('yes NEVER NEVER maybe NEVER x NEVER ');
      finish();
    }
  });
});
const session0 = 0;
