import { describe, expect, test } from 'vitest';
import { Endpoint } from '../../test/support/endpoint.ts';
import { listenerConfig, type PlaneWishes, snapshotOf } from '../../test/support/plane-parts.ts';
import { type Script, type ScriptedSession, scriptedProtocol } from '../../test/support/scripted-protocol.ts';
import { SimulatedPlane } from '../../test/support/simulated-plane.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Turn, Verdict } from '../exchange/protocol-filter.ts';
import { Side } from '../exchange/side.ts';
import { ipAddress } from './address.ts';
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
          for (const [word, by] of [
            ['one', 'ONE!'],
            ['two', ''],
            ['three', null],
          ] as const) {
            const found = text.indexOf(word);
            if (found >= 0)
              host.replace(downstream, at + found, at + found + word.length, by === null ? null : bytes(by));
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
    // Words end with a blank; `no` becomes `NEVER`. What is no whole word yet is asked for again, with more.
    const script: Script = {
      downstream: ({ host }, text, at) => {
        let from = 0;
        for (let blank = text.indexOf(' '); blank >= 0; blank = text.indexOf(' ', from)) {
          if (text.slice(from, blank) === 'no') host.replace(downstream, at + from, at + blank, bytes('NEVER'));
          host.clear(downstream, at + blank + 1);
          from = blank + 1;
        }
        if (from < text.length) host.resume(downstream);
        return at + from;
      },
    };
    const text = 'yes no no maybe no x no ';
    for (let cut = 1; cut < text.length; cut++) {
      const { client, server, simulated, finish } = await stage(script, enforcing);
      client.send(text.slice(0, cut));
      simulated.run();
      client.send(text.slice(cut));
      simulated.run();
      expect(server.text).toBe('yes NEVER NEVER maybe NEVER x NEVER ');
      finish();
    }
  });

  test('half a message before FIN: a gate keeps it, an observer lets it go', async () => {
    for (const [wishes, want] of [
      [enforcing, 'whole '],
      [{}, 'whole half'],
    ] as const) {
      const { client, server, simulated, finish } = await stage(
        {
          open: ({ host }) => host.setGear(downstream, 'gate'),
          downstream: ({ host }, given, at) => host.clear(downstream, at + given.lastIndexOf(' ') + 1) as undefined,
        },
        wishes,
      );
      client.send('whole half').end();
      simulated.run();
      expect([server.text, server.ended]).toEqual([want, true]);
      finish();
    }
  });
});

describe('change of gear', () => {
  const gearbox = (side: Side): Script => {
    const read = ({ host }: ScriptedSession, text: string, at: number) => {
      const upTo = at + text.length;
      if (host.gear(side) === 'gate') {
        for (let i = text.indexOf('x'); i >= 0; i = text.indexOf('x', i + 1))
          host.replace(side, at + i, at + i + 1, bytes('[x]'));
        host.clear(side, upTo);
      }
      if (text.includes('G')) host.setGear(side, 'gate');
      if (text.includes('T')) host.setGear(side, 'tap');
      return upTo;
    };
    return { downstream: read, upstream: read };
  };
  for (const side of [downstream, upstream]) {
    test(`mid-stream, both ways, ${side === downstream ? 'requests' : 'replies'}`, async () => {
      const { client, server, simulated, finish } = await stage(gearbox(side));
      const [from, to] = side === downstream ? [client, server] : [server, client];
      for (const piece of ['xa', 'G', 'xb', 'Tx', 'xc', 'Gx', 'xd', 'T', 'xe']) {
        from.send(piece);
        simulated.run();
      }
      // The gear counts for bytes not yet received: x in the chunk of the change goes by the old one.
      expect(to.text).toBe('xaG[x]bT[x]xcGx[x]dTxe');
      finish();
    });
  }

  test('back to tap while something is held: the rest leaves as it is read, in order', async () => {
    let hold = true;
    const { client, server, simulated, session, finish } = await stage({
      downstream: ({ host }, text, at) => {
        if (hold) return at;
        host.setGear(downstream, 'tap');
        return at + text.length;
      },
      open: ({ host }) => host.setGear(downstream, 'gate'),
    });
    client.send('first ');
    simulated.run();
    expect(server.text).toBe('');
    hold = false;
    session.host.resume(downstream);
    client.send('second');
    simulated.run();
    expect(server.text).toBe('first second');
    expect(session.host.gear(downstream)).toBe('tap');
    finish();
  });

  test('replacing outside the gate is a bug of the session', async () => {
    const { client, server, simulated, finish } = await stage({
      downstream: ({ host }) => host.replace(downstream, 0, 1, null) as undefined,
    });
    client.send('x');
    simulated.run();
    expect(server.text).toBe('x');
    expect(simulated.parts.errors.splice(0)).toHaveLength(1);
    finish();
  });
});

describe('hold and resume', () => {
  /** Reads whole words; holds before one that is not decided. */
  const deciding = (decided: Set<string>): Script => ({
    downstream: ({ host }, text, at) => {
      let from = 0;
      for (let blank = text.indexOf(' '); blank >= 0; blank = text.indexOf(' ', from)) {
        if (!decided.has(text.slice(from, blank))) return at + from;
        from = blank + 1;
        host.clear(downstream, at + from);
      }
      return at + from;
    },
  });

  test('a held side is not called again before it resumes; then with everything', async () => {
    const decided = new Set(['a']);
    const { client, server, simulated, session, log, finish } = await stage(deciding(decided), enforcing);
    client.send('a b ');
    simulated.run();
    client.send('c ');
    simulated.run();
    expect(log).toEqual(['> 0 a b ']);
    expect(server.text).toBe('a ');
    decided.add('b').add('c');
    session.host.resume(downstream);
    simulated.run();
    expect(log).toEqual(['> 0 a b ', '> 2 b c ']);
    expect(server.text).toBe('a b c ');
    finish();
  });

  test('the other side runs on, and may be what resumes', async () => {
    const decided = new Set<string>();
    const { client, server, simulated, finish } = await stage(
      {
        ...deciding(decided),
        upstream: ({ host }) => {
          decided.add('a');
          host.resume(downstream);
          return undefined;
        },
      },
      enforcing,
    );
    client.send('a ');
    simulated.run();
    expect(server.text).toBe('');
    server.send('ready');
    simulated.run();
    expect([server.text, client.text]).toEqual(['a ', 'ready']);
    finish();
  });

  test('a session may return to where its turn began, below the chunk at hand', async () => {
    let decided = false;
    const { client, server, simulated, session, log, finish } = await stage(
      {
        // A turn is six bytes; the first half is read before the whole can be judged.
        downstream: ({ host }, text, at) => {
          if (at + text.length < 6) return undefined;
          if (!decided) return 0;
          host.clear(downstream, 6);
          return undefined;
        },
      },
      enforcing,
    );
    client.send('abc');
    simulated.run();
    client.send('def');
    simulated.run();
    decided = true;
    session.host.resume(downstream);
    simulated.run();
    expect(log).toEqual(['> 0 abc', '> 3 def', '> 0 abcdef']);
    expect(server.text).toBe('abcdef');
    finish();
  });

  test('resume from within its own callback, message by message, however many', async () => {
    let calls = 0;
    const { client, server, simulated, finish } = await stage(
      {
        downstream: ({ host }, _text, at) => {
          calls++;
          host.clear(downstream, at + 1);
          host.resume(downstream);
          return at + 1;
        },
      },
      enforcing,
    );
    client.send('x'.repeat(20_000)); // deeper than any stack, if it went by calls
    simulated.run();
    expect([calls, server.text.length]).toEqual([20_000, 20_000]);
    finish();
  });

  test('sessions that only ever resume do not spin', async () => {
    const { client, server, simulated, log, finish } = await stage(
      {
        downstream: ({ host }, _text, at) => {
          host.resume(downstream);
          host.resume(upstream);
          return at;
        },
        upstream: ({ host }, _text, at) => {
          host.resume(downstream);
          return at;
        },
        open: ({ host }) => host.setGear(upstream, 'gate'),
      },
      enforcing,
    );
    client.send('x');
    server.send('y');
    simulated.run();
    expect(log.length).toBeLessThan(20);
    finish();
  });

  test('what is held counts in the limit: the client is stopped, and freed', async () => {
    const LIMIT = 1000;
    let hold = true;
    const { client, server, simulated, session, finish } = await stage(
      {
        downstream: ({ host }, text, at) => {
          if (hold) return at;
          host.clear(downstream, at + text.length);
          return undefined;
        },
      },
      { ...enforcing, listener: { perConnectionBufferLimitBytes: LIMIT }, wire: { segment: (n) => Math.min(n, 300) } },
    );
    client.send('x'.repeat(5000));
    simulated.run();
    expect(session.host.facts.received[downstream]).toBe(1200);
    hold = false;
    session.host.resume(downstream);
    simulated.run();
    expect(server.text.length).toBe(5000);
    finish();
  });

  test('a message that is read but not cleared may be larger than the limit', async () => {
    const { client, server, simulated, finish } = await stage(
      {
        downstream: ({ host }, text, at) =>
          (text.endsWith('.') ? host.clear(downstream, at + text.length) : undefined) as undefined,
      },
      { ...enforcing, listener: { perConnectionBufferLimitBytes: 1000 }, wire: { segment: (n) => Math.min(n, 300) } },
    );
    client.send(`${'x'.repeat(4999)}.`);
    simulated.run();
    expect(server.text.length).toBe(5000);
    finish();
  });

  test('replies held by the session stop the server', async () => {
    let hold = true;
    const { client, server, simulated, session, finish } = await stage(
      {
        open: ({ host }) => host.setGear(upstream, 'gate'),
        upstream: ({ host }, text, at) => {
          if (hold) return at;
          host.clear(upstream, at + text.length);
          return undefined;
        },
      },
      { listener: { perConnectionBufferLimitBytes: 1000 }, wire: { segment: (n) => Math.min(n, 300) } },
    );
    server.send('x'.repeat(5000));
    simulated.run();
    expect(session.host.facts.received[upstream]).toBe(1200);
    hold = false;
    session.host.resume(upstream);
    simulated.run();
    expect(client.text.length).toBe(5000);
    finish();
  });

  test('FIN behind held bytes waits for them', async () => {
    const decided = new Set<string>();
    const { client, server, simulated, session, log, finish } = await stage(deciding(decided), enforcing);
    client.send('a ').end();
    simulated.run();
    expect([server.text, server.ended]).toEqual(['', false]);
    expect(log).toEqual(['> 0 a ']);
    decided.add('a');
    session.host.resume(downstream);
    simulated.run();
    expect([server.text, server.ended]).toEqual(['a ', true]);
    expect(log).toEqual(['> 0 a ', '> 0 a ', '> end fin']);
    finish();
  });

  test('FIN behind held bytes passes when the session gives up', async () => {
    const { client, server, simulated, session, finish } = await stage({
      open: ({ host }) => host.setGear(downstream, 'gate'),
      downstream: (_session, _text, at) => at,
    });
    client.send('a ').end();
    simulated.run();
    expect(server.ended).toBe(false);
    session.host.opaque('unsupported_version');
    simulated.run();
    expect([server.text, server.ended]).toEqual(['a ', true]);
    finish();
  });

  test('the server’s FIN behind held replies waits too', async () => {
    let hold = true;
    const { client, server, simulated, session, finish } = await stage({
      open: ({ host }) => host.setGear(upstream, 'gate'),
      upstream: ({ host }, text, at) => {
        if (hold) return at;
        host.clear(upstream, at + text.length);
        return undefined;
      },
    });
    client.end();
    server.send('late').end();
    simulated.run();
    expect([client.text, client.ended, simulated.parts.plane.active]).toEqual(['', false, 1]);
    hold = false;
    session.host.resume(upstream);
    simulated.run();
    expect([client.text, client.closed?.how]).toEqual(['late', 'fin']);
    finish();
  });

  test('a client that dies while something is held: it never leaves', async () => {
    const { client, server, simulated, session, finish } = await stage(deciding(new Set()), enforcing);
    client.send('a ');
    simulated.run();
    client.reset();
    simulated.run();
    session.host.resume(downstream); // the verdict comes late
    simulated.run();
    expect([server.text, server.closed?.how]).toEqual(['', 'reset']);
    finish();
  });
});

describe('refusing', () => {
  /** One turn a chunk; its whole text is judged. */
  const turns = (more: Script): Script => ({
    ...more,
    downstream: ({ host }, text, at) => {
      const x = host.take();
      const turn = { from: at, to: at + text.length, complete: true, ops: [x], facts: [] };
      const verdict = host.ask(turn);
      if (verdict === 'later') {
        host.drop(x);
        return at;
      }
      host.drop(x);
      host.clear(downstream, turn.to);
      return turn.to;
    },
  });

  test('standIn: the server gets that in its place', async () => {
    const { client, server, simulated, finish } = await stage(
      turns({ refuse: () => ({ kind: 'standIn', bytes: bytes('select error') }) }),
      judging((turn) => (turn.from === 3 ? 'deny' : 'allow')),
    );
    for (const piece of ['one', 'two', 'three']) {
      client.send(piece);
      simulated.run();
    }
    expect(server.text).toBe('oneselect errorthree');
    finish();
  });

  test('answer: nothing leaves, the client gets the bytes', async () => {
    const { client, server, simulated, finish } = await stage(
      turns({ refuse: () => ({ kind: 'answer', bytes: bytes('denied') }) }),
      judging((turn) => (turn.from === 0 ? 'deny' : 'allow')),
    );
    client.send('one');
    simulated.run();
    client.send('two');
    simulated.run();
    expect([server.text, client.text]).toEqual(['two', 'denied']);
    finish();
  });

  test('close: last words, then the end; what was allowed before still arrives', async () => {
    const { client, server, simulated, log, finish } = await stage(
      turns({ refuse: () => ({ kind: 'close', last: bytes('go away') }) }),
      judging((turn) => (turn.from === 3 ? 'deny' : 'allow'), {
        denial: { policy: 'p1', message: 'no', kind: 'policy' as const, closes: false },
      }),
    );
    client.send('one');
    simulated.run();
    client.send('two');
    simulated.run();
    expect([server.text, server.ended, client.text, client.ended]).toEqual(['one', true, 'go away', true]);
    expect(log.slice(-2)).toEqual(['> end error', '< end error']);
    expect(simulated.parts.observer.log.at(-1)).toBe('session end denied:p1');
    finish();
  });

  test('links are asked in chain order until one does not allow; later is asked again', async () => {
    let verdict: Verdict = 'later';
    const asked: number[] = [];
    const { client, server, simulated, session, finish } = await stage(
      turns({}),
      judging((turn) => {
        asked.push(turn.from);
        return verdict;
      }),
    );
    client.send('one');
    simulated.run();
    client.send('two');
    simulated.run();
    expect([asked, server.text]).toEqual([[0], '']);
    verdict = 'allow';
    session.host.resume(downstream);
    simulated.run();
    expect([asked, server.text]).toEqual([[0, 0], 'onetwo']);
    finish();
  });

  test('a link that throws denies by closing', async () => {
    const { client, server, simulated, finish } = await stage(
      turns({}),
      judging(() => {
        throw new Error('bug in a policy');
      }),
    );
    client.send('one');
    simulated.run();
    expect([server.text, client.ended]).toEqual(['', true]);
    expect(simulated.parts.errors.splice(0)).toHaveLength(1);
    finish();
  });

  test('judges and enforces are known when the session opens', async () => {
    const seen: unknown[] = [];
    const open: Script = { open: ({ host }) => void seen.push([host.judges, host.enforces, host.gear(downstream)]) };
    await stage(open);
    await stage(
      open,
      judging(() => 'allow', { enforces: false }),
    );
    await stage(open, enforcing);
    expect(seen).toEqual([
      [false, false, 'tap'],
      [true, false, 'tap'],
      [true, true, 'gate'],
    ]);
  });
});

describe('opaque', () => {
  const giveUp: Script = {
    downstream: ({ host }, text) =>
      (text.includes('?') ? host.opaque('unknown_type') : host.begin(host.take())) as undefined,
  };
  const counted = (simulated: SimulatedPlane) => simulated.stat('sluice.opaque.scripted.unknown_type.connections');

  test('observed: bytes flow on unread, counted once, open exchanges end', async () => {
    const ending: Exchange[] = [];
    const { client, server, simulated, log, finish } = await stage({
      downstream: ({ host }, text) => {
        if (text === '?') {
          host.opaque('unknown_type');
          host.opaque('oversized');
          return undefined;
        }
        const x = host.take();
        host.begin(x);
        ending.push(x);
        return undefined;
      },
      end: ({ host }) => {
        for (const x of ending.splice(0)) host.end(x);
      },
    });
    for (const piece of ['a', '?', 'b', 'c']) {
      client.send(piece);
      simulated.run();
      server.send(piece);
      simulated.run();
    }
    expect([server.text, client.text]).toEqual(['a?bc', 'a?bc']);
    expect(log).toEqual(['> 0 a', '< 0 a', '> 1 ?', '> end error', '< end error']);
    expect(simulated.parts.observer.open).toBe(0);
    expect(counted(simulated)).toBe(1);
    expect(simulated.parts.plane.connections()[0]!.state).toBe('opaque:unknown_type');
    client.end();
    server.end();
    simulated.run();
    expect([client.closed?.how, server.closed?.how]).toEqual(['fin', 'fin']);
    finish();
  });

  test('observed, before the server was dialled: it is dialled, and gets everything', async () => {
    const sessions: ScriptedSession[] = [];
    const protocol = scriptedProtocol(giveUp, sessions, 'client');
    const simulated = await SimulatedPlane.start({ protocol });
    const client = simulated.dial();
    client.send('TLS?');
    simulated.run();
    expect(simulated.servers[0]!.text).toBe('TLS?');
    client.reset();
    simulated.run();
    simulated.expectBalanced();
  });

  test('observed, with something held in the gate: it leaves', async () => {
    const { client, server, simulated, finish } = await stage({
      open: ({ host }) => host.setGear(downstream, 'gate'),
      downstream: ({ host }, text) => (text.includes('?') ? host.opaque('unknown_type') : undefined) as undefined,
    });
    client.send('held ');
    simulated.run();
    expect(server.text).toBe('');
    client.send('and? ');
    simulated.run();
    client.send('on');
    simulated.run();
    expect(server.text).toBe('held and? on');
    finish();
  });

  test('enforced: closes, and nothing of it leaves', async () => {
    const { client, server, simulated, finish } = await stage(
      {
        downstream: ({ host }, text, at) => {
          if (text.includes('?')) host.opaque('unknown_type');
          host.clear(downstream, at + text.length); // a session that has not noticed
          return undefined;
        },
      },
      enforcing,
    );
    client.send('fine');
    simulated.run();
    client.send('what? secret');
    simulated.run();
    expect([server.text, server.ended, client.ended]).toEqual(['fine', true, true]);
    expect(counted(simulated)).toBe(1);
    expect(simulated.parts.observer.log.at(-1)).toBe('session end opaque:unknown_type');
    finish();
  });
});

describe('a session that throws', () => {
  const careless: Script = {
    downstream: ({ host }, text, at) => {
      if (text === 'boom') throw new Error('bug');
      host.clear(downstream, at + text.length);
      return undefined;
    },
  };

  test('observed: the bytes go on, counted and logged once', async () => {
    const { client, server, simulated, finish } = await stage(careless);
    for (const piece of ['a', 'boom', 'boom', 'b']) {
      client.send(piece);
      simulated.run();
    }
    expect(server.text).toBe('aboomboomb');
    expect(simulated.parts.errors.splice(0)).toHaveLength(1);
    expect(simulated.stat('sluice.opaque.scripted.internal.connections')).toBe(1);
    finish();
  });

  test('enforced: closes', async () => {
    const { client, server, simulated, finish } = await stage(careless, enforcing);
    client.send('a');
    simulated.run();
    client.send('boom');
    simulated.run();
    expect([server.text, client.ended, server.ended]).toEqual(['a', true, true]);
    expect(simulated.parts.errors.splice(0)).toHaveLength(1);
    finish();
  });

  test('observed, but what is held may not leave unread: closes', async () => {
    const { session, client, server, simulated, finish } = await stage({
      open: ({ host }) => host.setGear(upstream, 'gate'),
      upstream: ({ host }, text, at) => {
        if (text.includes('boom')) throw new Error('bug');
        host.clear(upstream, at + text.length);
        return undefined;
      },
    });
    session.closesWhenOpaque = true;
    for (const piece of ['a', 'boom at a broker’s address', 'b']) {
      server.send(piece);
      simulated.run();
    }
    expect([client.text, client.ended, server.ended]).toEqual(['a', true, true]);
    expect(simulated.parts.errors.splice(0)).toHaveLength(1);
    finish();
  });

  test('when told of an end: the connection still ends whole', async () => {
    const { client, server, simulated, finish } = await stage({
      end: () => {
        throw new Error('bug');
      },
    });
    client.send('x').end();
    simulated.run();
    server.send('y').end();
    simulated.run();
    expect([server.text, client.text, client.closed?.how]).toEqual(['x', 'y', 'fin']);
    expect(simulated.parts.errors.splice(0)).toHaveLength(1);
    finish();
  });

  test('when it opens: that connection ends', async () => {
    const protocol = scriptedProtocol(
      {
        open: () => {
          throw new Error('bug');
        },
      },
      [],
    );
    const simulated = await SimulatedPlane.start({ protocol });
    const client = simulated.dial();
    simulated.run();
    expect(client.ended).toBe(true);
    client.end();
    simulated.run();
    expect(simulated.parts.errors.splice(0)).toHaveLength(1);
    simulated.expectBalanced();
  });

  test('when asked whether it is quiet: a drain goes on with the others', async () => {
    let broken = false;
    const { client, server, simulated, session, finish } = await stage({
      quiet: () => {
        if (broken) throw new Error('bug');
        return true;
      },
    });
    expect(session.quiet).toBe(true);
    broken = true;
    await simulated.parts.plane.drain(1e9);
    simulated.run();
    expect([client.ended, server.ended]).toEqual([true, true]);
    expect(simulated.parts.errors.splice(0)).toHaveLength(1);
    finish();
  });
});

describe('exchanges', () => {
  /** One exchange a request chunk; one reply chunk ends the oldest. */
  const counting = (open: Exchange[] = []): Script => ({
    downstream: ({ host }, text, at) => {
      const x = host.take();
      host.begin(x);
      open.push(x);
      host.clear(downstream, at + text.length);
      return undefined;
    },
    upstream: ({ host }, text, at) => {
      const x = open.shift();
      if (x) {
        x.replyLastByteAt = host.now();
        host.end(x);
      }
      host.clear(upstream, at + text.length);
      return undefined;
    },
    end: ({ host }, side, how) => {
      if (side === downstream && how === 'fin') return; // answers may still come
      for (const x of open.splice(0)) host.end(x);
    },
  });

  for (const gear of ['tap', 'gate'] as const) {
    test(`${gear}: end is told when the client has taken the reply`, async () => {
      const script = counting();
      const { client, server, simulated, finish } = await stage(
        {
          ...script,
          open: ({ host }) => {
            if (gear === 'gate') host.setGear(upstream, 'gate');
          },
        },
        { wire: { kernelBytes: 1000 } },
      );
      client.send('q1');
      simulated.run(10);
      server.send('r1');
      simulated.run(10);
      const { ended } = simulated.parts.observer;
      expect(ended).toHaveLength(1);
      const at = ended[0]!.acceptedAt;
      expect(at).toBeGreaterThan(0);

      client.transport.readDisable(true);
      client.send('q2');
      simulated.run(10);
      server.send('r'.repeat(3000));
      simulated.run(10);
      expect(ended).toHaveLength(1);
      simulated.run(500);
      client.transport.readDisable(false);
      simulated.run(10);
      expect(ended).toHaveLength(2);
      expect(ended[1]!.acceptedAt).toBeGreaterThanOrEqual(at + 500);
      finish();
    });
  }

  for (const gear of ['tap', 'gate'] as const) {
    for (const slow of [true, false]) {
      test(`${gear}, ${slow ? 'a slow' : 'an eager'} client pipelines to two databases: each command is recorded under its own`, async () => {
        const { client, server, simulated, session, finish } = await stage(
          {
            open: ({ host }) => {
              if (gear === 'gate') host.setGear(upstream, 'gate');
            },
            upstream: ({ host }, text, at) => {
              for (const database of text.match(/[a-z]/g) ?? []) {
                const x = host.take();
                host.begin(x);
                x.replyLastByteAt = host.now();
                if (host.facts.database !== database) host.confirm({ database });
                host.end(x);
              }
              host.clear(upstream, at + text.length);
              return undefined;
            },
          },
          { wire: { kernelBytes: 100 } },
        );
        client.send('q');
        simulated.run(10);
        if (slow) client.transport.readDisable(true);
        server.send(`a${'0'.repeat(3000)}`);
        simulated.run(10);
        server.send('bab');
        simulated.run(10);
        server.send('c');
        simulated.run(10);
        if (slow) client.transport.readDisable(false);
        simulated.run(10);
        const { ended } = simulated.parts.observer;
        expect(ended.map(({ database }) => database).join('')).toBe('ababc');
        expect(session.host.facts.database).toBe('c');
        finish();
      });
    }
  }

  const deaths: Record<string, (stage: Stage) => void | Promise<void>> = {
    'the client resets': ({ client }) => void client.reset(),
    'the server resets': ({ server }) => void server.reset(),
    'both end': ({ client, server }) => {
      client.end();
      server.end();
    },
    'the client ends, then the server resets': ({ client, server, simulated }) => {
      client.end();
      simulated.run();
      server.reset();
    },
    'the host closes it': ({ session }) => session.host.close('enough'),
    'it goes opaque': ({ session }) => session.host.opaque('truncated'),
    'the plane is closed': ({ simulated }) => simulated.parts.plane.close(),
    'the plane is drained, to the limit': async ({ simulated }) => {
      const drained = simulated.parts.plane.drain(100);
      await new Promise((resolve) => setImmediate(resolve));
      simulated.run(200);
      await drained;
    },
    'a slow client resets': ({ client, server, simulated }) => {
      client.transport.readDisable(true);
      server.send('r'.repeat(200_000));
      simulated.run();
      client.transport.readDisable(false);
      client.reset();
    },
  };
  for (const gear of ['tap', 'gate'] as const) {
    for (const [name, die] of Object.entries(deaths)) {
      test(`${gear}, open when ${name}: each ends once`, async () => {
        const script: Script = { ...counting(), quiet: () => false };
        const staged = await stage(script, gear === 'gate' ? enforcing : {});
        const { client, simulated } = staged;
        for (const piece of ['a', 'b', 'c']) {
          client.send(piece);
          simulated.run();
        }
        expect(simulated.parts.observer.open).toBe(3);
        await die(staged);
        simulated.run();
        const ends = simulated.parts.observer.ended.map(({ seq }) => seq);
        expect(ends.sort()).toEqual([1, 2, 3]);
        staged.finish();
      });
    }
  }

  test('what was only taken for a verdict is no exchange', async () => {
    const { client, simulated, finish } = await stage({
      downstream: ({ host }) => host.drop(host.take()) as undefined,
    });
    client.send('x');
    simulated.run();
    expect(simulated.parts.plane.connections()[0]!.exchanges).toBe(0);
    finish();
  });

  test('a session that closes while it reads is told of the end after it has returned', async () => {
    // ScriptedSession throws when it is entered twice.
    const { client, simulated, log, finish } = await stage({
      downstream: ({ host }) => host.close('enough') as undefined,
    });
    client.send('x');
    simulated.run();
    expect(log).toEqual(['> 0 x', '> end error', '< end error']);
    expect(simulated.parts.errors).toEqual([]);
    finish();
  });

  test('a dial that fails within the session’s call does not enter it again', async () => {
    const sessions: ScriptedSession[] = [];
    const protocol = scriptedProtocol({ downstream: ({ host }) => host.connect() as never }, sessions, 'client');
    const simulated = await SimulatedPlane.start({ protocol, cluster: { endpoints: [] } });
    const client = simulated.dial();
    client.send('x');
    simulated.run();
    expect(sessions[0]!.log).toEqual(['> 0 x', '> end error', '< end error']);
    expect(client.closed?.how).toBe('reset');
    simulated.expectBalanced();
  });
});

describe('keys and dialling', () => {
  test('the server is dialled when the session asks', async () => {
    const sessions: ScriptedSession[] = [];
    const protocol = scriptedProtocol(
      { downstream: ({ host }, text) => (text.includes('!') ? host.connect() : undefined) as undefined },
      sessions,
      'client',
    );
    const simulated = await SimulatedPlane.start({ protocol });
    const client = simulated.dial();
    client.send('not yet');
    simulated.run();
    expect(simulated.servers).toHaveLength(0);
    client.send(', now!');
    simulated.run();
    expect(simulated.servers[0]!.text).toBe('not yet, now!');
    client.reset();
    simulated.run();
    simulated.expectBalanced();
  });

  test('a client that goes before its first message is whole asks for no server', async () => {
    const protocol = scriptedProtocol({ downstream: () => undefined }, [], 'client');
    const simulated = await SimulatedPlane.start({ protocol });
    const client = simulated.dial();
    client.send('half').end();
    simulated.run();
    expect([simulated.servers.length, client.closed?.how]).toEqual([0, 'fin']);
    simulated.expectBalanced();
  });

  test('a key leads to the host that issued it, and is forgotten with its connection', async () => {
    const hosts = ['10.0.0.2', '10.0.0.3', '10.0.0.4'];
    const key = Uint8Array.of(1, 2, 255);
    const sessions: ScriptedSession[] = [];
    let known: boolean | null = null;
    const protocol = scriptedProtocol(
      {
        downstream: ({ host }, text) => {
          if (text === 'cancel') known = host.connect(key);
          else host.connect();
          return undefined;
        },
        upstream: ({ host }) => host.learn(key) as undefined,
      },
      sessions,
      'client',
    );
    const simulated = await SimulatedPlane.start(
      {
        protocol,
        cluster: { endpoints: hosts.map((host) => ({ address: { kind: 'ip', host, port: 5432 }, weight: 1 })) },
      },
      { server: false },
    );
    for (const host of hosts) await Endpoint.listen(simulated.network, ipAddress(host, 5432), simulated.servers);
    const first = simulated.dial();
    first.send('hello');
    simulated.run();
    const issuer = simulated.servers[0]!;
    issuer.send('key');
    simulated.run();
    expect([...simulated.parts.keys]).toEqual([['0102ff', issuer.transport.local.text]]);
    for (let i = 0; i < 5; i++) {
      const canceller = simulated.dial();
      canceller.send('cancel');
      simulated.run();
      expect(known).toBe(true);
      expect(simulated.servers.at(-1)!.transport.local.text).toBe(issuer.transport.local.text);
      canceller.reset();
      simulated.run();
    }
    first.reset();
    simulated.run();
    const late = simulated.dial();
    late.send('cancel');
    simulated.run();
    expect(known).toBe(false);
    late.reset();
    simulated.run();
    simulated.expectBalanced();
  });
});

describe('drain', () => {
  const farewell = () => bytes('shutting down');

  test('a quiet connection leaves at once, with the farewell', async () => {
    const { client, server, simulated, log, finish } = await stage({ farewell });
    await simulated.parts.plane.drain(1e9);
    simulated.run();
    expect([client.text, client.ended, server.ended]).toEqual(['shutting down', true, true]);
    expect(log).toEqual(['> end drain', '< end drain']);
    expect(simulated.stat('sluice.listener.front.drained_quiet')).toBe(1);
    finish();
  });

  test('a busy one at its next quiet point, after its reply', async () => {
    let quiet = true;
    const { client, server, simulated, finish } = await stage({
      farewell,
      quiet: () => quiet,
      downstream: () => {
        quiet = false;
        return undefined;
      },
      upstream: (_session, text) => {
        quiet = text.endsWith('.');
        return undefined;
      },
    });
    client.send('question');
    simulated.run();
    const drained = simulated.parts.plane.drain(1e9);
    await new Promise((resolve) => setImmediate(resolve));
    simulated.run(100);
    expect(client.ended).toBe(false);
    server.send('half an ');
    simulated.run(10);
    expect(client.ended).toBe(false);
    server.send('answer.');
    simulated.run(10);
    await drained;
    expect([client.text, client.ended]).toEqual(['half an answer.shutting down', true]);
    finish();
  });

  test('one with something held is not quiet; it leaves when a late verdict has made it so', async () => {
    let decided = false;
    const { client, server, simulated, session, finish } = await stage(
      {
        farewell,
        downstream: ({ host }, text, at) => {
          if (!decided) return at;
          host.clear(downstream, at + text.length);
          return undefined;
        },
      },
      enforcing,
    );
    client.send('x');
    simulated.run();
    const drained = simulated.parts.plane.drain(1e9);
    await new Promise((resolve) => setImmediate(resolve));
    expect(simulated.parts.plane.active).toBe(1);
    decided = true;
    session.host.resume(downstream);
    await drained;
    simulated.run();
    expect([server.text, client.text]).toEqual(['x', 'shutting down']);
    finish();
  });

  test('a connection that an earlier filter still holds back leaves too', async () => {
    const protocol = scriptedProtocol({ farewell }, []);
    const judge = (): NetworkFilter => ({ name: 'waits', onNewConnection: () => FilterStatus.StopIteration });
    const simulated = await SimulatedPlane.start({ protocol, judge });
    const config = listenerConfig({ protocol, judge });
    const filters = [...config.filterChains[0]!.filters];
    [filters[0], filters[1]] = [filters[1]!, filters[0]!];
    await simulated.parts.plane.apply({
      ...snapshotOf({ protocol, judge }),
      listeners: [{ ...config, filterChains: [{ name: '', filters }] }],
    });
    const clients = [simulated.dial(), simulated.dial()];
    simulated.run();
    clients[0]!.reset(); // its session was never opened
    simulated.run();
    await simulated.parts.plane.drain(1e9);
    for (const client of clients) if (client.closed === null) client.end();
    simulated.run();
    expect(simulated.parts.observer.log).toEqual([]);
    simulated.expectBalanced();
  });
});
